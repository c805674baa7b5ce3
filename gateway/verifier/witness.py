"""Counts the witnesses that signed the checkpoint too; unknown ones are passed over (C2SP signed-note)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.domain.evidence.ledger import Note, NoteSignature
from gateway.trust.note import WITNESS, VerifierKey, verify_cosignature
from gateway.verifier.report import Status, Step
from gateway.wire.tlog import MalformedTlog, read_note


def judge_witnesses(note: Note, beside: bytes | None, witnesses: Sequence[VerifierKey]) -> Iterator[Step]:
    """A note that names the witnesses, and a step for each known one whose cosignature is not good.

    Args:
        beside: further signature lines, or None.
    """
    try:
        lines = (*note.signatures, *_more(note, beside))
    except MalformedTlog as error:
        yield Step("witness.malformed", Status.BAD, {"why": str(error)})
        return
    seen: dict[str, None] = {}
    for line in lines:
        key = _known(line, witnesses)
        if key is None:
            continue
        if verify_cosignature(note.text, line, key) is None:
            yield Step("witness.bad", Status.BAD, {"name": key.name})
        else:
            seen[key.name] = None
    if seen:
        yield Step("witness.good", Status.NOTE, {"count": str(len(seen)), "names": ", ".join(seen)})


def _more(note: Note, beside: bytes | None) -> Sequence[NoteSignature]:
    if not beside:
        return ()
    found = read_note(note.text + b"\n" + beside)
    if found.text != note.text:
        raise MalformedTlog("more than signature lines")
    return found.signatures


def _known(line: NoteSignature, witnesses: Sequence[VerifierKey]) -> VerifierKey | None:
    named = (line.name, line.key_id)
    keys = (key for key in witnesses if key.kind == WITNESS and (key.name, key.key_id) == named)
    return next(keys, None)
