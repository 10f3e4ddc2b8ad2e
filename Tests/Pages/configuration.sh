# The page makes the spool anew.
rm -r /var/spool/postoffice
SECRET=secret
