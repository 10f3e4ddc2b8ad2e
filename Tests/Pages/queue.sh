# A submission of the name that the page has, and one that is routed and waits.
submit first ann@example.org
zroute route-queue > /dev/null
for directory in transport queue; do
    mv /var/spool/postoffice/$directory/[0-9]* /var/spool/postoffice/$directory/16517015
done
submit 16517015 ann@example.org
