"""Faults are located in the sender's own syntax: XPath for XML, JSON pointer for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from gateway.domain.errors import Fault, Refused
from gateway.domain.evidence.verdict import Level
from gateway.wire.places import pointer_to_xpath


@contextmanager
def in_terms_of(level: Level | None) -> Iterator[None]:
    """Turns the JSON pointers of faults into XPaths for a letter that was sent as XML."""
    try:
        yield
    except Refused as refusal:
        if level is Level.JWS:
            raise
        raise Refused(map(_with_xpath, refusal.faults)) from refusal


def _with_xpath(fault: Fault) -> Fault:
    return fault if fault.where is None else replace(fault, where=pointer_to_xpath(fault.where))
