"""Judges what lies in a bundle: each receipt by itself, then the letter and its attachments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.evidence.receipt import Receipt
from gateway.verifier.beside import COSIGNATURES, PROOF, TOKEN
from gateway.verifier.beside import LARGEST as LARGEST_BESIDE
from gateway.verifier.octets import verify_octets
from gateway.verifier.report import Report, Status, Step
from gateway.verifier.seal import Trust
from gateway.wire.asic import BadContainer, Container

LETTERS = ("letter.xml", "letter.jws", "letter.json")
ATTACHMENTS, RECEIPTS, CERTIFICATES = "attachments/", "receipts/", "certificates/"
SUMMARY = "summary.html"
LONG_TERM = "-long-term"
"""Stands in the name of a receipt whose seal is time-stamped."""
LARGEST_RECEIPT = 16 * 1024 * 1024

_BESIDE = (PROOF, TOKEN, COSIGNATURES)


@dataclass(frozen=True)
class Judging:
    """What every receipt of a bundle is judged with."""

    container: Container
    trust: Trust
    original: str | None
    now: datetime

    def receipts(self) -> tuple[Report, ...]:
        """A report for each receipt; those of its other renderings are parts of it."""
        groups: dict[str, list[str]] = {}
        for name in self.container.names:
            if name.startswith(RECEIPTS) and not name.endswith(_BESIDE):
                groups.setdefault(_stem(name), []).append(name)
        return tuple(self._receipt(names) for names in groups.values())

    def _receipt(self, names: Sequence[str]) -> Report:
        beside = self._beside(names)
        first, *others = [self._judged(name, beside) for name in names]
        mixed = [
            Step("bundle.mixed", Status.BAD, {"name": other.file, "other": first.file})
            for other in others
            if other.content_digest != first.content_digest
        ]
        return replace(first, steps=(*first.steps, *mixed), parts=tuple(others))

    def _beside(self, names: Sequence[str]) -> Mapping[str, bytes]:
        present = set(self.container.names)
        places = {kind: [name + kind for name in names if name + kind in present] for kind in _BESIDE}
        return {
            kind: self.container.read(found[0], LARGEST_BESIDE) for kind, found in places.items() if found
        }

    def _judged(self, name: str, beside: Mapping[str, bytes]) -> Report:
        return verify_octets(
            name,
            self.container.read(name, LARGEST_RECEIPT),
            self.trust,
            self.original,
            self.now,
            beside.get(PROOF),
            beside.get(TOKEN),
            beside.get(COSIGNATURES),
        )


def _stem(name: str) -> str:
    return name.partition(".")[0].removesuffix(LONG_TERM)


def judge_digests(container: Container) -> Iterator[Step]:
    """Whether every file is the one that was sealed, read as a stream."""
    altered = False
    for name in container.names:
        try:
            good = container.sha256(name) == container.references[name].sha256
        except BadContainer:
            good = False
        if not good:
            altered = True
            yield Step("bundle.altered", Status.BAD, {"name": name})
    if not altered:
        yield Step("bundle.whole", Status.GOOD, {"count": str(len(container.names))})


def judge_originals(container: Container, acceptance: Receipt) -> Iterator[Step]:
    """Whether the letter and the attachments inside are those that were accepted."""
    yield from _judge_letter(container, acceptance)
    yield from _judge_attachments(container, acceptance)
    for name in container.names:
        if not _is_known(name):
            yield Step("bundle.other", Status.NOTE, {"name": name})


def _judge_letter(container: Container, acceptance: Receipt) -> Iterator[Step]:
    letters = [name for name in container.names if name in LETTERS]
    if not letters:
        yield Step("bundle.no-letter", Status.NOTE)
    for name in letters:
        digest = container.references[name].sha256
        good = acceptance.received is not None and acceptance.received.sha256 == digest
        code, status = ("bundle.letter", Status.GOOD) if good else ("bundle.other-letter", Status.BAD)
        yield Step(code, status, {"name": name, "digest": digest})


def _judge_attachments(container: Container, acceptance: Receipt) -> Iterator[Step]:
    stated = {one.sha256: one.name for one in acceptance.attachments}
    came: list[str] = []
    for name in container.names:
        if name.startswith(ATTACHMENTS):
            came.append(container.references[name].sha256)
            if came[-1] not in stated:
                yield Step("bundle.other-attachment", Status.BAD, {"name": name})
    if missing := [name for digest, name in stated.items() if digest not in came]:
        yield Step("bundle.no-attachments", Status.NOTE, {"names": ", ".join(missing)})
    if came and stated.keys() >= set(came):
        yield Step("bundle.attachments", Status.GOOD, {"count": str(len(came))})


def _is_known(name: str) -> bool:
    return name in (*LETTERS, SUMMARY) or name.startswith((ATTACHMENTS, RECEIPTS, CERTIFICATES))


def receipts_of(parts: Iterable[Report]) -> list[tuple[str, str, Receipt]]:
    """File, content digest and content of every receipt whose own seal is good."""
    return [
        (part.file, part.content_digest, part.receipt)
        for part in parts
        if part.receipt is not None and part.content_digest is not None
    ]
