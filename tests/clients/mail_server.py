"""A mail server for the tests: aiosmtpd, behaving as its arguments say. Prints its port; each letter it takes is a line of
JSON in the file LETTERS."""

import argparse
import asyncio
import json
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("letters")
    parser.add_argument("--tls", choices=["start", "wrapped", "off"], default="off")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--exclude", action="append", help="a way to sign in that is not offered")
    parser.add_argument("--answer", action="append", default=[], help="to the next recipient, in place of taking it")
    return parser.parse_args()


class Handler:
    def __init__(self, args):
        self.args = args
        self.answers = list(args.answer)

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        encrypted = server.transport.get_extra_info("ssl_object") is not None
        letter = {
            "hello": session.host_name,
            "encrypted": encrypted,
            "signed_in": session.authenticated,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "letter": envelope.content.decode("ascii"),
        }
        with open(self.args.letters, "a", encoding="ascii") as letters:
            letters.write(json.dumps(letter) + "\n")
        return "250 2.0.0 taken"


def authenticator(args):
    def check(server, session, envelope, mechanism, data):
        good = LoginPassword(args.user.encode(), args.password.encode())
        # The server's own words repeat what it was given: a client has to keep them to itself.
        refused = AuthResult(success=False, handled=False, message=f"535 5.7.8 not {data}")
        return AuthResult(success=True) if data == good else refused

    return check


async def main():
    args = arguments()
    context = None
    if args.tls != "off":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(args.certificate, args.key)
    options = {"require_starttls": False, "tls_context": None, "hostname": "mx.test"}
    if args.tls == "start":
        options.update(require_starttls=True, tls_context=context)
    if args.user:
        options.update(
            auth_required=True,
            auth_require_tls=args.tls == "start",
            authenticator=authenticator(args),
            auth_exclude_mechanism=args.exclude,
        )
    handler = Handler(args)
    loop = asyncio.get_running_loop()
    wrapped = context if args.tls == "wrapped" else None
    server = await loop.create_server(lambda: SMTP(handler, **options), "127.0.0.1", 0, ssl=wrapped)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
