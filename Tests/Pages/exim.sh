# What the page calls Exim's is there; its own tests run Exim. user+lists@virtual.example is the page's example.
getent group Debian-exim > /dev/null || groupadd Debian-exim
echo 'storedomain=store.internal' >> /etc/zmailer/zmailer.conf
