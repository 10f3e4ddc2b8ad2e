# The one whom the page asks for.
echo 'alice@example.org smtp-lmtp!cyrus-node!alice%2' >> /etc/zmailer/db/fqdnroutes
