# The sample site of Fixtures/site, which `make demo` makes, with user@example.org as well.
rm -r /etc/zmailer checkout
mkdir -p /etc/zmailer/env
cp -R "$ZROUTE_SOURCE"/Fixtures/site/. /etc/zmailer
sed -i 's#@SITE@#/etc/zmailer#g; s#^POSTOFFICE=.*#POSTOFFICE=/var/spool/postoffice#' /etc/zmailer/zmailer.conf /etc/zmailer/db/sleepyenv.conf
printf 'user@example.org\tsmtp-lmtp!cyrus-node!user%%2\n' >> /etc/zmailer/db/fqdnroutes
sed 's#/run/dovecot/lmtp#&#; s#\${LMTP_SOCKET}#/run/dovecot/lmtp#' "$ZROUTE_SOURCE/contrib/site/scheduler.conf" > /etc/zmailer/scheduler.conf
echo 'MAILSHARE=/etc/zmailer' >> /etc/zmailer/zmailer.conf
sed -i 's/^# smtp$/smtp/; s#^\#     command=.*#    command="smtp -c $channel -M -x -F UNIX:/run/dovecot/lmtp"#' /etc/zmailer/scheduler.conf
zroute newdb
for map in aliases fqdnaliases fqdnroutes; do zroute db load $map /etc/zmailer/db/$map; done
rm /etc/zmailer/db/{aliases,fqdnaliases,fqdnroutes}
cp -a /etc/zmailer checkout
echo 'bob@example.org' > addresses
zroute route-test --format tsv - < addresses > routes.test
. "$ZROUTE_SOURCE/Tests/Pages/convert.sh"
