"""What a verified signature covered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from gateway.domain.evidence.verdict import Level


@dataclass(frozen=True)
class Signed:
    """The outcome of good cryptography; says nothing yet about the certificate's standing.

    Attributes:
        signed_bytes: the octets covered, the only ones that may be parsed.
        chain: certificates that came along, not to be trusted by themselves.
        level: which profile a letter or receipt carries; None for a seal over a file (CAdES, PAdES).
        content_digest: SHA-256 of ``signed_bytes``, lower-case hexadecimal.
    """

    signed_bytes: bytes
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    level: Level | None
    claimed_time: datetime | None
    content_digest: str
