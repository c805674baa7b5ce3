"""Judges who made a receipt's signature: only the seal of a hub counts, and only while it was good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.domain.evidence.verdict import Indication, SubIndication, Verdict
from gateway.trust.anchors import Anchors
from gateway.trust.chain import judge, reason_of, revocations
from gateway.trust.chain_path import find_paths
from gateway.trust.note import VerifierKey, read_vkeys
from gateway.trust.signed import Signed
from gateway.verifier.anchor import anchor_of
from gateway.verifier.report import Status, Step

OUT_OF_TIME = frozenset({SubIndication.EXPIRED, SubIndication.NOT_YET_VALID})
"""A certificate that was not in force when it was used."""


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


def judge_seal(
    signed: Signed,
    test: bool,
    trust: Trust,
    sealed_at: datetime,
    independent: datetime | None = None,
    covered: bool = True,
) -> Iterator[Step]:
    """The steps about the seal: whose it is, that it was in force, revocation, test or real.

    Args:
        test: whether the receipt itself says that it concerns a test.
        sealed_at: when the seal was made, as it says itself.
        independent: when others say that what it seals existed; it makes a later revocation harmless.
        covered: whether they said so of all that it seals, and not of a part that anybody can put into
            another file.
    """
    values = {"name": signed.certificate.subject.rfc4514_string(), "time": _stated(sealed_at)}
    anchors, under_test = trust.seal, False
    if not _leads_to(signed, anchors):
        anchors, under_test = trust.test_seal, True
    if not _leads_to(signed, anchors):
        yield Step(_foreign(signed, trust), Status.BAD, values)
        return
    values |= anchor_of(signed.certificate, signed.chain, anchors)
    yield from _Under(signed, anchors, sealed_at, independent, covered, values).steps()
    if test:
        yield Step("test.yes", Status.NOTE)
    elif under_test:
        yield Step("test.disguised", Status.BAD)


def is_test_seal(signed: Signed, trust: Trust) -> bool:
    """Whether the seal is one for tests."""
    return not _leads_to(signed, trust.seal) and _leads_to(signed, trust.test_seal)


def _leads_to(signed: Signed, anchors: Anchors) -> bool:
    return next(find_paths(signed.certificate, signed.chain, anchors), None) is not None


def _stated(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


@dataclass(frozen=True)
class _Under:
    """A seal whose certificate leads to an anchor of seals."""

    signed: Signed
    anchors: Anchors
    sealed_at: datetime
    independent: datetime | None
    covered: bool
    values: Mapping[str, str]

    def steps(self) -> Iterator[Step]:
        # A form that was made later than the entry in the ledger is as old as it says, no older.
        at = max(self.sealed_at, self.independent or self.sealed_at)
        verdict = judge(self.signed.certificate, self.signed.chain, self.anchors, at, self.sealed_at)
        if verdict.sub is SubIndication.REVOKED and verdict.indication is Indication.FAILED:
            yield self._step("revocation.revoked", Status.BAD)
        elif verdict.sub in OUT_OF_TIME:
            yield self._step("seal.out-of-time", Status.BAD)
        elif verdict.sub is SubIndication.OUT_OF_BOUNDS_NO_POE:
            yield self._step("seal.expired", Status.UNDECIDED, independent=_stated(at))
        elif verdict.passed or verdict.sub in (SubIndication.TRY_LATER, SubIndication.REVOKED):
            yield self._step("seal.good", Status.GOOD)
            yield self._revocation(verdict, at)
        else:
            yield self._step("seal.unfit", Status.BAD, reason=reason_of(verdict))

    def _revocation(self, verdict: Verdict, at: datetime) -> Step:
        if verdict.sub is SubIndication.TRY_LATER:
            return self._step("revocation.unknown", Status.UNDECIDED)
        since = self._revoked_since(at)
        if since is None:
            return self._step("revocation.good", Status.GOOD)
        if self.independent is None or not self.covered or not verdict.passed:
            # A stolen seal can claim any time; only an independent time would tell.
            return self._step("revocation.later", Status.UNDECIDED, since=_stated(since))
        independent = _stated(self.independent)
        return self._step("revocation.after", Status.GOOD, since=_stated(since), independent=independent)

    def _revoked_since(self, at: datetime) -> datetime | None:
        for path in find_paths(self.signed.certificate, self.signed.chain, self.anchors):
            for revocation in revocations(path, self.anchors.crls, at):
                if revocation.since is not None:
                    return revocation.since
        return None

    def _step(self, code: str, status: Status, **more: str) -> Step:
        return Step(code, status, {**self.values, **more})


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
