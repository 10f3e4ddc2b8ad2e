"""A store for tests: aiosmtpd's LMTP on a socket in the file system.

aiosmtpd-store.py DIRECTORY [USER:PASSWORD [SIZE]]

Recipients whose names begin with `unknown` get 550 and those with `busy` 450 at RCPT; after the message those with
`full` get 452 and those with `broken` 554.
"""

import asyncio
import json
import os
import sys

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import AuthResult

directory, account, size = (sys.argv[1:] + [None, None])[:3]
REFUSED = {"unknown": "550 5.1.1 no such mailbox", "busy": "450 4.2.1 mailbox busy"}
FINAL = {"full": "452 4.2.2 over quota", "broken": "554 5.6.0 message not wanted"}


def reply(table, address, usual):
    return next((text for name, text in table.items() if address.startswith(name)), usual)


class Store:
    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = reply(REFUSED, address, "250 2.1.5 ok")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        with open(os.path.join(directory, "messages"), "a", encoding="ascii") as log:
            entry = {"to": envelope.rcpt_tos, "text": envelope.content.decode("latin-1")}
            print(json.dumps(entry), file=log)
        # aiosmtpd sends one text; LMTP wants a line a recipient in it.
        return "\r\n".join(reply(FINAL, address, "250 2.1.5 stored") for address in envelope.rcpt_tos)


def check(server, session, envelope, mechanism, data):
    given = f"{data.login.decode()}:{data.password.decode()}"
    return AuthResult(success=given == account, handled=False)


async def main():
    options = {"data_size_limit": int(size) if size else None, "enable_SMTPUTF8": True, "hostname": "store"}
    if account:
        options |= {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(
        lambda: LMTP(Store(), loop=loop, **options), os.path.join(directory, "lmtp")
    )
    async with server:
        await server.serve_forever()


asyncio.run(main())
