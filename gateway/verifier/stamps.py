"""Judges the time-stamps that a receipt carries itself: over its seal, or over the PDF around it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gateway.trust.jwstimestamp import jws_timestamp
from gateway.trust.timestamp import BadToken
from gateway.trust.xmltimestamp import xml_timestamp
from gateway.verifier.moment import TOLERANCE, Timed, judge_maker, judge_token
from gateway.verifier.opening import XML, Opened
from gateway.verifier.report import Status, Step
from gateway.verifier.seal import Trust


def container_stamps(opened: Opened, trust: Trust) -> Iterator[Timed]:
    """What the time-stamp over the whole PDF came to, where there is one."""
    if opened.token is not None:
        sealed = opened.container.claimed_time if opened.container else None
        yield _after(sealed, judge_maker(opened.token, trust, "token.seal"))


def own_stamps(opened: Opened, trust: Trust) -> Iterator[Timed]:
    """What the time-stamp over the receipt's own seal came to, where there is one."""
    try:
        found = (xml_timestamp if opened.media_type == XML else jws_timestamp)(opened.raw)
    except BadToken as error:
        yield Timed(Step("token.malformed", Status.BAD, {"why": str(error)}))
        return
    if found is not None:
        token, covered = found
        stamp = judge_token(token, (covered,), trust, "token.seal")
        yield _after(opened.signed.claimed_time, stamp)


def _after(sealed: datetime | None, stamp: Timed) -> Timed:
    # It is over the seal: one that is clearly older contradicts the time that the seal states.
    if sealed is None or stamp.time is None or stamp.time >= sealed - TOLERANCE:
        return stamp
    values = {"sealed": sealed.isoformat(), "independent": stamp.time.isoformat()}
    return Timed(Step("time.before-seal", Status.BAD, values))
