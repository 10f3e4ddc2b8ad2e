# The map of the page.
sed -i 's#^fqdnroutes.*#fqdnroutes  cdb  -  -l   $MAILVAR/db/routes   -lm%:#; /^routesdb/d' /etc/zmailer/db/dbases.conf
echo 'routesdb NONE - - - -' >> /etc/zmailer/db/dbases.conf
echo 'ann@example.org  smtp-lmtp!store1!ann%2' > /etc/zmailer/db/routes
