# A Postfix and an alias file, to be converted.
mkdir -p /etc/postfix
cat > /etc/postfix/main.cf << 'END'
myhostname = mail.example.org
mydestination =
virtual_mailbox_domains = example.net
virtual_mailbox_maps = inline:{ann@example.net=ann}
virtual_transport = lmtp:unix:/run/dovecot/lmtp
relayhost = [relay.example.net]
END
printf 'root: ann\nmanager: bob\n' > /etc/aliases
