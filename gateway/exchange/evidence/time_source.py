"""Independent time: the first time-stamp authority that gives a token which will verify later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from adapters.contract import Http
from gateway.clients import tsa
from gateway.domain.errors import DeliveryError, Misconfigured, Unavailable
from gateway.domain.evidence.verdict import SubIndication, Verdict
from gateway.trust.anchors import Anchors
from gateway.trust.timestamp import (
    BadToken,
    Stamp,
    TimeSource,
    check_response,
    judge_authority,
    make_request,
)

_NONCE_OCTETS = 8

_log = structlog.get_logger()


@dataclass(frozen=True)
class HttpAuthorities:
    """Implements `TimeSource` with authorities elsewhere, asked in the order of their addresses.

    A token that no authority under the trust folder vouches for is not taken: it would prove nothing to
    whoever verifies. Revocation data that is missing for now is no fault of the token.

    Attributes:
        folder: ``tsa/`` of the trust folder.
    """

    urls: Sequence[str]
    http: Http
    folder: Path
    random_bytes: Callable[[int], bytes]

    def stamp(self, digest: bytes) -> Stamp:
        """A token over a SHA-256 digest (32 octets) from the first authority that gives a good one.

        Raises:
            Unavailable: none did; it tells why each one did not.
        """
        anchors, causes = self._anchors(), []
        for url in self.urls:
            try:
                return self._ask(url, digest, anchors)
            except (DeliveryError, BadToken) as error:
                _log.warning("no time-stamp", authority=url, cause=str(error))
                causes.append(f"{url}: {error}")
        raise Unavailable("time-stamps: " + "; ".join(causes))

    def _anchors(self) -> Anchors:
        try:
            return Anchors.load(self.folder)
        except Misconfigured as error:
            raise Unavailable(f"time-stamps: {error}") from error

    def _ask(self, url: str, digest: bytes, anchors: Anchors) -> Stamp:
        nonce = int.from_bytes(self.random_bytes(_NONCE_OCTETS))
        response = tsa.post(self.http, url, make_request(digest, nonce))
        token = check_response(response, digest, nonce)
        verdict = judge_authority(token, anchors)
        if not _acceptable(verdict):
            raise BadToken("certificate", f"{verdict.sub and verdict.sub.value} {verdict.detail}".strip())
        return Stamp(response, token, url)


def _acceptable(verdict: Verdict) -> bool:
    return verdict.passed or verdict.sub is SubIndication.TRY_LATER


@dataclass
class Resting:
    """Implements `TimeSource`: one that failed is left alone for a while, so that nobody waits in vain.

    For doors, where people wait; workers ask the source itself.
    """

    source: TimeSource
    now: Callable[[], datetime]
    pause: timedelta
    _until: datetime | None = field(default=None)

    def stamp(self, digest: bytes) -> Stamp:
        """What the source answers, or at once that it did not answer a moment ago.

        Raises:
            Unavailable: the source cannot stamp now.
        """
        if self._until is not None and self.now() < self._until:
            raise Unavailable("time-stamps: none a moment ago")
        try:
            return self.source.stamp(digest)
        except Unavailable:
            self._until = self.now() + self.pause
            raise
