# A machine on which ZMailer runs: its configuration and compiled maps, its log, a message that waits in its spool, and a store.
# The package of zroute is there, and not installed.
dpkg-deb -x zroute/zroute_*.deb /opt/unpacked
PATH=$PATH:/opt/unpacked/usr/bin
mkdir -p /etc/zmailer /usr/share/zmailer /var/lib/zmailer/db /var/log/zmailer /run/dovecot
groupadd --system zroute && useradd --system -g zroute -d /var/spool/postoffice -s /usr/sbin/nologin zroute
install -d -o zroute -g zroute /var/spool/postoffice/{router,public,transport,queue,postman,deferred}
cat > /etc/zmailer/zmailer.conf << 'END'
ZCONFIG=/etc/zmailer/zmailer.conf
MAILVAR=/var/lib/zmailer
MAILSHARE=/usr/share/zmailer
POSTOFFICE=/var/spool/postoffice
LOGDIR=/var/log/zmailer
DBTYPE=btree
hostname=mail.example.org
END
cat > /usr/share/zmailer/scheduler.conf << 'END'
*/*
    interval=1m expiry=3d retries="1 1 2 3 5 8 13 21 34"
smtp-lmtp
    command="smtp -c $channel -M -x -F UNIX:/run/dovecot/lmtp"
END
cat > /var/lib/zmailer/db/dbases.conf << 'END'
aliases      $DBTYPE  root:0:644  -la  $MAILVAR/db/aliases      -lm
fqdnaliases  $DBTYPE  root:0:644  -la  $MAILVAR/db/fqdnaliases  -lm%
fqdnroutes   $DBTYPE  root:0:644  -l   $MAILVAR/db/fqdnroutes   -lm%:
routesdb     $DBTYPE  root:0:644  -l   $MAILVAR/db/routes       -lm%:d pathalias
thishost     $DBTYPE  root:0:644  -l   $MAILVAR/db/localnames   -lm%d pathalias
END
(
    cd /var/lib/zmailer/db
    echo 'postmaster: ann@example.org' > aliases
    echo 'team@example.org: ann@example.org, bob@example.org' > fqdnaliases
    printf '%s\n' 'ann@example.org smtp-lmtp!store1!ann%2' 'bob@example.org smtp-lmtp!store1!bob%2' > fqdnroutes
    echo 'example.org error!nosuchuser' > routes
    echo 'mail.example.org' > localnames
)
zroute newdb > /dev/null
# Somebody has edited a source and not compiled it.
sed -i 's/^bob@example.org.*/bob@example.org smtp-lmtp!store2!bob%2/' /var/lib/zmailer/db/fqdnroutes
touch -d 'now + 1 hour' /var/lib/zmailer/db/fqdnroutes
cat > /var/log/zmailer/router << 'END'
20261128102207 R1 router: recipient: smtp-lmtp store1 ann
END
zroute lmtp-sink --socket /run/dovecot/lmtp --socket-mode 0666 --maildir /var/mail/store > /dev/null 2>&1 &
until [ -S /run/dovecot/lmtp ]; do sleep 0.05; done
# What ZMailer has routed before it was stopped.
printf '%s\n' 'from <sender@far.example>' 'to <ann@example.org>' env-end 'Subject: hello' '' 'Until tomorrow.' \
    > /var/spool/postoffice/router/waiting
zroute route-queue > /dev/null
chown zroute: /var/spool/postoffice/*/*
# zmailer(8) ends its daemons.
printf '#!/bin/sh\n' > /usr/local/bin/zmailer
chmod +x /usr/local/bin/zmailer
PATH=${PATH%:*}
