# Starts a program as a socket unit of systemd does: with sockets that are open from descriptor 3 on, and told of in the
# environment.
#
#     hand-over.py NAMES WHAT ... -- PROGRAM ARGUMENT ...
#
# WHAT is unix:PATH or tcp:HOST:PORT (listening), datagram:PATH, bound:PATH (not listening), file:PATH, or closed. NAMES is
# LISTEN_FDNAMES, - for none. The variable COUNT takes the place of LISTEN_FDS, PROCESS that of LISTEN_PID.

import fcntl
import os
import socket
import sys

names, *rest = sys.argv[1:]
end = rest.index("--")
first = 3
# What whoever started us has open there goes on elsewhere: closing it may mean something to them.
for number in range(first, first + end):
    try:
        fcntl.fcntl(number, fcntl.F_DUPFD, 200)
        os.close(number)
    except OSError:
        pass
made = []
for what in rest[:end]:
    kind, _, place = what.partition(":")
    if kind == "tcp":
        host, _, port = place.rpartition(":")
        new = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        new.bind((host, int(port)))
        new.listen()
    elif kind in ("unix", "bound"):
        new = socket.socket(socket.AF_UNIX)
        new.bind(place)
        if kind == "unix":
            new.listen()
    elif kind == "datagram":
        new = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        new.bind(place)
    elif kind == "file":
        new = open(place, "w")
    else:
        made.append(None)
        continue
    made.append(fcntl.fcntl(new.fileno(), fcntl.F_DUPFD, 100))
    new.close()
for index, descriptor in enumerate(made):
    if descriptor is not None:
        os.dup2(descriptor, first + index)
        os.close(descriptor)
os.environ["LISTEN_FDS"] = os.environ.get("COUNT", str(len(made)))
os.environ["LISTEN_PID"] = os.environ.get("PROCESS", str(os.getpid()))
if names != "-":
    os.environ["LISTEN_FDNAMES"] = names
os.execv(rest[end + 1], rest[end + 1:])
