"""Puts file contents into a mapped tree, within a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from adapters.view import Content
from gateway.domain.errors import Permanent


def inline(tree: Any, put: Callable[[Content], Any]) -> Any:
    """The tree with each `Content` in it replaced by what ``put`` makes of it."""
    if isinstance(tree, Content):
        return put(tree)
    if isinstance(tree, dict):
        return {name: inline(part, put) for name, part in tree.items()}
    return [inline(part, put) for part in tree] if isinstance(tree, list) else tree


def check_size(tree: Any, limit: int) -> None:
    """Check that the contents in a tree may be held in memory together.

    Args:
        limit: octets, before any encoding.

    Raises:
        Permanent: they are larger.
    """
    total = sum(content.size for content in _contents(tree))
    if total > limit:
        raise Permanent("WASL-DLV-017", f"{total} octets of files, the route takes {limit}")


def placeholder(content: Content) -> str:
    """What a preview shows in place of a content."""
    return f"‹{content.name}, {content.media_type}, {content.size} octets›"


def _contents(tree: Any) -> Iterator[Content]:
    if isinstance(tree, Content):
        yield tree
    elif isinstance(tree, dict):
        for part in tree.values():
            yield from _contents(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _contents(part)
