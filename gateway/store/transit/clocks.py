"""The clock of a delivery as its row keeps it; the rule it began under is kept whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date as Day
from datetime import datetime
from typing import Any

from gateway.domain.evidence.receipt import DayKind, Pause, Silence
from gateway.domain.evidence.timelimit import Clock, ClockStart, LimitRule


def clock_to_json(clock: Clock) -> dict[str, Any]:
    """The members of a clock; moments and days as ISO 8601 writes them."""
    return {
        "rule": None if clock.rule is None else _rule_to_json(clock.rule),
        "start": _text(clock.start),
        "pauses": [[_text(pause.start), _text(pause.end)] for pause in clock.pauses],
        "extended_by": clock.extended_by,
        "end": None if clock.end is None else clock.end.isoformat(),
        "told": clock.told,
    }


def clock_from_json(kept: Mapping[str, Any] | None) -> Clock:
    """The clock of a row; one of before clocks were kept has no limit that is known."""
    if kept is None:
        return Clock()
    return Clock(
        rule=None if kept["rule"] is None else _rule_from_json(kept["rule"]),
        start=_moment(kept["start"]),
        pauses=tuple(Pause(datetime.fromisoformat(first), _moment(last)) for first, last in kept["pauses"]),
        extended_by=kept["extended_by"],
        end=None if kept["end"] is None else Day.fromisoformat(kept["end"]),
        told=kept["told"],
    )


def _rule_to_json(rule: LimitRule) -> dict[str, Any]:
    members = {field.name: getattr(rule, field.name) for field in fields(rule)}
    return members | {
        "start": rule.start.value,
        "day_kind": rule.day_kind.value,
        "silence": rule.silence.value,
    }


def _rule_from_json(kept: Mapping[str, Any]) -> LimitRule:
    chosen = {
        "start": ClockStart(kept["start"]),
        "day_kind": DayKind(kept["day_kind"]),
        "silence": Silence(kept["silence"]),
    }
    return LimitRule(**{**kept, **chosen})


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
