"""Names of SOAP 1.1 and 1.2, WS-Addressing and XOP, and what differs between the two versions."""

from __future__ import annotations

from dataclasses import dataclass

SERVICE = "urn:wasl:soap:1.0"
XOP = "http://www.w3.org/2004/08/xop/include"
XOP_TYPE = "application/xop+xml"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
SECURITY = f"{{{WSSE}}}Security"
ADDRESSING = ("http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing")
ANONYMOUS = frozenset(
    {
        "http://www.w3.org/2005/08/addressing/anonymous",
        "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous",
    }
)


@dataclass(frozen=True)
class SoapVersion:
    """One version of SOAP.

    Attributes:
        target: the attribute that says for whom a header block is meant.
        ours: values of it that mean the hub.
        sender: the fault code of who must change something.
        receiver: the fault code of our own trouble.
    """

    namespace: str
    media_type: str
    target: str
    ours: frozenset[str]
    sender: str
    receiver: str

    def name(self, local: str) -> str:
        """``local`` in this version's namespace."""
        return f"{{{self.namespace}}}{local}"


SOAP11 = SoapVersion(
    "http://schemas.xmlsoap.org/soap/envelope/",
    "text/xml",
    "actor",
    frozenset({"", "http://schemas.xmlsoap.org/soap/actor/next"}),
    "Client",
    "Server",
)
SOAP12 = SoapVersion(
    "http://www.w3.org/2003/05/soap-envelope",
    "application/soap+xml",
    "role",
    frozenset(
        {
            "",
            "http://www.w3.org/2003/05/soap-envelope/role/next",
            "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
        }
    ),
    "Sender",
    "Receiver",
)
VERSIONS = (SOAP11, SOAP12)
