"""Judges who made a receipt's signature: only the seal of a hub counts, and only while it was good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.domain.evidence.verdict import SubIndication, Verdict
from gateway.trust.anchors import Anchors
from gateway.trust.chain import judge, reason_of, revocations
from gateway.trust.chain_path import find_paths
from gateway.trust.note import VerifierKey, read_vkeys
from gateway.trust.signed import Signed
from gateway.verifier.report import Status, Step

_OUT_OF_TIME = {
    SubIndication.EXPIRED,
    SubIndication.NOT_YET_VALID,
    SubIndication.OUT_OF_BOUNDS_NO_POE,
}


@dataclass(frozen=True)
class Trust:
    """A verifier's trust folder, read once."""

    seal: Anchors
    test_seal: Anchors
    parties: Anchors
    tsa: Anchors
    ledgers: tuple[VerifierKey, ...]
    test_ledgers: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...]

    @classmethod
    def load(cls, folder: Path) -> Trust:
        """Read ``seal/``, ``parties/``, ``tsa/``, ``ledger/``, ``witnesses/``, and ``test/`` in two of them.

        Raises:
            Misconfigured: files that cannot be read.
        """
        return cls(
            seal=Anchors.load(folder / "seal"),
            test_seal=Anchors.load(folder / "seal" / "test"),
            parties=Anchors.load(folder / "parties"),
            tsa=Anchors.load(folder / "tsa"),
            ledgers=read_vkeys(folder / "ledger"),
            test_ledgers=read_vkeys(folder / "ledger" / "test"),
            witnesses=read_vkeys(folder / "witnesses"),
        )


def judge_seal(signed: Signed, test: bool, trust: Trust, sealed_at: datetime) -> Iterator[Step]:
    """The steps about the seal: whose it is, that it was in force, revocation, test or real.

    Args:
        test: whether the receipt itself says that it concerns a test.
        sealed_at: when the seal was made, as it says itself.
    """
    values = {"name": signed.certificate.subject.rfc4514_string(), "time": sealed_at.isoformat()}
    if _leads_to(signed, trust.seal):
        yield from _under_seal(signed, trust.seal, sealed_at, values)
        if test:
            yield Step("test.yes", Status.NOTE)
    elif _leads_to(signed, trust.test_seal):
        yield from _under_seal(signed, trust.test_seal, sealed_at, values)
        yield Step("test.yes", Status.NOTE) if test else Step("test.disguised", Status.BAD)
    else:
        yield Step(_foreign(signed, trust), Status.BAD, values)


def _leads_to(signed: Signed, anchors: Anchors) -> bool:
    return next(find_paths(signed.certificate, signed.chain, anchors), None) is not None


def _under_seal(
    signed: Signed, anchors: Anchors, sealed_at: datetime, values: dict[str, str]
) -> Iterator[Step]:
    verdict = judge(signed.certificate, signed.chain, anchors, sealed_at)
    if verdict.sub is SubIndication.REVOKED:
        yield Step("revocation.revoked", Status.BAD, values)
    elif verdict.sub in _OUT_OF_TIME:
        yield Step("seal.out-of-time", Status.BAD, values)
    elif verdict.passed or verdict.sub is SubIndication.TRY_LATER:
        yield Step("seal.good", Status.GOOD, values)
        yield _revocation(verdict, signed, anchors, sealed_at, values)
    else:
        yield Step("seal.unfit", Status.BAD, values | {"reason": reason_of(verdict)})


def _revocation(
    verdict: Verdict, signed: Signed, anchors: Anchors, sealed_at: datetime, values: dict[str, str]
) -> Step:
    if not verdict.passed:
        return Step("revocation.unknown", Status.UNDECIDED, values)
    for path in find_paths(signed.certificate, signed.chain, anchors):
        for revocation in revocations(path, anchors.crls, sealed_at):
            if revocation.since is not None:
                # A stolen seal can claim any time; only an independent time would tell.
                return Step(
                    "revocation.later", Status.UNDECIDED, values | {"since": revocation.since.isoformat()}
                )
    return Step("revocation.good", Status.GOOD, values)


def _foreign(signed: Signed, trust: Trust) -> str:
    if _leads_to(signed, trust.parties):
        return "seal.party"
    if _leads_to(signed, trust.tsa):
        return "seal.timestamp"
    key = signed.certificate.public_key()
    if isinstance(key, Ed25519PublicKey) and _is_ledger(key, trust):
        return "seal.ledger"
    return "seal.unknown"


def _is_ledger(key: Ed25519PublicKey, trust: Trust) -> bool:
    raw = key.public_bytes_raw()
    return any(raw == ledger.key for ledger in (*trust.ledgers, *trust.test_ledgers))
