"""Runs every check of the contract over one kind."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.kit.checks import checks
from gateway.kit.scorecard import Mark, marked
from gateway.kit.subject import Subject
from gateway.kit.target import checks_at, running, without_target


def examined(subject: Subject, target: str | None = None, in_place: bool = False) -> Iterator[Mark]:
    """What each check came to, as soon as it is known.

    Args:
        target: a command that starts the kind's own target and prints its address at the end of its
            first line.
        in_place: the options as they are name a target for tests, such as a folder.

    Raises:
        Misconfigured: the target does not start.
    """
    yield from marked(checks(subject))
    if in_place:
        yield from marked(checks_at(subject, None))
        return
    if target is None:
        yield from marked(without_target())
        return
    with running(target) as url:
        yield from marked(checks_at(subject, url))
