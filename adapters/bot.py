"""Plays a recipient for test letters, so that a platform meets every end that a letter can have.

Options (a table; ``•`` marks what is required):

- ``plays`` •: ``accept`` takes the letter at once, with a register number; ``refuse`` refuses it, on the
  ground ``code`` • with the words ``text`` (required with ``WASL-DLV-039``); ``slow`` takes it ``seconds``
  after it was accepted; ``duplicate`` says that it had it already; ``ambiguous`` never answers, and a person
  has the letter sent again ``seconds`` later, as a possible duplicate, which it takes; ``late`` does not take
  it while there is time, and acknowledges it ``seconds`` after it ended.
- ``seconds``: 60 by default.

It calls nobody. Its route says ``test_only = true``; a real letter that comes so far is not taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from adapters.contract import Context, Delivered, Letter
from adapters.options import Options
from gateway.domain.errors import Ambiguous, Declined, Permanent, Temporary
from gateway.domain.transit.grounds import GROUNDS, OTHER_GROUND

_SECONDS = 60
_UNSET, _UNKNOWN, _WAITS = "WASL-DLV-018", "WASL-DLV-004", "WASL-DLV-012"


class Part(Enum):
    """What a bot plays."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    SLOW = "slow"
    DUPLICATE = "duplicate"
    AMBIGUOUS = "ambiguous"
    LATE = "late"


@dataclass(frozen=True)
class Role:
    """One bot.

    Attributes:
        seconds: of what it plays, if that has a time.
        code, words: of a refusal.
    """

    part: Part
    seconds: int = _SECONDS
    code: str = ""
    words: str | None = None

    @classmethod
    def read(cls, options: Options) -> Role:
        """The bot that options describe; what is wrong with them is among their faults."""
        name = options.choice("plays", [part.value for part in Part])
        part = Part(name) if name in {one.value for one in Part} else Part.ACCEPT
        code, words = "", None
        if part is Part.REFUSE:
            code = options.choice("code", sorted(GROUNDS))
            words = options.text("text", None if code == OTHER_GROUND else "") or None
        options.code_tables()  # an office may have some for its system; what is played asks for no code
        timed = part in (Part.SLOW, Part.AMBIGUOUS, Part.LATE)
        role = cls(part, options.number("seconds", _SECONDS) if timed else _SECONDS, code, words)
        options.end()
        return role


class BotAdapter:
    """The kind ``bot``."""

    kind = "bot"
    idempotent = False
    streams = True

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """What is wrong with a route's options."""
        reader = Options(options)
        Role.read(reader)
        return reader.faults

    def honours_repeats(self, options: Mapping[str, Any]) -> bool:
        """All but the one whose silence is to be held."""
        return _role(options).part is not Part.AMBIGUOUS

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        """Play.

        Raises:
            DeliveryError: as the part has it.
            Misconfigured: the options are wrong.
        """
        role = _role(context.options)
        if not letter.envelope.test:
            raise Permanent(_UNSET, "a bot takes test letters only")
        if role.part is Part.REFUSE:
            raise Declined(role.code, "played", role.words)
        if role.part is Part.AMBIGUOUS and not letter.possible_duplicate:
            raise Ambiguous(_UNKNOWN, "played: no answer")
        left = letter.accepted_at + timedelta(seconds=role.seconds) - context.now()
        if role.part is Part.SLOW and left > timedelta():
            raise Temporary(_WAITS, "played: not yet", left.total_seconds())
        if role.part is Part.LATE:
            raise Temporary(_WAITS, "played: not in time")
        return _taken(letter, role, context)

    def decides(self, options: Mapping[str, Any], since: timedelta) -> bool:
        """As `adapters.contract.Plays.decides`."""
        role = _role(options)
        return role.part is Part.AMBIGUOUS and since >= timedelta(seconds=role.seconds)

    def acknowledges(self, options: Mapping[str, Any], delivery_id: str, since: timedelta) -> str | None:
        """As `adapters.contract.Plays.acknowledges`."""
        role = _role(options)
        due = role.part is Part.LATE and since >= timedelta(seconds=role.seconds)
        return _number(delivery_id) if due else None


def _role(table: Mapping[str, Any]) -> Role:
    options = Options(table)
    role = Role.read(options)
    options.check()
    return role


def _taken(letter: Letter, role: Role, context: Context) -> Delivered:
    number = _number(letter.delivery_id)
    said = {"played": role.part.value, "number": number, "alreadyThere": role.part is Part.DUPLICATE}
    return Delivered(
        answer=json.dumps(said).encode(),
        answer_media_type="application/json",
        target_reference=number,
        register_number=number,
        register_date=context.now().date(),
    )


def _number(delivery_id: str) -> str:
    """The same for every repeat."""
    return f"BOT-{delivery_id[-12:].upper()}"
