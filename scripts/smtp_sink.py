"""A mail server for the tests: takes mail on a free port of 127.0.0.1 and writes each one into a folder.

    smtp_sink.py MAILS FILE    FILE gets the process id and the port, one a line, once the server listens

A mail becomes MAILS/<number>.eml, whole or not at all. Its first two lines are the envelope: X-Envelope-From and X-Envelope-To (the
recipients, with commas between them). Recipients with "refused" in their address are refused with 550, those with "later" with 451.
"""

import asyncio
import os
import socket
import sys
import time

from aiosmtpd.smtp import SMTP


class Sink:
    def __init__(self, mails):
        self.mails = mails

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "refused" in address:
            return f"550 5.1.1 <{address}>: no such mailbox"
        if "later" in address:
            return f"451 4.3.0 <{address}>: try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        name = os.path.join(self.mails, f"{time.time_ns()}.eml")
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        with open(name + ".part", "wb") as file:
            file.write(head.encode() + envelope.original_content)
        os.rename(name + ".part", name)
        return "250 OK"


async def serve(listener, mails):
    sink, loop = Sink(mails), asyncio.get_running_loop()
    new = lambda: SMTP(sink, hostname="localhost", ident="sink", enable_SMTPUTF8=True, loop=loop)  # noqa: E731
    server = await loop.create_server(new, sock=listener)
    await server.serve_forever()


def main():
    mails, told = sys.argv[1:]
    os.umask(0o077)
    os.makedirs(mails, exist_ok=True)
    listener = socket.create_server(("127.0.0.1", 0))
    # Whoever starts it goes on when it listens; who connects before it serves waits in the listener's line.
    child = os.fork()
    if child:
        with open(told + ".part", "w", encoding="ascii") as file:
            file.write(f"{child}\n{listener.getsockname()[1]}\n")
        os.rename(told + ".part", told)
        os._exit(0)
    os.setsid()
    asyncio.run(serve(listener, mails))


main()
