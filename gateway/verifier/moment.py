"""Judges time-stamps, and how the independent time that they give fits the hub's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.evidence.verdict import SubIndication, Verdict
from gateway.trust.chain import reason_of
from gateway.trust.local_authority import POLICY as LOCAL
from gateway.trust.timestamp import BadToken, Token, check_imprint, judge_authority, read_token
from gateway.verifier.anchor import anchor_of
from gateway.verifier.report import Status, Step
from gateway.verifier.seal import OUT_OF_TIME, Trust

TOLERANCE = timedelta(minutes=5)
"""How far two good clocks may differ."""
LATEST = timedelta(hours=24)
"""An independent time that comes later says too little about the event."""

_BAD: Mapping[str, str] = {
    "rejected": "token.rejected",
    "imprint": "token.imprint",
    "signature": "token.signature",
    "certificate": "token.certificate",
}
"""The step for each code of a bad token; any other is malformed."""


@dataclass(frozen=True)
class Timed:
    """The step about one time-stamp; ``time`` and ``notes`` only where it is good."""

    step: Step
    time: datetime | None = None
    notes: tuple[Step, ...] = ()


def judge_token(octets: bytes, covered: Sequence[bytes], trust: Trust, good: str) -> Timed:
    """Whether a token is over one of ``covered`` and from an authority of the trust folder.

    Args:
        octets: a TimeStampResp or a bare token.
        good: the code of the step where it is.
    """
    try:
        token = read_token(octets, (*trust.tsa.pinned, *trust.tsa.intermediates))
        _check_covered(token, covered)
    except BadToken as error:
        code = _BAD.get(error.code, "token.malformed")
        return Timed(Step(code, Status.BAD, {"why": str(error)}))
    return judge_maker(token, trust, good)


def _check_covered(token: Token, covered: Sequence[bytes]) -> None:
    for octets in covered[:-1]:
        try:
            check_imprint(token, octets)
        except BadToken:
            continue
        return
    check_imprint(token, covered[-1])


def judge_maker(token: Token, trust: Trust, good: str) -> Timed:
    """Whether the token's maker was an authority of the trust folder when it made it."""
    verdict = judge_authority(token, trust.tsa)
    values = {
        "time": token.time.isoformat(timespec="seconds"),
        "authority": token.certificate.subject.rfc4514_string(),
        **anchor_of(token.certificate, token.chain, trust.tsa),
    }
    if verdict.passed and token.accuracy is not None and token.accuracy > TOLERANCE:
        return Timed(Step("token.vague", Status.UNDECIDED, values | {"accuracy": str(token.accuracy)}))
    if verdict.passed:
        stand_in = (Step("token.stand-in", Status.NOTE),) if token.policy == LOCAL else ()
        return Timed(Step(good, Status.GOOD, values), token.time, stand_in)
    return Timed(_unbelieved(verdict, values))


def _unbelieved(verdict: Verdict, values: Mapping[str, str]) -> Step:
    if verdict.sub is SubIndication.TRY_LATER:
        return Step("token.unknown", Status.UNDECIDED, values)
    if verdict.sub is SubIndication.REVOKED:
        return Step("token.revoked", Status.BAD, values)
    if verdict.sub in OUT_OF_TIME:
        return Step("token.out-of-time", Status.BAD, values)
    if verdict.sub is SubIndication.NO_CERTIFICATE_CHAIN_FOUND:
        return Step("token.foreign", Status.BAD, values)
    return Step("token.unfit", Status.BAD, {**values, "reason": reason_of(verdict)})


def judge_moments(times: Sequence[datetime], event: datetime, now: datetime) -> Iterator[Step]:
    """How independent times fit the event: not before it, the first not long after, none in the future.

    Args:
        times: those of every good time-stamp.
        event: the receipt's event, by the hub's clock.
    """
    if not times:
        return
    if max(times) > now + TOLERANCE:
        yield Step("time.not-yet", Status.BAD, {"independent": max(times).isoformat(timespec="seconds")})
    first = min(times)
    values = {"time": event.isoformat(timespec="seconds"), "independent": first.isoformat(timespec="seconds")}
    if first < event - TOLERANCE:
        yield Step("time.before-event", Status.BAD, values)
    elif first > event + LATEST:
        yield Step("time.late", Status.UNDECIDED, values)
