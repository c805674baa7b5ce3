"""Writes a report as one page to print and file: nothing outside is loaded, everything is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape

from gateway import __version__
from gateway.verifier import texts
from gateway.verifier.facts import anchors, facts
from gateway.verifier.report import MARKS, Report

_RIGHT_TO_LEFT = frozenset({"ar"})
_STYLE = """
@page { size: A4; margin: 18mm 16mm; }
body { font: 11pt/1.5 system-ui, "Noto Sans", "Noto Naskh Arabic", "Amiri", sans-serif; color: #111;
  background: #fff; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
h1, h2, h3 { break-after: avoid; }
.verdict { border: 2px solid; border-inline-start-width: .75rem; padding: .75rem 1rem; margin: 1.25rem 0; }
.verdict strong { display: block; font-size: 1.15rem; }
.good { border-color: #1c6b43; } .bad, .usage { border-color: #a3251d; }
.undecided, .note { border-color: #8a5a00; }
ol { padding: 0; list-style: none; }
li { padding: .25rem 0; display: flex; gap: .6rem; break-inside: avoid; }
.mark { flex: none; width: 1.2rem; text-align: center; font-weight: 700; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; vertical-align: top; padding: .3rem .5rem .3rem 0;
  border-bottom: 1px solid #ccc; }
th { font-weight: 600; width: 30%; } tr { break-inside: avoid; }
.code, code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .85em;
  overflow-wrap: anywhere; }
footer { margin-top: 2rem; font-size: .85em; color: #444; }
"""


def page(report: Report, language: str, now: datetime) -> str:
    """The report as an HTML document in ``language``.

    Args:
        now: when it was verified, aware.
    """
    direction = "rtl" if language in _RIGHT_TO_LEFT else "ltr"
    title = _label("label.title", language)
    return "".join(
        (
            f'<!doctype html>\n<html lang="{escape(language)}" dir="{direction}">\n<head>\n',
            '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "style-src 'unsafe-inline'\">\n",
            f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n",
            f"<h1>{title}</h1>\n<p><bdi>{escape(report.file)}</bdi></p>\n",
            *_verdict(report, language),
            *_section(report, language),
            *_anchors(report, language),
            *_foot(language, now),
            "</body>\n</html>\n",
        )
    )


def _label(code: str, language: str, **values: str) -> str:
    return escape(texts.text(code, language, values))


def _verdict(report: Report, language: str) -> Iterator[str]:
    word = escape(texts.text(f"word.{report.verdict.value}", language, {}))
    yield f'<div class="verdict {report.verdict.value}"><strong>{MARKS[report.verdict]} {word}</strong>\n'
    yield f"<p>{escape(report.sentence(language))}</p></div>\n"


def _section(report: Report, language: str) -> Iterator[str]:
    title = _label("label.steps", language)
    yield f"<h2>{title}</h2>\n<ol>\n"
    for step in report.steps:
        text, code = escape(step.text(language)), escape(step.code)
        yield f'<li><span class="mark">{MARKS[step.status]}</span><span>{text} '
        yield f'<bdi class="code" dir="ltr">{code}</bdi></span></li>\n'
    yield "</ol>\n"
    yield from _facts(report, language)
    for part in report.parts:
        yield f"<section>\n<h2>{MARKS[part.verdict]} <bdi>{escape(part.file)}</bdi></h2>\n"
        yield from _section(part, language)
        yield "</section>\n"


def _facts(report: Report, language: str) -> Iterator[str]:
    found = facts(report, language)
    if not found:
        return
    title = _label("label.facts", language)
    yield f"<h2>{title}</h2>\n<table>\n"
    for fact in found:
        kind = ' class="code" dir="ltr"' if fact.code else ""
        yield f'<tr><th scope="row">{escape(fact.label)}</th>'
        yield f"<td><bdi{kind}>{escape(fact.value)}</bdi></td></tr>\n"
    yield "</table>\n"


def _anchors(report: Report, language: str) -> Iterator[str]:
    found = anchors(report)
    if not found:
        return
    title, compare = _label("label.anchors", language), _label("label.compare", language)
    yield f"<h2>{title}</h2>\n<p>{compare}</p>\n<table>\n"
    for anchor in found:
        yield f'<tr><td><bdi dir="ltr">{escape(anchor.name)}</bdi><br>SHA-256 '
        yield f'<bdi class="code" dir="ltr">{escape(anchor.fingerprint)}</bdi></td></tr>\n'
    yield "</table>\n"


def _foot(language: str, now: datetime) -> Iterator[str]:
    made = _label("label.made", language, version=__version__, time=texts.moment(now))
    yield f"<footer>{made}</footer>\n"
