"""Writes the catalogue of reasons as a document: ``python -m gateway.i18n.reason_docs docs/reasons.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.domain.evidence.reasons import Actor, Reason
from gateway.i18n.areas import AREAS, reasons_of
from gateway.i18n.catalogue import FALLBACK, shipped_languages
from gateway.i18n.translator import Translator

_HEAD = """\
# Reasons

Why a letter or a request was refused, delayed or given up. Refusals and receipts name the code; programs act
on codes, people read the texts. A code keeps its meaning for ever; texts may become better.

This page is written by `python -m gateway.i18n.reason_docs docs/reasons.md` from
`gateway/domain/evidence/reasons.toml`. `{…}` stands for what a case brings. *HTTP* is the status of an
answer that refuses a request; reasons without one stand in receipts and in what is told of a delivery.
*ETSI* is the event reason of ETSI TS 102 640-2 V2.1.1, Annex D (`http:uri.etsi.org/REM/EventReason#…`),
where one fits.
"""
_ACTS = {
    Actor.SENDER: "the sender",
    Actor.RECIPIENT: "the recipient",
    Actor.HUB: "the hub's operator",
}


def document() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_HEAD, *_contents(), *(line for area in AREAS for line in _section(area))])


def _contents() -> Iterator[str]:
    for area, title in AREAS.items():
        if reasons_of(area):
            yield f"- [{title}](#{area.lower()})"
    yield ""


def _section(area: str) -> Iterator[str]:
    found = reasons_of(area)
    if not found:
        return
    yield f'## <a id="{area.lower()}"></a>{AREAS[area]}\n'
    for reason in found:
        yield from _entry(reason)


def _entry(reason: Reason) -> Iterator[str]:
    facts = [f"{_ACTS[reason.act]} must act"]
    if reason.http is not None:
        facts.append(f"HTTP {reason.http}")
    if reason.etsi is not None:
        facts.append(f"ETSI `{reason.etsi}`")
    yield f"### {reason.code}\n"
    yield f"{', '.join(facts)}\n"
    for language in _languages():
        words = f"**{_plain(reason.texts[language])}** {_plain(reason.remedies[language])}"
        if language == FALLBACK:
            yield f"{words}\n"
        else:
            direction = Translator(language).direction
            yield f'<p lang="{language}" dir="{direction}">\n\n{words}\n\n</p>\n'


def _languages() -> list[str]:
    return [FALLBACK, *sorted(set(shipped_languages()) - {FALLBACK}, reverse=True)]


def _plain(text: str) -> str:
    """A text that Markdown leaves alone."""
    return "".join(f"\\{sign}" if sign in "\\*_<>[]`|#" else sign for sign in text)


def main(arguments: list[str]) -> int:
    """Write the page to the path named by the only argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m gateway.i18n.reason_docs FILE\n")
        return 2
    Path(arguments[0]).write_text(document(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
