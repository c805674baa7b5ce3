"""Writes the revisions that put a signature or a time-stamp into a PDF file (EN 319 142-1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.pdf.file import PdfFile
from gateway.pdf.objects import Name, Ref, Value, write
from gateway.pdf.parse import NotPdf
from gateway.pdf.revision import next_revision

SEAL_FIELD = b"seal"
STAMP_FIELD = b"time-stamp"

_RANGE = b"[0 0000000000 0000000000 0000000000]"
_CONTENTS = b"/Contents <"
_PRINTED_LOCKED = 132
_DEEPEST = 8
_TIME = re.compile(rb"D:([0-9]{14})Z")
_TIME_FORMAT = "D:%Y%m%d%H%M%SZ"
_SEAL = b"/Type /Sig/Filter /Adobe.PPKLite/SubFilter /ETSI.CAdES.detached"
_STAMP = b"/Type /DocTimeStamp/Filter /Adobe.PPKLite/SubFilter /ETSI.RFC3161"
# What follows the seal may be a document time-stamp and nothing else (ISO 32000-2 12.8.2.2, P = 1).
_CERTIFIES = (
    b"/Reference [<</Type /SigRef/TransformMethod /DocMDP"
    b"/TransformParams <</Type /TransformParams/V /1.2/P 1>>>>]"
)
_EXTENSION: Value = {"ESIC": {"BaseVersion": Name("1.7"), "ExtensionLevel": 5}}
"""EN 319 142-1 clause 5.6: this file uses what is in no PDF 1.7 yet."""


@dataclass(frozen=True)
class Prepared:
    """A file that waits for its signature value.

    Attributes:
        octets: the whole file, zeros where the value will stand.
        start: where the value's opening bracket stands.
        end: behind its closing bracket.
    """

    octets: bytes
    start: int
    end: int

    @property
    def covered(self) -> bytes:
        """All octets but the value."""
        return self.octets[: self.start] + self.octets[self.end :]

    def filled(self, value: bytes) -> bytes:
        """The file with its value.

        Raises:
            ValueError: there is no room for it.
        """
        digits = value.hex().encode("ascii")
        room = self.end - self.start - 2
        if len(digits) > room:
            raise ValueError("the signature is larger than the room for it")
        return b"".join(
            (self.octets[: self.start], b"<", digits.ljust(room, b"0"), b">", self.octets[self.end :])
        )


def prepare_seal(pdf: bytes, room: int, signing_time: datetime) -> Prepared:
    """A file with a certifying signature field in a further revision.

    Args:
        room: octets for the signature value.
        signing_time: aware; stated to the second.

    Raises:
        NotPdf: ``pdf`` cannot be read, or has a form already.
    """
    file = PdfFile(pdf)
    root = file.dictionary(file.trailer.get("Root"))
    if "AcroForm" in root:
        raise NotPdf("has a form already")
    page_number, page = _first_page(file, root)
    signature, field, form, annotations = range(file.size, file.size + 4)
    stated = signing_time.astimezone(UTC).strftime(_TIME_FORMAT).encode("ascii")
    changed: dict[int, Value] = {
        _number(file.trailer.get("Root")): {
            **root,
            "AcroForm": Ref(form),
            "Perms": {"DocMDP": Ref(signature)},
            "Extensions": _EXTENSION,
        },
        page_number: {**page, "Annots": Ref(annotations)},
        field: _field(SEAL_FIELD, signature, page_number),
        form: _form(field),
        annotations: [*file.array(page.get("Annots", [])), Ref(field)],
    }
    written = {number: write(value) for number, value in changed.items()}
    written[signature] = _signature(_SEAL, room, b"/M (" + stated + b")" + _CERTIFIES)
    return _prepared(pdf, file, written, 4, room)


def prepare_stamp(sealed: bytes, room: int) -> Prepared:
    """A sealed file with a document time-stamp field in a further revision; always the same octets.

    Args:
        sealed: what `prepare_seal` made, filled.
        room: octets for the token.

    Raises:
        NotPdf: ``sealed`` is no file that was sealed here.
    """
    file = PdfFile(sealed)
    root = file.dictionary(file.trailer.get("Root"))
    form = _number(root.get("AcroForm"))
    fields = file.array(file.dictionary(Ref(form)).get("Fields"))
    if len(fields) != 1:
        raise NotPdf("has more than a seal")
    page_number, page = _first_page(file, root)
    signature, field = range(file.size, file.size + 2)
    changed: dict[int, Value] = {
        field: _field(STAMP_FIELD, signature, page_number),
        form: _form(_number(fields[0]), field),
        _number(page.get("Annots")): [*file.array(page.get("Annots")), Ref(field)],
    }
    written = {number: write(value) for number, value in changed.items()}
    written[signature] = _signature(_STAMP, room, b"")
    return _prepared(sealed, file, written, 2, room)


def stated_time(value: Value) -> datetime:
    """The time of signing as `prepare_seal` writes it.

    Raises:
        NotPdf: it is written otherwise.
    """
    found = _TIME.fullmatch(value) if isinstance(value, bytes) else None
    if found is None:
        raise NotPdf("no time of signing")
    try:
        return datetime.strptime(found[0].decode("ascii"), _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise NotPdf("no time of signing") from error


def _prepared(before: bytes, file: PdfFile, written: Mapping[int, bytes], added: int, room: int) -> Prepared:
    trailer = {name: file.trailer[name] for name in ("Root", "Info") if name in file.trailer}
    trailer |= {"Size": file.size + added, "Prev": file.start}
    identifiers = file.trailer.get("ID")
    if isinstance(identifiers, list) and identifiers:  # 14.4: the second changes with every revision
        trailer["ID"] = [identifiers[0], hashlib.sha256(before).digest()[:16]]
    octets = next_revision(before, written, trailer)
    # The last signature of the file is the one of this revision.
    contents = octets.rindex(_CONTENTS + b"0" * (2 * room) + b">")
    start = contents + len(_CONTENTS) - 1
    end = start + 2 * room + 2
    stated = b"[0 %d %d %d]" % (start, end, len(octets) - end)
    at = octets.rindex(_RANGE, 0, contents)
    return Prepared(octets[:at] + stated.ljust(len(_RANGE)) + octets[at + len(_RANGE) :], start, end)


def _signature(kind: bytes, room: int, more: bytes) -> bytes:
    return b"<<" + kind + b"/ByteRange " + _RANGE + _CONTENTS + b"0" * (2 * room) + b">" + more + b">>"


def _field(name: bytes, signature: int, page: int) -> Value:
    return {
        "Type": Name("Annot"),
        "Subtype": Name("Widget"),
        "FT": Name("Sig"),
        "T": name,
        "V": Ref(signature),
        "Rect": [0, 0, 0, 0],
        "F": _PRINTED_LOCKED,
        "P": Ref(page),
    }


def _form(*fields: int) -> Value:
    return {"Fields": [Ref(field) for field in fields], "SigFlags": 3}


def _first_page(file: PdfFile, root: Mapping[str, Value]) -> tuple[int, dict[str, Value]]:
    kid = root.get("Pages")
    for _ in range(_DEEPEST):
        node = file.dictionary(kid)
        if node.get("Type") == "Page":
            return _number(kid), node
        kid = next(iter(file.array(node.get("Kids"))), None)
    raise NotPdf("no page")


def _number(value: Value) -> int:
    if not isinstance(value, Ref):
        raise NotPdf("no reference where one belongs")
    return value.number
