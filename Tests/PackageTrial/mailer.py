#!/usr/bin/env python3
"""Hands messages over to a socket by LMTP as a mailer does that loses none: what was not accepted is handed over again.

    mailer.py SOCKET RECIPIENT FIRST COUNT [FILE]

COUNT messages, numbered from FIRST on, to RECIPIENT, whose %d stands for twenty users, over eight connections, each of them
ended and made anew after ten messages; with FILE more of them, until FILE exists. A line of standard output is the number of
a message that was accepted. What was counted is said in the end; the status is 1 where a connection or a message was refused.
"""
import collections
import os
import smtplib
import sys
import threading

CONNECTIONS, A_CONNECTION, ATTEMPTS, MOST = 8, 10, 20, 20000

path, recipient = sys.argv[1:3]
first, count = map(int, sys.argv[3:5])
until = sys.argv[5] if len(sys.argv) > 5 else None
counts = collections.Counter()
lock = threading.Lock()
taken = 0


def next_number():
    """The number of a message that nobody hands over yet; none where there are enough."""
    global taken
    with lock:
        if counts["given up"] or taken >= MOST or (taken >= count and (until is None or os.path.exists(until))):
            return None
        taken += 1
        return first + taken - 1


def note(what):
    with lock:
        counts[what] += 1


def attempt(connection, number):
    """Whether a message was accepted, and the connection that is left for the next one."""
    try:
        if connection is None:
            note("connections")
            connection = smtplib.LMTP(path, timeout=120)
        connection.sendmail(
            "mailer@far.example", [recipient.replace("%d", str(number % 20))],
            "Subject: trial\r\nX-Number: %d\r\n\r\n%s\r\n" % (number, "All work and no play. " * 40))
        return True, connection
    except smtplib.SMTPServerDisconnected:
        note("connections that ended")
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as answer:
        codes = [answer.smtp_code] if hasattr(answer, "smtp_code") else [c for c, _ in answer.recipients.values()]
        note("refused" if any(code >= 500 for code in codes) else "deferred")
        print("message %d: %s" % (number, answer), file=sys.stderr)
    except ConnectionResetError:
        note("connections that ended")
    except OSError as error:
        # The socket is always there, and somebody listens.
        note("refused")
        print("message %d: %s" % (number, error), file=sys.stderr)
    if connection is not None:
        connection.close()
    return False, None


def hand_over():
    connection, used = None, 0
    while (number := next_number()) is not None:
        for _ in range(ATTEMPTS):
            accepted, connection = attempt(connection, number)
            if accepted:
                break
            note("handed over again")
        else:
            note("given up")
            return
        with lock:
            print(number, flush=True)
            counts["accepted"] += 1
        used += 1
        if used % A_CONNECTION == 0:
            leave(connection)
            connection = None
    if connection is not None:
        leave(connection)


def leave(connection):
    """Ends a connection, which the server may have ended."""
    try:
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()


threads = [threading.Thread(target=hand_over) for _ in range(CONNECTIONS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(", ".join("%d %s" % (counts[what], what) for what in (
    "accepted", "connections", "connections that ended", "deferred", "handed over again", "refused", "given up")),
    file=sys.stderr)
sys.exit(1 if counts["refused"] or counts["given up"] or counts["accepted"] < count else 0)
