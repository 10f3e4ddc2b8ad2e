# What is submitted: by the command, and by SMTP.
printf 'From: root@example.org\nTo: ann@example.org\nSubject: hello\n\nUntil tomorrow.\n' > message
printf '%s\r\n' 'EHLO client.example' 'MAIL FROM:<root@example.org>' 'RCPT TO:<ann@example.org>' DATA 'Subject: hello' '' 'Until tomorrow.' . QUIT > dialogue
rm -f /usr/sbin/sendmail
