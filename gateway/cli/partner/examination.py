"""Which trial each letter of a sender's program meets, and what came of them so far."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock

from gateway.cli.partner.trials import Course, Mark, Outcome, Sending, Trial, judge

_IN_XML = re.compile(rb"<(?:[\w.-]+:)?MessageId>([0-9a-f-]{36})<")
_JWS = re.compile(rb"[\w-]{10,}\.([\w-]{10,})\.[\w-]{10,}")


@dataclass
class Examination:
    """The trials and how far they are; safe for several threads.

    Attributes:
        monotonic: seconds that never go back.
        quiet: seconds after which no repeat is expected any more.
    """

    monotonic: Callable[[], float]
    quiet: float
    courses: dict[str, Course] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def meet(self, body: bytes, content_type: str) -> tuple[str, Course]:
        """Take note of a submission: the letter's message id, and its course with this one in it."""
        message_id, sending = message_id_of(body), Sending(self.monotonic(), _digest(body, content_type))
        key = message_id or sending.digest
        with self._lock:
            course = self.courses.get(key) or Course(self._next())
            self.courses[key] = replace(course, sendings=(*course.sendings, sending))
            return key, self.courses[key]

    def note(self, key: str, status: int) -> None:
        """Take note of what the hub answered."""
        with self._lock:
            self.courses[key] = replace(self.courses[key], status=status)

    def marks(self) -> tuple[Mark, ...]:
        """Every trial as it stands; of a trial met twice, the first letter's."""
        with self._lock:
            met = {course.trial: course for course in reversed(self.courses.values())}
        now = self.monotonic()
        return tuple(judge(met.get(trial, Course(trial)), now, self.quiet) for trial in Trial)

    @property
    def over(self) -> bool:
        """Whether every trial has come to something."""
        return all(mark.outcome is not Outcome.OPEN for mark in self.marks())

    def _next(self) -> Trial:
        met = {course.trial for course in self.courses.values()}
        return next((trial for trial in Trial if trial not in met), Trial.GOLDEN)


def message_id_of(body: bytes) -> str | None:
    """The message id that a submission states, whatever its form; nothing of it is verified."""
    found = _IN_XML.search(body)
    if found:
        return found[1].decode()
    payload = _payload(body)
    try:
        said = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))["messageId"]
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return None
    return said if isinstance(said, str) else None


def _payload(body: bytes) -> bytes:
    compact = _JWS.search(body)
    if compact:
        return compact[1]
    try:
        return str(json.loads(body)["payload"]).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""


def _digest(body: bytes, content_type: str) -> str:
    """Of what was sent; a multipart body may have another boundary each time."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if boundary:
        body = re.sub(rb"root-[\w-]+@", b"root@", body.replace(boundary[1].encode("ascii", "replace"), b""))
    return hashlib.sha256(body).hexdigest()
