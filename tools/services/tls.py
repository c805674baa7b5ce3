"""Which files a server shows its clients in TLS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tls:
    """PEM files; the server gets copies of its own, so that it may read them whoever runs it.

    Attributes:
        authority: who issued the certificate, for clients and for servers that send it along.
    """

    authority: Path
    certificate: Path
    key: Path
