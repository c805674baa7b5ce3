"""Bundles that were tampered with, or put together wrongly: each is refused, and by its own name."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.contract import Delivered
from gateway.domain.evidence.receipt import Receipt
from gateway.store.transit.models import Message
from gateway.trust.seal import KeySealer, sign_xml
from gateway.verifier.opening import XML, open_receipt
from gateway.verifier.report import Report
from gateway.wire.asic import MANIFEST, MIMETYPE, SIGNATURE
from gateway.wire.receipts import receipt_element
from tests.support.bundles import Files, bundle_of, changed, codes, files_in, judged, sealed, zipped
from tests.support.evidence import settle
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, HubUnderTest
from tests.support.systems import Simulator, accept, fresh_hub, row

REGISTERED = Delivered(b"<ok/>", "application/xml", target_reference="d 7", register_number="2026/7")


@dataclass(frozen=True)
class World:
    """A hub with two letters, each to two offices, and the files of their bundles."""

    hub: HubUnderTest
    bundle: bytes
    files: Files
    other: Files

    def judge(self, octets: bytes, folder: Path) -> Report:
        return judged(octets, folder, self.hub.home / "trust", self.hub.clock())

    def sealed(self, files: Files, holder: str = "hub-seal") -> bytes:
        return sealed(files, self.hub.pki, self.hub.clock(), holder)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    hub = fresh_hub(tmp_path_factory.mktemp("hub") / "home", Simulator(script=[REGISTERED, REGISTERED]))
    plan = tmp_path_factory.mktemp("letters") / "plan.pdf"
    plan.write_bytes(b"%PDF-1.7 plan fictif " * 100)
    references = [_send(hub, plan) for _ in range(2)]
    settle(hub)
    one, two = (bundle_of(hub, reference) for reference in references)
    return World(hub, one, files_in(one), files_in(two))


def _send(hub: HubUnderTest, plan: Path) -> str:
    delivery, _ = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE, files=(plan,))
    hub.dispatch().run_once()
    hub.clock.forward(seconds=2)
    with hub.gateway.store.read() as session:
        return str(session.get_one(Message, row(hub, delivery).message).reference)


def flip(octets: bytes, position: int = -20) -> bytes:
    at = position % len(octets)
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


def test_the_untouched_bundles_are_good(world: World, tmp_path: Path) -> None:
    assert world.judge(world.bundle, tmp_path).exit_code == 0
    assert world.judge(world.sealed(world.files), tmp_path).exit_code == 0


# --- what anybody can do: the seal stays as it was

ATTACHMENT, ACCEPTANCE = "attachments/att1/plan.pdf", "receipts/01-acceptance.xml"
DELIVERY, REGISTRATION = "receipts/02-delivery-1.xml", "receipts/03-registration-1.xml"


def extra(files: Files) -> Files:
    return {**files, "receipts/99-outcome.xml": b"<x/>"}


def missing(files: Files) -> Files:
    return {name: octets for name, octets in files.items() if name != DELIVERY}


def swapped(files: Files) -> Files:
    return {**files, DELIVERY: files[REGISTRATION], REGISTRATION: files[DELIVERY]}


def reordered(files: Files) -> Files:
    return dict(sorted(files.items()))


TAMPERED: dict[str, tuple[Callable[[Files], Files], str]] = {
    "extra entry": (extra, "bundle.extra"),
    "missing entry": (missing, "bundle.missing"),
    "traversing entry": (lambda files: {**files, "../evil": b"x"}, "bundle.name"),
    "absolute entry": (lambda files: {**files, "/etc/evil": b"x"}, "bundle.name"),
    "same name in another case": (lambda files: {**files, "LETTER.XML": b"x"}, "bundle.twice"),
    "second signature": (lambda files: {**files, "META-INF/signature002.p7s": b"x"}, "bundle.extra"),
    "mimetype not first": (reordered, "bundle.mimetype"),
    "altered letter": (lambda files: changed(files, "letter.xml", flip), "bundle.altered"),
    "altered attachment": (lambda files: changed(files, ATTACHMENT, flip), "bundle.altered"),
    "altered receipt": (lambda files: changed(files, DELIVERY, flip), "bundle.altered"),
    "altered proof": (lambda files: changed(files, ACCEPTANCE + ".tlog-proof", flip), "bundle.altered"),
    "altered summary": (lambda files: changed(files, "summary.html", flip), "bundle.altered"),
    "swapped receipts": (swapped, "bundle.altered"),
    "altered manifest": (
        lambda files: changed(files, MANIFEST, lambda m: m.replace(b"text/html", b"text/htm1")),
        "bundle.changed",
    ),
    "manifest refers outside": (
        lambda files: changed(files, MANIFEST, lambda m: m.replace(b"letter.xml", b"../etc/passwd")),
        "bundle.extra",
    ),
    "no manifest": (lambda files: {n: o for n, o in files.items() if n != MANIFEST}, "bundle.manifest"),
    "no signature": (lambda files: {n: o for n, o in files.items() if n != SIGNATURE}, "bundle.unsealed"),
    "empty signature": (lambda files: {**files, SIGNATURE: b""}, "bundle.signature"),
    "cut signature": (lambda files: changed(files, SIGNATURE, lambda s: s[:-1]), "bundle.signature"),
    "altered signature": (lambda files: changed(files, SIGNATURE, lambda s: flip(s, -3)), "bundle.changed"),
    "no mimetype": (lambda files: {n: o for n, o in files.items() if n != MIMETYPE}, "bundle.mimetype"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_a_bundle_changed_after_sealing_is_refused_by_name(world: World, tmp_path: Path, case: str) -> None:
    change, code = TAMPERED[case]
    report = world.judge(zipped(change(world.files)), tmp_path)
    assert report.exit_code == 1
    assert code in codes(report)
    for language in ("en", "fr", "ar"):
        assert "{" not in report.sentence(language)


def test_the_signature_of_another_bundle_is_refused(world: World, tmp_path: Path) -> None:
    report = world.judge(zipped({**world.files, SIGNATURE: world.other[SIGNATURE]}), tmp_path)
    assert codes(report) == ["bundle.changed"]


def bomb(octets: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(MIMETYPE), files_in(octets)[MIMETYPE])
        info = zipfile.ZipInfo("letter.xml")
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, bytes(50_000_000))
    return target.getvalue()


SHAPES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated": (lambda octets: octets[: len(octets) // 2], "bundle.format"),
    "cut by one octet": (lambda octets: octets[:-1], "bundle.format"),
    "data after the end": (lambda octets: octets + b"\n", "bundle.format"),
    "a bomb": (bomb, "bundle.large"),
    "a local header that lies": (
        lambda octets: octets.replace(b"letter.xml", b"lettre.xml", 1),
        "bundle.header",
    ),
    "an ordinary archive": (lambda octets: zipped({"a.txt": b"hello"}), "bundle.mimetype"),
    "nothing behind the start": (lambda octets: octets[:4], "bundle.format"),
}


@pytest.mark.parametrize("case", SHAPES)
def test_another_shape_of_container_is_refused_by_name(world: World, tmp_path: Path, case: str) -> None:
    change, code = SHAPES[case]
    report = world.judge(change(world.bundle), tmp_path)
    assert (report.exit_code, codes(report)) == (1, [code])


@pytest.mark.parametrize("before", [b"MZ\x90", b"#!/bin/sh\n", b"%PDF-1.7\n", b"<html>", b"{"])
def test_a_bundle_behind_other_data_is_no_bundle(world: World, tmp_path: Path, before: bytes) -> None:
    assert world.judge(before + world.bundle, tmp_path).exit_code == 1


def test_an_archive_behind_another_one_is_refused(world: World, tmp_path: Path) -> None:
    report = world.judge(zipped({"a.txt": b"hello"}) + world.bundle, tmp_path)
    assert codes(report) == ["bundle.place"]


def test_a_file_twice_is_refused(world: World, tmp_path: Path) -> None:
    target = io.BytesIO(zipped(world.files))
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(zipfile.ZipInfo(DELIVERY), world.other[DELIVERY])
    assert codes(world.judge(target.getvalue(), tmp_path)) == ["bundle.twice"]


# --- whose seal

SEALERS = {
    "ministry": "seal.party",
    "tsa": "seal.timestamp",
    "tls": "seal.unknown",
    "foreign": "seal.unknown",
    "seal-ca": "seal.unfit",
    "test-seal": "bundle.other-kind",
}


@pytest.mark.parametrize("holder", SEALERS)
def test_a_bundle_sealed_by_anybody_but_the_hub_is_refused(world: World, tmp_path: Path, holder: str) -> None:
    report = world.judge(world.sealed(world.files, holder), tmp_path)
    assert report.exit_code == 1
    assert SEALERS[holder] in codes(report)


def test_a_strangers_bundle_is_given_no_more_work_than_its_seal(world: World, tmp_path: Path) -> None:
    assert world.judge(world.sealed(world.files, "ministry"), tmp_path).parts == ()


def test_a_bundle_of_the_future_is_refused(world: World, tmp_path: Path) -> None:
    late = sealed(world.files, world.hub.pki, world.hub.clock() + timedelta(days=2))
    assert "time.future" in codes(world.judge(late, tmp_path))


# --- what only the seal's keeper could do: everything sealed anew


def from_other(name: str, as_name: str | None = None) -> Callable[[World], Files]:
    def change(world: World) -> Files:
        files = dict(world.files)
        for suffix in ("", ".tlog-proof", ".tsr"):
            files[(as_name or name) + suffix] = world.other[name + suffix]
        return files

    return change


def leave_out(*names: str) -> Callable[[World], Files]:
    return lambda world: {n: o for n, o in world.files.items() if not n.startswith(names)}


def other_proof(world: World) -> Files:
    return {**world.files, DELIVERY + ".tlog-proof": world.files[REGISTRATION + ".tlog-proof"]}


def swapped_with_proofs(world: World) -> Files:
    files = dict(world.files)
    for suffix in ("", ".tlog-proof", ".tsr"):
        files[DELIVERY + suffix] = world.files[REGISTRATION + suffix]
        files[REGISTRATION + suffix] = world.files[DELIVERY + suffix]
    return files


def twice(world: World) -> Files:
    files = dict(world.files)
    for suffix in ("", ".tlog-proof", ".tsr"):
        files["receipts/98-delivery.xml" + suffix] = files[DELIVERY + suffix]
    return files


def parts_of_two(world: World) -> Files:
    """A receipt with the seal of another one."""
    mine, other = world.files[DELIVERY], world.files[REGISTRATION]
    start = mine.index(b"<ds:Signature")
    return {**world.files, DELIVERY: mine[:start] + other[other.index(b"<ds:Signature") :]}


def other_pdf(world: World) -> Files:
    name = "receipts/01-acceptance.pdf"
    return {**world.files, name: world.other[name]}


RESEALED: dict[str, tuple[Callable[[World], Files], str, int]] = {
    "another letter": (lambda w: {**w.files, "letter.xml": w.other["letter.xml"]}, "bundle.other-letter", 1),
    "altered attachment": (lambda w: changed(w.files, ATTACHMENT, flip), "bundle.other-attachment", 1),
    "another letter's receipt beside": (
        from_other(DELIVERY, "receipts/97-delivery.xml"),
        "bundle.foreign",
        1,
    ),
    "another letter's receipt instead": (from_other(DELIVERY), "bundle.foreign", 1),
    "another letter's acceptance": (
        from_other(ACCEPTANCE, "receipts/96-acceptance.xml"),
        "bundle.no-acceptance",
        1,
    ),
    "no acceptance": (leave_out("receipts/01-"), "bundle.no-acceptance", 1),
    "no receipts": (leave_out("receipts/"), "bundle.no-acceptance", 1),
    "a receipt left out of the chain": (leave_out("receipts/02-"), "bundle.gap", 1),
    "a receipt twice": (twice, "bundle.repeated", 1),
    "parts of two receipts": (parts_of_two, "integrity.changed", 1),
    "the proof of another receipt": (other_proof, "ledger.not-included", 1),
    "no proofs": (
        lambda w: {n: o for n, o in w.files.items() if not n.endswith(".tlog-proof")},
        "ledger.none",
        3,
    ),
    "no tokens": (lambda w: {n: o for n, o in w.files.items() if not n.endswith(".tsr")}, "token.none", 3),
    "the PDF of another receipt": (other_pdf, "bundle.mixed", 1),
    "no letter": (leave_out("letter.xml"), "bundle.no-letter", 0),
    "no attachments": (leave_out("attachments/"), "bundle.no-attachments", 0),
    "swapped with all their proofs": (swapped_with_proofs, "bundle.chained", 0),
    "something unknown": (lambda w: {**w.files, "notes.txt": b"hello"}, "bundle.other", 0),
    "a certificate of a stranger": (
        lambda w: {**w.files, "certificates/seal.pem": w.hub.pki.certificate_path("foreign").read_bytes()},
        "bundle.whole",
        0,
    ),
}


@pytest.mark.parametrize("case", RESEALED)
def test_a_bundle_put_together_wrongly_is_told_so(world: World, tmp_path: Path, case: str) -> None:
    change, code, exit_code = RESEALED[case]
    report = world.judge(world.sealed(change(world)), tmp_path)
    assert code in codes(report)
    assert report.exit_code == exit_code, codes(report)


def test_certificates_inside_are_never_believed(world: World, tmp_path: Path) -> None:
    files = {
        **world.files,
        "certificates/seal.pem": world.hub.pki.certificate_path("foreign-ca").read_bytes(),
    }
    assert "seal.unknown" in codes(world.judge(world.sealed(files, "foreign"), tmp_path))


def test_nothing_of_a_bundle_is_left_on_the_disk(world: World, tmp_path: Path) -> None:
    world.judge(zipped({**world.files, "../evil": b"x"}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.asice"]
    assert not (tmp_path.parent / "evil").exists()


def forked(delivered: Receipt, registered: Receipt, others: Receipt) -> Receipt:
    return replace(delivered, nonce="11" * 16)


def backwards(delivered: Receipt, registered: Receipt, others: Receipt) -> Receipt:
    return replace(delivered, nonce="11" * 16, event_time=delivered.event_time - timedelta(hours=1))


def of_another_chain(delivered: Receipt, registered: Receipt, others: Receipt) -> Receipt:
    return replace(others, nonce="11" * 16, predecessor=registered.predecessor)


def of_no_delivery(delivered: Receipt, registered: Receipt, others: Receipt) -> Receipt:
    assert delivered.recipient is not None
    elsewhere = replace(delivered.recipient, delivery="01950000-0000-7000-8000-00000000a001")
    return replace(delivered, nonce="11" * 16, recipient=elsewhere)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (forked, "bundle.forked"),
        (backwards, "bundle.backwards"),
        (of_another_chain, "bundle.other-chain"),
        (of_no_delivery, "bundle.other-delivery"),
    ],
)
def test_a_receipt_that_does_not_fit_its_chain_shows(
    world: World, tmp_path: Path, make: Callable[..., Receipt], code: str
) -> None:
    # only whoever holds the seal could make one
    others = next(name for name in world.files if name.endswith("-2.xml"))
    receipts = (open_receipt(world.files[name], XML).receipt for name in (DELIVERY, REGISTRATION, others))
    pki, now = world.hub.pki, world.hub.clock()
    seal = KeySealer.from_files(pki.key_path("hub-seal"), pki.certificate_path("hub-seal"))
    made = sign_xml(receipt_element(make(*receipts)), seal, now)
    report = world.judge(world.sealed({**world.files, "receipts/95-delivery.xml": made}), tmp_path)
    assert (report.exit_code, code in codes(report)) == (1, True), codes(report)
