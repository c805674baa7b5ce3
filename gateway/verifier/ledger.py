"""Judges whether a ledger of the hub has recorded the receipt, by the proof beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.evidence.ledger import Checkpoint, Note, generation_of, receipt_entry
from gateway.domain.evidence.merkle import leaf_hash, verify_inclusion
from gateway.domain.evidence.receipt import Receipt
from gateway.trust.note import VerifierKey, verify_note
from gateway.verifier.anchor import key_anchor
from gateway.verifier.report import Status, Step
from gateway.verifier.seal import Trust
from gateway.wire.tlog import MalformedTlog, Proof, read_checkpoint, read_note, read_proof


@dataclass(frozen=True)
class Recorded:
    """The step about the proof; ``note`` only where the proof is good.

    Attributes:
        covered: what a time-stamp of the checkpoint is over, as it may have been written.
    """

    step: Step
    note: Note | None = None
    covered: tuple[bytes, ...] = ()


class _NotRecorded(Exception):
    def __init__(self, code: str, status: Status, **values: str) -> None:
        super().__init__(code)
        self.step = Step(code, status, values)


def judge_inclusion(receipt: Receipt, digest: str, proof: bytes | None, trust: Trust) -> Recorded:
    """Whether the entry of the receipt is in a checkpoint that its ledger signed.

    Args:
        digest: the receipt's content digest.
        proof: octets of a ``.tlog-proof`` file, or None where there is none.
    """
    try:
        return _recorded(receipt, digest, proof, trust)
    except _NotRecorded as reason:
        return Recorded(reason.step)


def _recorded(receipt: Receipt, digest: str, octets: bytes | None, trust: Trust) -> Recorded:
    if octets is None:
        raise _NotRecorded("ledger.none", Status.UNDECIDED)
    proof, note, checkpoint = _read(octets)
    _check_origin(receipt, checkpoint)
    key = _check_signature(receipt, note, checkpoint, trust)
    _check_place(receipt_entry(receipt, digest), proof, checkpoint)
    values = {**_values(checkpoint), "index": str(proof.index), **key_anchor(key)}
    return Recorded(Step("ledger.included", Status.GOOD, values), note, _covered(proof, note, key))


def _read(octets: bytes) -> tuple[Proof, Note, Checkpoint]:
    try:
        proof = read_proof(octets)
        note = read_note(proof.note)
        return proof, note, read_checkpoint(note.text)
    except MalformedTlog as error:
        raise _NotRecorded("ledger.malformed", Status.BAD, why=str(error)) from error


def _check_origin(receipt: Receipt, checkpoint: Checkpoint) -> None:
    # A ledger whose database was lost goes on under its name and a number.
    named = receipt.ledger_origin or ""
    if not named or generation_of(named, checkpoint.origin) is None:
        raise _NotRecorded("ledger.foreign", Status.BAD, origin=checkpoint.origin, named=named or "—")


def _check_signature(receipt: Receipt, note: Note, checkpoint: Checkpoint, trust: Trust) -> VerifierKey:
    real, test = trust.ledgers, trust.test_ledgers
    keys, others = (test, real) if receipt.test else (real, test)
    origin = checkpoint.origin
    for key in keys:
        if verify_note(note, (key,), origin):
            return key
    if verify_note(note, others, origin):
        raise _NotRecorded("ledger.other-kind", Status.BAD, origin=origin)
    if not any(key.name == origin for key in keys):  # perhaps a continuation younger than the trust folder
        raise _NotRecorded("ledger.no-key", Status.UNDECIDED, origin=origin)
    raise _NotRecorded("ledger.unsigned", Status.BAD, origin=origin)


def _check_place(entry: bytes, proof: Proof, checkpoint: Checkpoint) -> None:
    leaf, root = leaf_hash(entry), checkpoint.root
    if not verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, root):
        raise _NotRecorded("ledger.not-included", Status.BAD, **_values(checkpoint))


def _values(checkpoint: Checkpoint) -> Mapping[str, str]:
    return {"origin": checkpoint.origin, "size": str(checkpoint.size)}


def _covered(proof: Proof, note: Note, key: VerifierKey) -> tuple[bytes, ...]:
    # Witnesses may have signed below after the time-stamp was made over the ledger's signature alone.
    own = tuple(one for one in note.signatures if (one.name, one.key_id) == (key.name, key.key_id))
    return (proof.note, Note(note.text, own).octets)
