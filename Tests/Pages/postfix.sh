# What the page calls Postfix's is there; its own tests run Postfix.
getent group postfix > /dev/null || groupadd postfix
mkdir -p /var/spool/postfix
echo 'storedomain=store.internal' >> /etc/zmailer/zmailer.conf
