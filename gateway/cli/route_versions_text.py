"""Versions of routes, and what trying them found, as lines of text for the operator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.domain.evidence.reasons import catalogue
from gateway.domain.lines import printable
from gateway.domain.registry.differences import Difference
from gateway.domain.registry.dry_run import Changed, DryRun, Unmapped
from gateway.domain.registry.versions import Stage
from gateway.exchange.registry.versions_checks import Check, Checked
from gateway.exchange.registry.versions_look import VersionLine

_MARKS = {True: "holds", False: "WRONG", None: "-"}
_NEXT = {
    Stage.DRAFT: "a draft: correct what is wrong, or write another",
    Stage.TESTED: "tested: approve it, then activate it",
    Stage.APPROVED: "approved: activate it",
    Stage.ACTIVE: "active",
    Stage.RETIRED: "retired: wasl route activate makes it active again",
}


def tell_history(found: Sequence[VersionLine]) -> Iterator[str]:
    """Every version with its steps."""
    for one in found:
        over = f"  over {one.base}" if one.base is not None else ""
        note = f"  {printable(one.note)}" if one.note else ""
        yield f"{one.number}  {one.state}  {_moment(one.created_at)}  by {printable(one.author)}{over}{note}"
        for step in one.steps:
            moved = step.now if step.was != step.now else "·"
            why = f"  {printable(step.why)}" if step.why else ""
            yield f"    {_moment(step.at)}  {moved}  by {printable(step.by)}{why}"


def tell_differences(found: Sequence[Difference], indent: str = "") -> Iterator[str]:
    """Each place with what was there and what is."""
    for one in found:
        yield f"{indent}{printable(one.path)}"
        if one.was is not None:
            yield f"{indent}  - {printable(one.was)}"
        if one.now is not None:
            yield f"{indent}  + {printable(one.now)}"


def tell_checks(found: Checked) -> Iterator[str]:
    """Each check, then what the letters came to."""
    for check in found.checks:
        yield _check(check)
    yield from _letters(found.dry_run)
    yield f"version {found.number} of {found.office} is {_NEXT.get(found.state, found.state.value)}"


def tell_dry_run(found: DryRun) -> Iterator[str]:
    """What a dry run came to, letter by letter."""
    yield f"version {found.number} of {found.office} against version {found.against}: {found.said}"
    yield from _letters(found)
    yield "nothing was sent" + (
        f"; fetched {', '.join(map(printable, found.fetched))}" if found.fetched else ""
    )


def _letters(found: DryRun) -> Iterator[str]:
    for remark in found.remarks:
        yield f"  {remark}"
    for one in found.unread:
        yield f"  {one.reference}  not looked at: {one.code} {_reason(one.code)}"
    for failed in found.unmapped:
        yield from _unmapped(failed)
    for changed in found.changed:
        yield from _changed(changed)


def _unmapped(failed: Unmapped) -> Iterator[str]:
    yield f"  {failed.reference}  cannot be mapped: {failed.code} {printable(failed.detail)}"
    if failed.expression is not None:
        yield f"    at {printable(failed.path or '')}: {printable(failed.expression)}  ({failed.type})"
    if failed.also_active:
        yield "    the active version fails with it in the same way"


def _changed(changed: Changed) -> Iterator[str]:
    yield f"  {changed.reference}  would differ"
    yield from tell_differences(changed.differences, "    ")
    if changed.more:
        yield f"    … and {changed.more} places more"
    if changed.varying:
        yield f"    {changed.varying} places that are another each time were not compared"


def _check(check: Check) -> str:
    return f"{_MARKS[check.held]:5}  {check.name}: {printable(check.said)}"


def _reason(code: str) -> str:
    reason = catalogue().get(code)
    return "" if reason is None else reason.texts["en"].partition("{")[0].strip()


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
