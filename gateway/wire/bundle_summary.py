"""Writes a bundle's summary: one page that people open first, in each of the country's languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from gateway.domain.evidence.receipt import AttachmentDigest, Event, Receipt, ReceiptKind
from gateway.i18n import Translator

_STYLE = Markup(
    "body{font:16px/1.5 Georgia,'Amiri',serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}"
    "section{border-top:3px double #444;padding-top:1rem;margin-top:2rem}"
    "section:first-of-type{border:0;margin:0}h1{font-size:1.4rem}h2{font-size:1.1rem}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0}"
    "th,td{border:1px solid #999;padding:.3rem .5rem;text-align:start;vertical-align:top}"
    "code{font:13px/1.4 monospace;overflow-wrap:anywhere}"
    ".test{border:3px solid #a00;padding:.5rem;color:#a00}@page{size:A4;margin:15mm}"
    "@media print{section{break-before:page}section:first-of-type{break-before:auto}}"
)


@dataclass(frozen=True)
class ListedReceipt:
    """One receipt and the file that holds it.

    Attributes:
        recorded: whether its place in the ledger is proved beside it.
        recipient: name of the recipient concerned; None where it concerns all.
    """

    kind: ReceiptKind
    event: Event
    at: datetime
    recipient: str | None
    digest: str
    file: str
    recorded: bool


@dataclass(frozen=True)
class Summary:
    """What the page tells.

    Attributes:
        letter: file with the letter; None where it was deleted.
        attachments: each with its file, or None where it was deleted.
        purged_at: when the content was deleted by rule.
    """

    acceptance: Receipt
    made_at: datetime
    letter: str | None
    attachments: Sequence[tuple[AttachmentDigest, str | None]]
    receipts: Sequence[ListedReceipt]
    purged_at: datetime | None


def write_summary(summary: Summary, speakers: Sequence[Translator]) -> bytes:
    """The page in UTF-8; no scripts, nothing loaded, every value escaped."""
    title = f"{summary.acceptance.reference} · {summary.acceptance.issuer.name}"
    sections = Markup("\n").join(_section(summary, t) for t in speakers)
    page = Markup(
        '<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>{title}</title>'
        "<style>{style}</style></head><body>\n{sections}\n</body></html>\n"
    ).format(language=speakers[0].language, title=title, style=_STYLE, sections=sections)
    return str(page).encode()


def _section(summary: Summary, translator: Translator) -> Markup:
    blocks = [
        *_head(summary, translator),
        _facts(summary, translator),
        *_receipts(summary.receipts, translator),
        *_contents(summary, translator),
        *_advice(translator),
    ]
    return Markup('<section lang="{language}" dir="{direction}">\n{blocks}\n</section>').format(
        language=translator.language, direction=translator.direction, blocks=Markup("\n").join(blocks)
    )


def _head(summary: Summary, translator: Translator) -> Iterator[Markup]:
    th = translator.html
    yield _in("h1", th("Evidence about letter {reference}", reference=summary.acceptance.reference or "—"))
    if summary.acceptance.test:
        test = th("TEST: this concerns a test and proves nothing about real mail.")
        yield Markup('<p class="test">{}</p>').format(test)
    yield _in(
        "p",
        th(
            "Put together by {hub}, {time}.",
            hub=summary.acceptance.issuer.name,
            time=_at(translator, summary.made_at),
        ),
    )


def _facts(summary: Summary, translator: Translator) -> Markup:
    t, accepted = translator.text, summary.acceptance
    sender = [accepted.sender.name] if accepted.sender else []
    sender += [accepted.on_behalf_of.name] if accepted.on_behalf_of else []
    rows: list[tuple[str, str]] = [
        (t("Sender"), " / ".join(sender)),
        (t("Recipients"), ", ".join(one.name for one in accepted.recipients)),
        (t("Subject"), accepted.subject or "—"),
    ]
    if accepted.submitted_at is not None:
        rows.append((t("Received by the hub"), _at(translator, accepted.submitted_at)))
    if accepted.received is not None:
        rows.append((t("SHA-256 of the letter"), accepted.received.sha256))
    if summary.letter is not None:
        rows.append((t("File of the letter"), summary.letter))
    lines = (Markup("<tr><th>{}</th><td><bdi>{}</bdi></td></tr>").format(*row) for row in rows)
    return _in("table", Markup("").join(lines))


def _receipts(receipts: Sequence[ListedReceipt], translator: Translator) -> Iterator[Markup]:
    t = translator.text
    yield _in("h2", t("Receipts"))
    heads = (t("When"), t("Receipt"), t("What happened"), t("Recipient"), t("File"))
    rows = (
        (
            _at(translator, one.at),
            translator.term(one.kind),
            translator.term(one.event),
            one.recipient or "—",
            _file(one.file, one.digest),
        )
        for one in receipts
    )
    yield _table(heads, rows)
    if not all(one.recorded for one in receipts):
        missing = t("Some of them had no time-stamped place in the ledger yet when the bundle was made.")
        yield _in("p", missing)


def _contents(summary: Summary, translator: Translator) -> Iterator[Markup]:
    t, th = translator.text, translator.html
    if summary.purged_at is not None:
        time = _at(translator, summary.purged_at)
        yield _in("p", th("The content was deleted on {time} under the rules for keeping it.", time=time))
        yield _in("p", t("The receipts remain and name it by its digests."))
    if summary.attachments:
        yield _in("h2", t("Attachments"))
        rows = (
            (one.name, translator.octets(one.size), _file(file or t("not in this bundle"), one.sha256))
            for one, file in summary.attachments
        )
        yield _table((t("Name"), t("Size"), t("File")), rows)


def _advice(translator: Translator) -> Iterator[Markup]:
    t = translator.text
    yield _in("h2", t("How to verify"))
    yield _in(
        "p", t("This page proves nothing by itself. The seal of this container and the receipts in it do.")
    )
    yield Markup("<pre><code>wasl verify FILE.asice --trust TRUST-FOLDER</code></pre>")
    yield _in("p", t("The trust folder must come from a source that you believe, not from this container."))
    yield _in("p", t("The certificates in it are there for whoever keeps archives."))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    head = Markup("").join(_in("th", one) for one in heads)
    cells = (Markup("").join(Markup("<td><bdi>{}</bdi></td>").format(cell) for cell in row) for row in rows)
    return _in("table", Markup("").join([_in("tr", head), *(_in("tr", row) for row in cells)]))


def _file(name: str, digest: str) -> Markup:
    return Markup("{}<br><code>{}</code>").format(name, digest)


def _at(translator: Translator, moment: datetime) -> Markup:
    said = Markup('<bdi>{}</bdi> <bdi dir="ltr">({})</bdi>')
    return said.format(translator.moment(moment), translator.utc(moment))


def _in(tag: str, content: str) -> Markup:
    return Markup(f"<{tag}>{{}}</{tag}>").format(content)  # noqa: S704 - the tag is a literal of this module
