# The site of the page's tests, in which somebody has given gone@example.org a mailbox.
cat > /etc/zmailer/db/fqdnroutes << 'END'
bob@example.org           smtp-lmtp!cyrus-node!bob%2
eve@example.org           smtp-lmtp!cyrus-node!eve%2
gone@example.org          smtp-lmtp!cyrus-node!gone
END
echo 'team@example.org: bob@example.org, eve@example.org' > /etc/zmailer/db/fqdnaliases
echo 'broken.example delay!300' > /etc/zmailer/db/routes
rm -r checkout && cp -a /etc/zmailer checkout
echo '2026-11-29T10:00:00+00:00 mail postfix/lmtp[812]: 4F1: to=<bob@example.org>, relay=store1, status=sent' > /var/log/mail.log
