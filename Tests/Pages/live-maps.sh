# A live map in an environment of Berkeley DB.
mkdir /var/db && echo 'envhome = /var/db' > /etc/zmailer/db/sleepyenv.conf
echo 'envflags = CDB, CREATE' >> /etc/zmailer/db/sleepyenv.conf
sed -i 's#^fqdnroutes.*#fqdnroutes btree - -r $MAILVAR/db/live -lm%: -C $MAILVAR/db/sleepyenv.conf#' /etc/zmailer/db/dbases.conf
zroute db put fqdnroutes ann@example.org 'smtp-lmtp!store1!ann%2'
