"""Verifies the octets of one receipt: its seal, its place in the ledger, its time, its original."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.domain.evidence.receipt import Receipt
from gateway.trust.signed import Signed
from gateway.verifier.beside import Beside
from gateway.verifier.ledger import Recorded, judge_inclusion
from gateway.verifier.moment import TOLERANCE, Timed, judge_moments, judge_token
from gateway.verifier.opening import NotOpened, Opened, kind_of, open_receipt
from gateway.verifier.report import Report, Status, Step
from gateway.verifier.seal import Trust, is_test_seal, judge_seal
from gateway.verifier.stamps import container_stamps, own_stamps
from gateway.verifier.witness import judge_witnesses


def verify_octets(
    name: str,
    octets: bytes,
    trust: Trust,
    original: str | None,
    now: datetime,
    proof: bytes | None = None,
    token: bytes | None = None,
    cosignatures: bytes | None = None,
) -> Report:
    """The same for octets at hand; no bundles.

    Args:
        original: SHA-256 digest of the letter or the attachment, in lower-case hexadecimal.
        proof: octets of a ``.tlog-proof`` file.
        token: octets of a ``.tsr`` file over the signed checkpoint in ``proof``.
        cosignatures: witnesses' lines under that checkpoint.
    """
    return _verify(name, octets, trust, original, now, Beside(proof, token, cosignatures))


def _verify(
    name: str, octets: bytes, trust: Trust, original: str | None, now: datetime, beside: Beside
) -> Report:
    try:
        opened = open_receipt(octets, kind_of(octets))
    except NotOpened as reason:
        return Report(name, (reason.step,))
    recorded = judge_inclusion(opened.receipt, opened.digest, beside.proof, trust)
    around = tuple(container_stamps(opened, trust))
    own = (*around, *own_stamps(opened, trust))
    stamps = (*_checkpoint_stamps(recorded, beside, trust, bool(own)), *own)
    times = [stamp.time for stamp in stamps if stamp.time is not None]
    independent = min(times, default=None)
    steps = (
        Step("integrity.good", Status.GOOD, {"digest": opened.digest}),
        *_container_seal(opened, trust, now, independent, around),
        *_seal(opened.signed, opened.receipt, trust, now, independent),
        recorded.step,
        *_witnesses(recorded, beside, trust),
        *(step for stamp in stamps for step in (stamp.step, *stamp.notes)),
        *judge_moments(times, opened.receipt.event_time, now),
        *_original(opened.receipt, original),
    )
    return Report(name, steps, opened.receipt, opened.digest, independent)


def _checkpoint_stamps(
    recorded: Recorded, beside: Beside, trust: Trust, stamped_itself: bool
) -> Iterator[Timed]:
    if recorded.note is None:
        return
    if beside.token is not None:
        yield judge_token(beside.token, recorded.covered, trust, "token.good")
    elif not stamped_itself:
        yield Timed(Step("token.none", Status.UNDECIDED))


def _witnesses(recorded: Recorded, beside: Beside, trust: Trust) -> Iterator[Step]:
    if recorded.note is not None:
        yield from judge_witnesses(recorded.note, beside.cosignatures, trust.witnesses)


def _container_seal(
    opened: Opened, trust: Trust, now: datetime, independent: datetime | None, around: Sequence[Timed]
) -> Iterator[Step]:
    if opened.container is None:
        return
    # The ledger speaks of the receipt. Whoever stole a seal can draw other pages around it.
    own = next((stamp.time for stamp in around if stamp.time is not None), None)
    yield Step("pdf.good", Status.GOOD)
    yield from _seal(opened.container, opened.receipt, trust, now, own or independent, own is not None)
    if is_test_seal(opened.container, trust) != is_test_seal(opened.signed, trust):
        yield Step("pdf.other-kind", Status.BAD)


def _seal(
    signed: Signed,
    receipt: Receipt,
    trust: Trust,
    now: datetime,
    independent: datetime | None,
    covered: bool = True,
) -> Iterator[Step]:
    sealed_at = signed.claimed_time
    if sealed_at is None:
        yield Step("time.missing", Status.BAD)
        return
    yield from judge_seal(signed, receipt.test, trust, sealed_at, independent, covered)
    values = {"time": receipt.event_time.isoformat(), "sealed": sealed_at.isoformat()}
    if max(sealed_at, receipt.event_time) > now + TOLERANCE:
        yield Step("time.future", Status.BAD, values)
    elif receipt.event_time > sealed_at + TOLERANCE:
        yield Step("time.backwards", Status.BAD, values)


def _original(receipt: Receipt, digest: str | None) -> Iterator[Step]:
    if digest is None:
        return
    values = {"digest": digest}
    named = {attachment.sha256: attachment.name for attachment in receipt.attachments}
    if receipt.received is not None and receipt.received.sha256 == digest:
        yield Step("original.matches", Status.GOOD, values)
    elif digest in named:
        yield Step("original.attachment", Status.GOOD, values | {"name": named[digest]})
    elif receipt.received is None and not named:
        yield Step("original.unnamed", Status.UNDECIDED, values)
    else:
        yield Step("original.differs", Status.BAD, values)
