"""Guides: short texts in Markdown that exist in every language, made into the pages below ``/docs/``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from gateway.assets import guides_dir
from gateway.i18n import mark

GUIDES: Mapping[str, str] = {
    "start": mark("Getting started"),
    "versions": mark("Versions, and how long they work"),
    "changes": mark("What changed in the interface"),
}
"""Each guide by its name in addresses, with its title in lists."""
ORIGINAL = "en"
_OTHER_GUIDE = re.compile(r"([a-z]+)\.[a-z]{2,3}\.md")


@dataclass(frozen=True)
class Guide:
    """One guide; ``language`` differs from the reader's where it does not exist in that one."""

    title: str
    language: str
    body: Markup


@cache
def guide(name: str, language: str) -> Guide:
    """A guide of `GUIDES` in ``language``, or in the original where there is no translation."""
    path = guides_dir() / f"{name}.{language}.md"
    if not path.is_file():
        language, path = ORIGINAL, guides_dir() / f"{name}.{ORIGINAL}.md"
    return read_guide(path.read_text("utf-8"), language)


def read_guide(text: str, language: str) -> Guide:
    """The guide that a Markdown text is: its first heading is the title; no HTML passes through."""
    reader = MarkdownIt("commonmark", {"html": False})
    tokens = reader.parse(text)
    _, title, _, *rest = tokens
    for token in _every(rest):
        _made_for_pages(token)
    # commonmark escapes whatever is no Markdown, and no raw HTML is let through
    body = Markup(reader.renderer.render(rest, reader.options, {}))  # noqa: S704
    return Guide(title.content, language, body)


def _every(tokens: Sequence[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *(token.children or ()))]


def _made_for_pages(token: Token) -> None:
    if token.type in ("fence", "code_block", "code_inline"):
        token.attrSet("dir", "ltr")
    address = token.attrGet("href")
    other = _OTHER_GUIDE.fullmatch(str(address)) if address is not None else None
    if other is not None:
        token.attrSet("href", f"/docs/{other[1]}")
