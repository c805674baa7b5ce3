"""Brings the shipped catalogues in line with the sources: ``python -m gateway.i18n.update``.

New texts are added empty (English ones with the source text itself), texts that nothing uses are
dropped. What then is still empty, a translator fills in.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from gateway.i18n.catalogue import FALLBACK, SHIPPED, read_catalogue, shipped_languages
from gateway.i18n.completeness import faults_of
from gateway.i18n.extraction import Message, extract

_NOISE = tuple(
    f'"{header}:'.encode()
    for header in (
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Generated-By",
        "Last-Translator",
        "Language-Team",
        "Report-Msgid-Bugs-To",
        "Project-Id-Version",
    )
)


def updated(catalogue: Catalog, messages: Collection[Message], *, is_source: bool) -> Catalog:
    """A catalogue of exactly ``messages`` with the translations that ``catalogue`` has for them."""
    fresh = Catalog(locale=catalogue.locale, charset="utf-8", fuzzy=False)
    fresh.mime_headers = catalogue.mime_headers
    fresh.header_comment = catalogue.header_comment
    for message in sorted(messages, key=str):
        known = catalogue.get(message.singular)
        source: str | tuple[str, ...] = message.singular
        if message.plural is not None:
            source = (message.singular, message.plural)
        string = known.string if known is not None else source if is_source else ""
        fresh.add(source, string, flags=known.flags if known is not None else ())
    return fresh


def rendered(catalogue: Catalog) -> bytes:
    """The catalogue as a ``.po`` file, sorted, without the lines that change by themselves."""
    written = BytesIO()
    write_po(written, catalogue, width=100, no_location=True, sort_output=True)
    return b"\n".join(line for line in written.getvalue().split(b"\n") if not _is_noise(line))


def _is_noise(line: bytes) -> bool:
    return line.startswith(_NOISE)


def main(folder: Path = SHIPPED) -> int:
    """Update every catalogue in ``folder`` and tell what is still missing.

    Returns:
        0 when all texts are translated, else 1.
    """
    messages = extract(Path(__file__).parent.parent).messages
    incomplete = 0
    for language in shipped_languages():
        path = folder / f"{language}.po"
        catalogue = updated(read_catalogue(path), messages.keys(), is_source=language == FALLBACK)
        path.write_bytes(rendered(catalogue))
        faults = faults_of(read_catalogue(path), messages.keys())
        incomplete += len(faults)
        sys.stdout.write("".join(f"{path.name}: {fault}\n" for fault in faults))
    return 1 if incomplete else 0


if __name__ == "__main__":
    sys.exit(main())
