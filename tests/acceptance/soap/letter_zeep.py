"""Hands a letter in, waits until it lies in an office's inbox, and acknowledges it: zeep and WS-Security.

python letter_zeep.py WSDL AUTHORITY.pem CLIENT.pem LETTER.xml OFFICE RECEIPT.xml [Soap11|Soap12]

Each message is signed over Body and Timestamp with SHA-256; the connection itself says nothing.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
import xmlsec
from lxml import etree
from zeep import Client
from zeep.ns import WSU
from zeep.transports import Transport
from zeep.wsse.signature import BinarySignature
from zeep.wsse.utils import get_security_header


class Signed(BinarySignature):
    """Adds a time-stamp and signs; answers come unsigned, over TLS."""

    def apply(self, envelope, headers):
        security = get_security_header(envelope)
        stamp = etree.SubElement(security, etree.QName(WSU, "Timestamp"))
        now = datetime.now(UTC).replace(microsecond=0)
        for name, moment in (("Created", now), ("Expires", now + timedelta(minutes=5))):
            etree.SubElement(stamp, etree.QName(WSU, name)).text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return super().apply(envelope, headers)

    def verify(self, envelope):
        return envelope


def main(wsdl, authority, client, letter, office, receipt, port="Soap11"):
    session = requests.Session()
    session.trust_env = False  # no other authorities
    session.verify = authority
    methods = {
        "signature_method": xmlsec.constants.TransformEcdsaSha256,
        "digest_method": xmlsec.constants.TransformSha256,
    }
    hub = Client(wsdl, transport=Transport(session=session), wsse=Signed(client, client, **methods))
    hub = hub.bind("Wasl", port)
    answer = hub.SubmitEnvelope(octets=Path(letter).read_bytes(), mediaType="application/xml")
    Path(receipt).write_bytes(answer.receipt)
    for _ in range(300):
        for one in (hub.ListInbox(office=office) or {})["letter"]:
            if one.reference == answer.reference:
                now = hub.Acknowledge(delivery=one.delivery, registerNumber="ZEEP-1")
                print(answer.status, one.delivery, now.state)
                return 0
        time.sleep(0.1)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
