"""Small PDF files of a test's own, a PKI to seal them with, and what other programs say of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import assets
from gateway.pdf.objects import Name, Ref, Value, deflated
from gateway.pdf.revision import first_revision
from gateway.trust.local_authority import LocalAuthority
from gateway.trust.seal import KeySealer

MOMENT = datetime(2026, 11, 23, 9, 41, 7, tzinfo=UTC)
EMBEDDED = b"<sealed>" + b"evidence " * 40 + b"</sealed>"
VALID = "Signature is Valid"


def objects(embedded: bytes = EMBEDDED, media_type: str = "application/xml") -> dict[int, Value]:
    """The objects of a file of one page with one associated file."""
    return {
        1: {
            "Type": Name("Catalog"),
            "Pages": Ref(2),
            "Names": {"EmbeddedFiles": {"Names": [b"receipt", Ref(5)]}},
            "AF": [Ref(5)],
        },
        2: {"Type": Name("Pages"), "Kids": [Ref(3)], "Count": 1},
        3: {
            "Type": Name("Page"),
            "Parent": Ref(2),
            "MediaBox": [0, 0, 595, 842],
            "Contents": Ref(4),
            "Resources": {},
        },
        4: deflated({}, b"0 0 m 100 100 l S"),
        5: {
            "Type": Name("Filespec"),
            "F": b"receipt.xml",
            "UF": b"receipt.xml",
            "AFRelationship": Name("Source"),
            "EF": {"F": Ref(6), "UF": Ref(6)},
        },
        6: deflated({"Type": Name("EmbeddedFile"), "Subtype": Name(media_type)}, embedded),
    }


def plain_pdf(made: Mapping[int, Value] | None = None) -> bytes:
    """An unsealed file."""
    made = made or objects()
    identifier = b"0123456789abcdef"
    return first_revision(made, {"Size": len(made) + 1, "Root": Ref(1), "ID": [identifier, identifier]})


def make_pki(folder: Path) -> Any:
    """A test PKI around `MOMENT`."""
    return assets.testpki().build(folder, MOMENT)


def sealer_of(pki: Any, name: str = "hub-seal") -> KeySealer:
    return KeySealer.from_files(pki.key_path(name), pki.certificate_path(name))


def authority_of(pki: Any) -> LocalAuthority:
    """A time-stamp authority whose clock stands still."""
    holder = pki["tsa"]
    return LocalAuthority(holder.key, holder.certificate, holder.chain, lambda: MOMENT, os.urandom)


def told_by(program: str, *arguments: str | Path) -> str:
    """What a program printed, whatever it thinks."""
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, timeout=60)
    return (done.stdout + done.stderr).decode("utf-8", "replace")
