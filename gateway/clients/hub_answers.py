"""What a hub answers, as values: read member by member, passing over what later versions add."""

from __future__ import annotations

import dataclasses
import json
import types
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from gateway.clients.hub_refused import UNREADABLE
from gateway.domain.errors import Temporary

T = TypeVar("T")


@dataclass(frozen=True)
class Move:
    """One move of a delivery on one of its tracks."""

    track: str
    state: str
    at: datetime
    reason: str | None


@dataclass(frozen=True)
class Sent:
    """One delivery of a letter as its sender sees it."""

    id: str
    office: str
    name: str
    state: str
    processing: str
    notices: tuple[str, ...]
    register_number: str | None
    target_reference: str | None
    next_attempt: datetime | None
    events: tuple[Move, ...]


@dataclass(frozen=True)
class SentLetter:
    """A letter as its sender sees it.

    Attributes:
        receipts: the address of their list.
        request_id: of the call that brought it, where the hub tells.
    """

    reference: str
    message_id: str
    state: str
    test: bool
    subject: str
    received_at: datetime
    deliveries: tuple[Sent, ...]
    receipts: str
    request_id: str | None = None


@dataclass(frozen=True)
class ReceiptEntry:
    """A receipt in a letter's list; ``href``, ``proof`` and ``token`` are addresses at the hub."""

    id: str
    kind: str
    event: str
    event_time: datetime
    delivery: str | None
    content_digest: str
    media_types: tuple[str, ...]
    long_term: bool
    href: str
    proof: str
    token: str


@dataclass(frozen=True)
class Happened:
    """A receipt in a party's own feed; a refused submission has neither ``reference`` nor addresses."""

    id: str
    kind: str
    event: str
    event_time: datetime
    reference: str | None
    message_id: str | None
    delivery: str | None
    content_digest: str
    test: bool
    envelope: str | None
    href: str | None


@dataclass(frozen=True)
class Feed:
    """A page of the feed; ``next`` is where the following one begins, at once if there is ``more``."""

    events: tuple[Happened, ...]
    next: str | None
    more: bool


@dataclass(frozen=True)
class Lead:
    """What leads a letter on from an office: a rule of its own, or that it closed."""

    office: str
    to: str
    rule: str | None
    closed: str | None


@dataclass(frozen=True)
class Expected:
    """What a recipient takes, as a check tells it; ``addressed`` is the office in whose place it receives."""

    office: str
    name: str
    route: str
    max_bytes: int | None
    document_types: tuple[str, ...]
    notices: tuple[str, ...]
    addressed: str | None = None
    leads: tuple[Lead, ...] | None = None


@dataclass(frozen=True)
class Checked:
    """What intake would say to a letter; no receipt."""

    party: str
    level: str
    message_id: str
    recipients: tuple[Expected, ...]


@dataclass(frozen=True)
class TakenBack:
    """One delivery of a letter that was to be taken back.

    Attributes:
        receipt: address of what attests the cancellation.
        refusal: why it could not be; a fault's members.
    """

    id: str
    office: str
    name: str
    state: str
    receipt: str | None
    refusal: dict[str, Any] | None


@dataclass(frozen=True)
class Lying:
    """A letter that lies ready in an inbox; ``content`` is its address."""

    delivery: str
    reference: str
    sender: str
    sender_name: str
    subject: str
    document_type: str | None
    test: bool
    unit: str | None
    accepted_at: datetime
    expires_at: datetime | None
    attachments: int
    octets: int
    locked_until: datetime | None
    content: str


@dataclass(frozen=True)
class Page:
    """A page of an inbox; ``next`` is the address of the following one."""

    letters: tuple[Lying, ...]
    next: str | None


@dataclass(frozen=True)
class Standing:
    """Where a letter of an inbox is now; ``successor`` is the delivery that a redirect made."""

    delivery: str
    office: str
    name: str
    state: str
    processing: str
    register_number: str | None
    successor: str | None


def read(kind: type[T], body: bytes) -> T:
    """The value of ``kind`` that a JSON body holds.

    Raises:
        Temporary: the body is not what the hub's contract says: something stands in between, or fails.
    """
    try:
        return _value(kind, json.loads(body))  # type: ignore[no-any-return]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Temporary(UNREADABLE, f"no {kind.__name__} in the answer") from error


def _value(hint: Any, value: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return None if value is None else _value(get_args(hint)[0], value)
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], one) for one in _is(list, value))
    if get_origin(hint) is dict:
        return _is(dict, value)
    if hint is datetime:
        return datetime.fromisoformat(_is(str, value))
    if dataclasses.is_dataclass(hint):
        return _members(hint, _is(dict, value))
    return _is(hint, value)


def _members(kind: Any, members: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(**{name: _value(hint, _member(members, name, hint)) for name, hint in hints.items()})


def _member(members: dict[str, Any], name: str, hint: Any) -> Any:
    first, *others = name.split("_")
    key = first + "".join(map(str.capitalize, others))
    return members.get(key) if isinstance(hint, types.UnionType) else members[key]


def _is(kind: type, value: Any) -> Any:
    if type(value) is not kind:  # a bool is no number
        raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
    return value
