"""A witness follows a ledger from outside and cosigns only what continues everything that it saw before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from gateway.clients.ledger import LedgerClient
from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.ledger import Checkpoint, Note
from gateway.domain.evidence.merkle import consistency_proof, verify_consistency
from gateway.exchange.evidence.witness_folder import WitnessFolder
from gateway.trust.note import VerifierKey, cosign, verify_note
from gateway.wire.tlog import MalformedTlog, read_checkpoint, read_hashes, read_note


class Contradiction(Enum):
    """How a ledger contradicts what it signed before."""

    SMALLER = "smaller"
    """It has fewer entries than it had."""
    OTHER_ROOT = "other-root"
    """It has another root at the same size."""
    INCONSISTENT = "inconsistent"
    """It does not begin with the entries that it had."""


class NotBelieved(Exception):
    """What came is no checkpoint of this ledger; anybody on the way may have sent it."""


class Incomplete(Exception):
    """The proof that came cannot be one for these sizes: cut short on its way, or none."""


class Alarm(Exception):
    """The ledger contradicts itself, now or at an earlier turn; a person must decide.

    Attributes:
        found: what is wrong; None where it was found earlier.
        evidence: the folder that holds both checkpoints.
    """

    def __init__(self, found: Contradiction | None, evidence: object) -> None:
        self.found = found
        self.evidence = str(evidence)
        super().__init__(found.value if found else "undecided")


@dataclass(frozen=True)
class SeenCheckpoint:
    """A checkpoint that the ledger's key signed."""

    checkpoint: Checkpoint
    note: Note


@dataclass(frozen=True)
class Turn:
    """What a turn came to.

    Attributes:
        fresh: it was cosigned now, not at an earlier turn.
        submitted: the hub took the cosignature, now or earlier.
    """

    checkpoint: Checkpoint
    fresh: bool
    submitted: bool


def believe(octets: bytes, key: VerifierKey) -> SeenCheckpoint:
    """The checkpoint in a signed note, if the ledger of ``key`` signed it as its own.

    Raises:
        NotBelieved: it did not.
    """
    try:
        note = read_note(octets)
        checkpoint = read_checkpoint(note.text)
    except MalformedTlog as error:
        raise NotBelieved(f"no checkpoint: {error}") from error
    if checkpoint.origin != key.name:
        raise NotBelieved(f"a checkpoint of {checkpoint.origin!r}, not of {key.name!r}")
    if not verify_note(note, (key,), key.name):
        raise NotBelieved("the checkpoint is not signed by the ledger's key")
    return SeenCheckpoint(checkpoint, note)


def needs_proof(before: Checkpoint | None, now: Checkpoint) -> bool:
    """Whether only a consistency proof can tell that ``now`` continues ``before``."""
    return before is not None and 0 < before.size < now.size


def contradiction(
    before: Checkpoint | None, now: Checkpoint, proof: Sequence[bytes] = ()
) -> Contradiction | None:
    """How ``now`` contradicts ``before``; None where it does not, or nothing was seen before."""
    if before is None:
        return None
    if now.size < before.size:
        return Contradiction.SMALLER
    if now.size == before.size:
        return None if now.root == before.root else Contradiction.OTHER_ROOT
    if verify_consistency(before.size, before.root, now.size, now.root, proof):
        return None
    return Contradiction.INCONSISTENT


def proof_length(old: int, new: int) -> int:
    """How many hashes a consistency proof between two sizes has."""
    return len(consistency_proof(old, new, lambda _level, _number: b""))


@dataclass(frozen=True)
class Witness:
    """One witness at work.

    Attributes:
        key: of the ledger; its name is the origin that checkpoints must state.
        submit: hand cosignatures in at the hub.
    """

    folder: WitnessFolder
    ledger: LedgerClient
    key: VerifierKey
    now: Callable[[], datetime]
    submit: bool = False

    def turn(self) -> Turn:
        """Look at the latest checkpoint once: fetch, compare, remember, cosign, hand in.

        Raises:
            Alarm: the ledger contradicts itself; nothing is cosigned until a person decides.
            NotBelieved, Incomplete: what came cannot be judged; nothing changed.
            DeliveryError: the hub cannot be reached, or does not take the cosignature.
            Misconfigured, Unavailable: the folder cannot be used.
        """
        with self.folder.held():
            if self.folder.alarm is not None:
                raise Alarm(None, self.folder.alarm)
            before = self._seen()
            latest = believe(self.ledger.checkpoint(), self.key)
            self._compare(before, latest)
            # What was seen is remembered before it is cosigned: a crash between the two must not let
            # another history be cosigned at the next turn.
            self.folder.keep_seen(latest.note.octets)
            fresh = self._cosign(latest)
            return Turn(latest.checkpoint, fresh, self._hand_in(latest))

    def _seen(self) -> SeenCheckpoint | None:
        octets = self.folder.seen
        if octets is None:
            return None
        try:
            return believe(octets, self.key)
        except NotBelieved as error:
            raise Misconfigured(
                [f"{self.folder.path}: what was seen is not of this ledger key: {error}"]
            ) from error

    def _compare(self, before: SeenCheckpoint | None, latest: SeenCheckpoint) -> None:
        seen = before.checkpoint if before else None
        answer = b""
        if seen is not None and needs_proof(seen, latest.checkpoint):
            answer = self.ledger.consistency(seen.size, latest.checkpoint.size)
        found = contradiction(seen, latest.checkpoint, _hashes(answer, seen, latest.checkpoint))
        if found is None or before is None:
            return
        evidence = {
            "before.note": before.note.octets,
            "after.note": latest.note.octets,
            "proof.txt": answer,
            "found.txt": f"{found.value} {self.now().isoformat()}\n".encode(),
        }
        raise Alarm(found, self.folder.raise_alarm(evidence))

    def _cosign(self, latest: SeenCheckpoint) -> bool:
        kept = self.folder.cosigned
        if kept is not None and read_note(kept).text == latest.note.text:
            return False
        vkey, key = self.folder.key()
        line = cosign(latest.note.text, vkey.name, key, self.now())
        self.folder.keep_cosigned(Note(latest.note.text, (*latest.note.signatures, line)).octets)
        return True

    def _hand_in(self, latest: SeenCheckpoint) -> bool:
        size = latest.checkpoint.size
        if self.submit and self.folder.submitted != size:
            *_, line = read_note(self.folder.cosigned or b"").signatures
            self.ledger.submit(size, line.line)
            self.folder.keep_submitted(size)
        return self.folder.submitted == size


def _hashes(answer: bytes, before: Checkpoint | None, now: Checkpoint) -> tuple[bytes, ...]:
    """The proof in an answer.

    Raises:
        Incomplete: it has not the form of one; that is no word of the ledger, and so no alarm.
    """
    if before is None or not needs_proof(before, now):
        return ()
    try:
        hashes = read_hashes(answer)
    except MalformedTlog as error:
        raise Incomplete(f"no consistency proof: {error}") from error
    wanted = proof_length(before.size, now.size)
    if len(hashes) != wanted:
        raise Incomplete(f"a consistency proof of {len(hashes)} hashes where {wanted} are needed")
    return hashes
