"""Hands a letter in, waits until it lies in an office's inbox, and acknowledges it, with suds.

python letter_suds.py WSDL AUTHORITY.pem CLIENT.pem LETTER.xml OFFICE RECEIPT.xml
"""

import base64
import ssl
import sys
import time
import urllib.request
from pathlib import Path

from suds.client import Client
from suds.transport.http import HttpTransport


class MutualTls(HttpTransport):
    """HTTPS with a client certificate."""

    def __init__(self, context: ssl.SSLContext) -> None:
        HttpTransport.__init__(self)
        self._context = context

    def u2handlers(self) -> list:
        return [*HttpTransport.u2handlers(self), urllib.request.HTTPSHandler(context=self._context)]


def main(wsdl: str, authority: str, client: str, letter: str, office: str, receipt: str) -> int:
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(client)
    hub = Client(wsdl, transport=MutualTls(context), cache=None).service
    octets = base64.b64encode(Path(letter).read_bytes()).decode()
    answer = hub.SubmitEnvelope(octets, "application/xml")
    Path(receipt).write_bytes(base64.b64decode(answer.receipt))
    for _ in range(300):
        lying = hub.ListInbox(office)
        for one in getattr(lying, "letter", None) or []:
            if one.reference == answer.reference:
                now = hub.Acknowledge(one.delivery, "SUDS-1")
                print(answer.status, one.delivery, now.state)
                return 0
        time.sleep(0.1)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
