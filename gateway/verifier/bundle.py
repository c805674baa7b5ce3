"""Verifies a bundle: one container, sealed by a hub, with everything about one letter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.trust.cades import verify_detached
from gateway.trust.cms import BadCms
from gateway.trust.signed import Signed
from gateway.verifier.bundle_chain import Link, became, find_acceptance, judge_links
from gateway.verifier.bundle_parts import Judging, judge_digests, judge_originals, receipts_of
from gateway.verifier.moment import TOLERANCE
from gateway.verifier.report import Report, Status, Step
from gateway.verifier.seal import Trust, is_test_seal, judge_seal
from gateway.wire.asic import BadContainer, Container, open_container

_FAULTS: Mapping[str, str] = {
    "format": "bundle.format",
    "place": "bundle.place",
    "name": "bundle.name",
    "twice": "bundle.twice",
    "header": "bundle.header",
    "kind": "bundle.kind",
    "large": "bundle.large",
    "content": "bundle.content",
    "mimetype": "bundle.mimetype",
    "manifest": "bundle.manifest",
    "signature": "bundle.unsealed",
    "extra": "bundle.extra",
    "missing": "bundle.missing",
}
"""The step for each code of a bad container."""


def verify_bundle(path: Path, trust: Trust, original: str | None, now: datetime) -> Report:
    """Everything that can be said about the bundle in ``path``; nothing is extracted.

    Args:
        original: SHA-256 digest of a letter or an attachment, in lower-case hexadecimal.
        now: aware; only to notice a seal or a receipt of the future.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        try:
            container = open_container(file)
            signed = verify_detached(container.signature, container.manifest)
            return _judge(path.name, container, signed, Judging(container, trust, original, now))
        except BadContainer as error:
            step = Step(_FAULTS[error.code], Status.BAD, {"name": error.name or "—"})
        except BadCms as error:
            step = Step(_CMS_FAULTS.get(error.code, "bundle.changed"), Status.BAD, {"why": str(error)})
    return Report(path.name, (step,))


_CMS_FAULTS: Mapping[str, str] = {"malformed": "bundle.signature", "certificate": "bundle.signature"}


def _judge(name: str, container: Container, signed: Signed, judging: Judging) -> Report:
    trust, now = judging.trust, judging.now
    sealed = (*_seal(signed, trust, now), *judge_digests(container))
    if any(step.status is Status.BAD for step in sealed):
        return Report(name, sealed)  # strangers' files are not worth more work
    parts = judging.receipts()
    related = _related(container, parts, is_test_seal(signed, trust), signed.claimed_time)
    return Report(name, (*sealed, *related.steps), parts=parts, became=related.became)


def _seal(signed: Signed, trust: Trust, now: datetime) -> Iterator[Step]:
    sealed_at = signed.claimed_time
    if sealed_at is None:
        yield Step("time.missing", Status.BAD)
        return
    test = is_test_seal(signed, trust)
    yield from judge_seal(signed, test, trust, sealed_at)
    if sealed_at > now + TOLERANCE:
        stated = sealed_at.isoformat(timespec="seconds")
        yield Step("time.future", Status.BAD, {"time": stated, "sealed": stated})


@dataclass(frozen=True)
class _Related:
    """What the files of a bundle have to do with one another."""

    steps: tuple[Step, ...]
    became: tuple[Step, ...] = ()


def _younger(links: Sequence[Link], sealed_at: datetime | None) -> Iterator[Step]:
    """Receipts that cannot have been there yet when the bundle says that it was sealed."""
    for link in links:
        if sealed_at is not None and link.receipt.event_time > sealed_at + TOLERANCE:
            values = {"time": link.receipt.event_time.isoformat(), "sealed": sealed_at.isoformat()}
            yield Step("time.backwards", Status.BAD, values)


def _related(
    container: Container, parts: tuple[Report, ...], test_seal: bool, sealed_at: datetime | None
) -> _Related:
    links = [Link(*found) for found in receipts_of(parts)]
    acceptance = find_acceptance(links)
    if acceptance is None:
        return _Related((Step("bundle.no-acceptance", Status.BAD),))
    steps = [*judge_links(links, acceptance), *judge_originals(container, acceptance.receipt)]
    steps += _younger(links, sealed_at)
    if test_seal != acceptance.receipt.test:
        steps.append(Step("bundle.other-kind", Status.BAD))
    return _Related(tuple(steps), tuple(became(links, acceptance)))
