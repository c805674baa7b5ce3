"""Reads the calls of the interface from the application's routes and what their views declare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask
from werkzeug.routing import Rule

from gateway.web.openapi.described import Described

_PLACE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_BESIDE = frozenset({"HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Operation:
    """One method at one path, with what its view declares.

    Attributes:
        name: of the route, the same for ever.
        path: with places in braces.
        authentication: as `gateway.web.access` declares it.
    """

    name: str
    path: str
    method: str
    authentication: str
    words: Described


def operations(app: Flask) -> tuple[Operation, ...]:
    """Every described call, by path."""
    found = [
        Operation(rule.endpoint, path_of(rule), method, view.authentication, view.described)
        for rule, method in _routes(app)
        for view in [cast("Any", app.view_functions[rule.endpoint])]
        if hasattr(view, "described")
    ]
    return tuple(sorted(found, key=lambda one: (one.path, one.method)))


def undescribed(app: Flask) -> tuple[str, ...]:
    """Every call whose view says nothing of itself: pages, and what somebody forgot."""
    return tuple(
        f"{method} {path_of(rule)}"
        for rule, method in _routes(app)
        if not hasattr(app.view_functions[rule.endpoint], "described")
    )


def path_of(rule: Rule) -> str:
    """A route's path as OpenAPI writes it."""
    return _PLACE.sub(r"{\1}", rule.rule)


def _routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - _BESIDE):
            yield rule, method
