# The site that pages speak of, unless they make another: that of the package, with a store and entries for a few people. Typed
# by Scripts/type-page before a page is; what else a page speaks of is in the file of its name.

# A store, which takes every recipient.
mkdir -p /run/dovecot /run/zroute /var/lib/zroute
zroute lmtp-sink --socket /run/dovecot/lmtp --socket-mode 0666 --maildir /var/mail/sink > /dev/null 2>&1 &
until [ -S /run/dovecot/lmtp ]; do sleep 0.05; done

cat > /etc/zmailer/db/fqdnroutes << 'END'
ann@example.org           smtp-lmtp!store1!ann%2
bob@example.org           smtp-lmtp!store1!bob%2
user@example.org          smtp-lmtp!store1!user%2
user@virtual.example      smtp-lmtp!node!fg56778%2
END
echo 'team@example.org: ann@example.org, bob@example.org' > /etc/zmailer/db/fqdnaliases

# What commands are given: a message, addresses, a checkout of the site, a log, and tests.
printf 'Subject: hello\n\nUntil tomorrow.\n' > message
printf '%s\n' ann@example.org team@example.org > addresses
cp -a /etc/zmailer checkout
cp /etc/zmailer/zmailer.conf old.conf
cp /etc/zmailer/zmailer.conf new.conf
echo '2026-11-29T10:00:00+00:00 mail postfix/lmtp[812]: 4F1: to=<ann@example.org>, relay=store1, status=sent' > /var/log/mail.log
zroute route-test --format tsv - < addresses > routes.test

# submit NAME RECIPIENT: puts a message into the spool.
submit() {
    printf '%s\n' 'from <sender@far.example>' "to <$2>" env-end 'Subject: hello' '' 'Until tomorrow.' \
        > "/var/spool/postoffice/public/$1"
    chown zroute: "/var/spool/postoffice/public/$1"
    mv "/var/spool/postoffice/public/$1" /var/spool/postoffice/router/
}
