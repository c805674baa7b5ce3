"""What the hubs of one process of tests share: what is made of code or of fixed files, and the same for all.

A hub's process compiles its statements and its routes once, and reads its country pack once. A process of
tests has hundreds of hubs, and would spend a third of its time on that.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from werkzeug.routing import Rule

from gateway import bootstrap
from gateway.bootstrap import Gateway
from gateway.exchange.clock import Ambient
from gateway.i18n import CountryPack
from gateway.i18n.country import load_country
from gateway.settings import Settings
from gateway.store.engine import readers_of

_compiled: dict[str, Any] = {}


def built(settings: Settings, ambient: Ambient) -> Gateway:
    """A hub over its home, for which nothing is compiled that an earlier one has compiled."""
    gateway = bootstrap.build(settings, ambient)
    engine = gateway.store.engine
    for one in {engine, readers_of(engine)}:
        _share_compiled(one)
    return gateway


def _share_compiled(engine: Engine) -> None:
    """A compiled statement is found by its dialect, and keeps nothing of its engine."""
    first = _compiled.setdefault(engine.dialect.name, (engine.dialect, engine._compiled_cache))
    engine.dialect, engine._compiled_cache = first


def _share_builders() -> None:
    """What builds a route's addresses follows from its text; Werkzeug parses and compiles it each time."""
    real, made = Rule._compile_builder, {}

    def compile_builder(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in made:
            made[key] = real(rule, append_unknown)
        return made[key]

    Rule._compile_builder = compile_builder  # type: ignore[method-assign]


def _share_packs() -> None:
    """A pack of the home's own is read anew; those that come along do not change."""
    come_along = cache(load_country)

    def load(code: str, folders: tuple[Path, ...]) -> CountryPack:
        own, *others = folders
        return load_country(code, folders) if own.exists() else come_along(code, tuple(others))

    bootstrap.load_country = load  # type: ignore[assignment]


_share_builders()
_share_packs()
