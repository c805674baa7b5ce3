"""Writes the page that people hold in their hands: a receipt as an unsealed PDF file of one A4 page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import segno

from gateway.domain.evidence.receipt import Receipt
from gateway.i18n.terms import TERMS
from gateway.pdf.objects import Name, Real, Ref, Value, deflated, text
from gateway.pdf.revision import first_revision
from gateway.wire.pdf_canvas import HEIGHT, WIDTH, Canvas
from gateway.wire.pdf_emblem import Emblem, emblem_of
from gateway.wire.pdf_fonts import embedded_font
from gateway.wire.receipt_facts import Look
from gateway.wire.receipt_page import draw_page

__all__ = ["Look", "write_receipt_pdf"]

_SUFFIXES = {"application/xml": "xml", "application/jose": "jws", "application/jose+json": "json"}
_CATALOG, _PAGES, _PAGE, _CONTENT, _INFO, _FILE, _FILE_STREAM, _NEXT = range(1, 9)


def write_receipt_pdf(
    receipt: Receipt, digest: str, first: bytes, first_media_type: str, look: Look
) -> bytes:
    """The unsealed file; the same octets for the same arguments.

    Args:
        digest: the receipt's content digest, which the page shows and the QR code carries.
        first: the first sealed rendering, embedded octet for octet as the associated file.
    """
    name = f"receipt-{receipt.receipt_id}.{_SUFFIXES.get(first_media_type, 'bin')}"
    address = f"{look.public_url}/verify?receipt={digest}"
    canvas, emblem = Canvas(), emblem_of(look.emblem)
    draw_page(canvas, receipt, digest, look, name, _code(address), emblem)
    objects = _document(receipt, look)
    objects |= _attached(name, first, first_media_type, receipt.event_time)
    objects |= _drawn(canvas, emblem)
    identifier = bytes.fromhex(digest)[:16]
    trailer: dict[str, Value] = {
        "Size": len(objects) + 1,
        "Root": Ref(_CATALOG),
        "Info": Ref(_INFO),
        "ID": [identifier] * 2,
    }
    return first_revision(objects, trailer)


def _code(address: str) -> list[list[bool]]:
    made = segno.make(address, error="m", micro=False)
    return [[bool(cell) for cell in row] for row in made.matrix]


def _document(receipt: Receipt, look: Look) -> dict[int, Value]:
    main = look.translators[0]
    title = " ".join(filter(None, (main.text(TERMS[receipt.kind]), receipt.reference)))
    return {
        _CATALOG: {
            "Type": Name("Catalog"),
            "Pages": Ref(_PAGES),
            "Lang": text(main.language),
            "ViewerPreferences": {
                "DisplayDocTitle": True,
                "Direction": Name("R2L" if main.direction == "rtl" else "L2R"),
            },
            "Names": {"EmbeddedFiles": {"Names": [b"receipt", Ref(_FILE)]}},
            "AF": [Ref(_FILE)],
        },
        _PAGES: {"Type": Name("Pages"), "Kids": [Ref(_PAGE)], "Count": 1},
        _INFO: {
            "Title": text(title),
            "Author": text(receipt.issuer.name),
            "Producer": text("Wasl"),
            "CreationDate": _date(receipt.event_time),
            "ModDate": _date(receipt.event_time),
        },
    }


def _attached(name: str, octets: bytes, media_type: str, made: datetime) -> dict[int, Value]:
    """The associated file (ISO 32000-2 14.13)."""
    held = {"F": Ref(_FILE_STREAM), "UF": Ref(_FILE_STREAM)}
    return {
        _FILE: {
            "Type": Name("Filespec"),
            "F": text(name),
            "UF": text(name),
            "AFRelationship": Name("Source"),
            "EF": held,
        },
        _FILE_STREAM: deflated(
            {
                "Type": Name("EmbeddedFile"),
                "Subtype": Name(media_type),
                "Params": {"Size": len(octets), "ModDate": _date(made)},
            },
            octets,
        ),
    }


def _drawn(canvas: Canvas, emblem: Emblem | None) -> dict[int, Value]:
    objects: dict[int, Value] = {}
    fonts: dict[str, Value] = {}
    following = _NEXT
    for face in sorted(canvas.used, key=lambda one: one.resource):
        made = embedded_font(face, canvas.used[face], following)
        fonts[face.resource] = Ref(following)
        objects |= made
        following += len(made)
    resources: dict[str, Value] = {"Font": fonts}
    if emblem is not None:
        objects |= emblem.objects(following)
        resources["XObject"] = {"Emblem": Ref(following)}
    return {**objects, _PAGE: _page(resources), _CONTENT: deflated({}, canvas.content)}


def _page(resources: Mapping[str, Value]) -> Value:
    return {
        "Type": Name("Page"),
        "Parent": Ref(_PAGES),
        "MediaBox": [0, 0, Real(f"{WIDTH:.2f}"), Real(f"{HEIGHT:.2f}")],
        "Resources": resources,
        "Contents": Ref(_CONTENT),
    }


def _date(moment: datetime) -> bytes:
    return moment.astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ").encode("ascii")
