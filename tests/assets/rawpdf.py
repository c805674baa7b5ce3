"""PDF files made by hand, sealed or as wrong as a test wants (ISO 32000-1 7.5, EN 319 142-1)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.assets.rawder import Cms

ROOM = 4096
_RANGE = b"[0 0000000000 0000000000 0000000000]"
_START = re.compile(rb"startxref\n([0-9]+)\n%%EOF\n\Z")
_TIME = "D:%Y%m%d%H%M%SZ"
PAGE_TEXT = b"BT /F1 18 Tf 60 760 Td (ACCEPTED) Tj ET"
CATALOG, PAGE, CONTENT, FILESPEC, FILE, SEAL, FIELD, FORM, ANNOTS, META = 1, 3, 4, 5, 6, 7, 8, 9, 10, 12

Objects = dict[int, bytes]


def stream(octets: bytes, entries: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (entries, len(octets), octets)


def packed(octets: bytes, entries: bytes = b"") -> bytes:
    return stream(zlib.compress(octets), entries + b"/Filter/FlateDecode")


def objects(embedded: bytes, media_type: bytes = b"application#2Fxml") -> Objects:
    """A page, one associated file, and everything around a seal but the seal."""
    return {
        CATALOG: b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(receipt.xml) 5 0 R]>>>>"
        b"/AF[5 0 R]/AcroForm 9 0 R/Metadata 12 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        PAGE: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F1 11 0 R>>>>/Annots 10 0 R>>",
        CONTENT: stream(PAGE_TEXT),
        FILESPEC: b"<</Type/Filespec/F(receipt.xml)/UF(receipt.xml)/AFRelationship/Source"
        b"/EF<</F 6 0 R/UF 6 0 R>>>>",
        FILE: packed(embedded, b"/Type/EmbeddedFile/Subtype/" + media_type),
        FIELD: b"<</Type/Annot/Subtype/Widget/FT/Sig/T(seal)/V 7 0 R/Rect[0 0 0 0]/F 132/P 3 0 R>>",
        FORM: b"<</Fields[8 0 R]/SigFlags 3>>",
        ANNOTS: b"[8 0 R]",
        11: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        META: stream(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", b"/Type/Metadata/Subtype/XML"),
    }


@dataclass(frozen=True)
class Sealed:
    """A file under a PAdES seal.

    Attributes:
        at: the time of signing that the file states.
        hole: where the octets that the seal leaves out begin and end, as shifts of their right places.
        cms: what the signature is made with beside content and holder.
        subfilter: what the file says about the form of the signature.
    """

    holder: Any
    objects: Mapping[int, bytes]
    at: datetime
    hole: tuple[int, int] = (0, 0)
    cms: Mapping[str, Any] = field(default_factory=dict)
    subfilter: bytes = b"ETSI.CAdES.detached"

    @property
    def octets(self) -> bytes:
        stated = self.at.strftime(_TIME).encode()
        seal = (
            b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/"
            + self.subfilter
            + b"/M("
            + stated
            + b")/ByteRange "
        )
        made = {**self.objects, SEAL: seal + _RANGE + b"/Contents <" + b"0" * (2 * ROOM) + b">>>"}
        return filled(whole(made), self)


def filled(octets: bytes, sealed: Sealed) -> bytes:
    """The file with the byte range and the value of its last waiting signature."""
    start = octets.rindex(b"<" + b"0" * (2 * ROOM) + b">") + sealed.hole[0]
    end = start + 2 * ROOM + 2 + sealed.hole[1] - sealed.hole[0]
    stated = b"[0 %d %d %d]" % (start, end, len(octets) - end)
    octets = octets.replace(_RANGE, stated.ljust(len(_RANGE)))
    message = Cms(sealed.holder, octets[:start] + octets[end:], **sealed.cms).octets
    at = octets.rindex(b"<" + b"0" * (2 * ROOM) + b">") + 1
    return octets[:at] + message.hex().encode().ljust(2 * ROOM, b"0") + octets[at + 2 * ROOM :]


def whole(made: Mapping[int, bytes]) -> bytes:
    """A new file of one revision."""
    return _written(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", made, max(made) + 1, b"")


def added(before: bytes, made: Mapping[int, bytes], size: int = 40) -> bytes:
    """``before`` and a further revision with new or changed objects."""
    found = _START.search(before)
    assert found is not None
    return _written(before, made, size, b"/Prev " + found[1])


def _written(before: bytes, made: Mapping[int, bytes], size: int, more: bytes) -> bytes:
    octets, table = before, b"0 1\n0000000000 65535 f \n"
    for number, value in sorted(made.items()):
        table += b"%d 1\n%010d 00000 n \n" % (number, len(octets))
        octets += b"%d 0 obj\n%b\nendobj\n" % (number, value)
    trailer = b"trailer\n<</Size %d/Root 1 0 R%b>>\n" % (size, more)
    return octets + b"xref\n" + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(octets)


def replaced(octets: bytes, number: int, change: tuple[bytes, bytes]) -> bytes:
    """The file with other octets in one of its objects, of the same length."""
    start = octets.index(b"\n%d 0 obj" % number)
    end = octets.index(b"endobj", start)
    body = octets[start:end]
    assert change[0] in body
    assert len(change[0]) == len(change[1])
    return octets[:start] + body.replace(*change) + octets[end:]
