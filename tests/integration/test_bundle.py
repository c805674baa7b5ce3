"""One file proves everything about a letter: made by the hub, verified without it."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tempfile
import tracemalloc
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509

from adapters.contract import Delivered
from gateway.bootstrap import evidence as building
from gateway.cli import wasl
from gateway.domain.errors import NotFound, Permanent
from gateway.store.transit.models import DeliveryRow, Message
from gateway.trust.note import read_vkey
from gateway.verifier.report import Report
from gateway.verifier.verify import verify_file
from gateway.wire.asic import MANIFEST, MEDIA_TYPE, SIGNATURE, open_container
from tests.support.bundles import bundle_of, codes, files_in, judged
from tests.support.evidence import settle
from tests.support.hub import (
    AGENCY,
    AGENCY_OFFICE,
    COMMUNE,
    COMMUNE_OFFICE,
    JWS,
    MINISTRY,
    TEST_OFFICE,
    XML,
    HubUnderTest,
    receipt_of,
)
from tests.support.systems import Simulator, accept, fresh_hub

REGISTERED = Delivered(b"<ok/>", "application/xml", target_reference="d 7", register_number="2026/7")
PLAN = b"%PDF-1.7 plan fictif " * 5000
NAME = "plan & é خطة.pdf"


@dataclass(frozen=True)
class Sent:
    """A hub with one letter to two offices, settled, and its bundle."""

    hub: HubUnderTest
    reference: str
    bundle: bytes

    def verified(self, folder: Path, original: Path | None = None) -> Report:
        return judged(self.bundle, folder, self.hub.home / "trust", self.hub.clock(), original)


def reference_of(hub: HubUnderTest, delivery: str) -> str:
    with hub.gateway.store.read() as session:
        message = session.get_one(Message, session.get_one(DeliveryRow, delivery).message)
        return str(message.reference)


@pytest.fixture(scope="module")
def system() -> Simulator:
    return Simulator(script=[REGISTERED])


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory, system: Simulator) -> Sent:
    folder = tmp_path_factory.mktemp("letters")
    plan, empty = folder / NAME, folder / "empty.txt"
    plan.write_bytes(PLAN)
    empty.write_bytes(b"")
    hub = fresh_hub(tmp_path_factory.mktemp("hub") / "home", system)
    delivery, _ = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE, files=(plan, empty))
    hub.dispatch().run_once()
    settle(hub)
    building.long_term(hub.gateway).run()
    reference = reference_of(hub, delivery)
    return Sent(hub, reference, bundle_of(hub, reference, MINISTRY))


def test_a_bundle_verifies_with_everything_in_it(sent: Sent, tmp_path: Path) -> None:
    report = sent.verified(tmp_path)
    assert report.exit_code == 0, [(s.code, s.text("en")) for s in report.all_steps()]
    own = [step.code for step in report.steps]
    assert own[:3] == ["seal.good", "revocation.good", "bundle.whole"]
    assert own[3:] == ["bundle.chained", "bundle.letter", "bundle.attachments"]
    assert [step.code for step in report.became] == ["bundle.handed-over", "bundle.open"]
    assert len(report.parts) == len({part.content_digest for part in report.parts}) >= 5
    assert all(part.independent_time is not None for part in report.parts)


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_the_sentence_says_what_became_of_each_delivery(sent: Sent, tmp_path: Path, language: str) -> None:
    said = sent.verified(tmp_path).sentence(language)
    assert sent.hub.clock().isoformat(timespec="seconds") in said
    assert said.count("(ar)") >= 2  # the offices, by the names that the country's first language gives
    assert "{" not in said


def test_the_letter_and_the_attachments_are_exactly_what_was_sent(sent: Sent) -> None:
    files = files_in(sent.bundle)
    attached = [octets for name, octets in files.items() if name.startswith("attachments/")]
    assert attached == [PLAN, b""]
    with sent.hub.gateway.services.bundles.make(sent.reference, None) as file:
        references = open_container(file).references
    acceptance = receipt_of(answer(files["receipts/01-acceptance.xml"], XML))
    assert acceptance.received is not None
    assert references["letter.xml"].sha256 == acceptance.received.sha256


def answer(octets: bytes, media_type: str) -> Any:
    return type("Answer", (), {"data": octets, "mimetype": media_type})


def test_the_names_are_safe_and_tell_what_is_in_them(sent: Sent) -> None:
    names = list(files_in(sent.bundle))
    assert "attachments/att1/plan & é خطة.pdf" in names
    for expected in (
        "letter.xml",
        "receipts/01-acceptance.xml",
        "receipts/01-acceptance.xml.tlog-proof",
        "receipts/01-acceptance.xml.tsr",
        "receipts/01-acceptance-long-term.xml",
        "receipts/02-delivery-1.xml",
        "receipts/03-registration-1.xml",
        "certificates/seal.pem",
        "certificates/seal-01.crl",
        "certificates/timestamp.pem",
        "certificates/signer.pem",
        "certificates/signer-01.crl",
        "certificates/ledger.vkey",
        "summary.html",
    ):
        assert expected in names


def test_the_acceptance_is_there_as_a_pdf(sent: Sent) -> None:
    assert files_in(sent.bundle)["receipts/01-acceptance.pdf"].startswith(b"%PDF-")


def test_material_for_archivists_is_readable_and_holds_no_private_key(sent: Sent) -> None:
    files = files_in(sent.bundle)
    pki = sent.hub.pki
    signer = x509.load_pem_x509_certificates(files["certificates/signer.pem"])
    assert signer[0] == pki["ministry"].certificate
    assert pki["parties-ca"].certificate in signer
    assert pki["hub-seal"].certificate in x509.load_pem_x509_certificates(files["certificates/seal.pem"])
    assert pki["tsa-ca"].certificate in x509.load_pem_x509_certificates(files["certificates/timestamp.pem"])
    assert x509.load_der_x509_crl(files["certificates/seal-01.crl"]).issuer
    assert read_vkey(files["certificates/ledger.vkey"].decode().strip()).name == "demo-hub.test/ledger"
    assert not any(b"PRIVATE" in octets for octets in files.values())


def test_the_summary_is_a_page_without_scripts_in_every_language(sent: Sent) -> None:
    page = files_in(sent.bundle)["summary.html"].decode()
    for language, direction in (("ar", "rtl"), ("fr", "ltr"), ("en", "ltr")):
        assert f'<section lang="{language}" dir="{direction}">' in page
    assert page.count(sent.reference) >= 3
    assert "plan &amp; é" in page
    assert "<script" not in page
    assert "src=" not in page
    assert hashlib.sha256(PLAN).hexdigest() in page


def test_openssl_and_unzip_agree(sent: Sent, tmp_path: Path) -> None:
    path = tmp_path / "b.asice"
    path.write_bytes(sent.bundle)
    tested = subprocess.run(["unzip", "-tq", path], capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extract(MANIFEST, tmp_path)
        archive.extract(SIGNATURE, tmp_path)
    anchor = str(sent.hub.home / "trust" / "seal" / "seal-ca.pem")
    command = ["openssl", "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", SIGNATURE]
    command += ["-content", MANIFEST, "-CAfile", anchor, "-purpose", "any", "-out", "out"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr


def test_receipts_taken_out_verify_with_what_lies_beside_them(sent: Sent, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(sent.bundle)) as archive:
        archive.extractall(tmp_path)
    for name in ("01-acceptance.xml", "02-delivery-1.xml"):
        report = verify_file(tmp_path / "receipts" / name, sent.hub.home / "trust", None, sent.hub.clock())
        assert report.exit_code == 0, [(s.code, s.text("en")) for s in report.steps]


def test_the_original_can_be_compared(sent: Sent, tmp_path: Path) -> None:
    original, other = tmp_path / "letter", tmp_path / "other"
    original.write_bytes(files_in(sent.bundle)["letter.xml"])
    other.write_bytes(b"another letter")
    assert "original.matches" in codes(sent.verified(tmp_path, original))
    differing = sent.verified(tmp_path, other)
    assert (differing.exit_code, "original.differs" in codes(differing)) == (1, True)


def test_bundles_made_at_one_moment_differ_in_the_signature_alone(sent: Sent) -> None:
    one, two = (files_in(bundle_of(sent.hub, sent.reference)) for _ in range(2))
    assert list(one) == list(two)
    assert [name for name in one if one[name] != two[name]] == [SIGNATURE]


# --- other letters


def test_a_letter_in_json_has_its_bundle_too(sent: Sent, tmp_path: Path) -> None:
    [delivery] = accept(sent.hub, AGENCY_OFFICE, media_type=JWS)
    settle(sent.hub)
    bundle = bundle_of(sent.hub, reference_of(sent.hub, delivery))
    assert {"letter.jws", "receipts/01-acceptance.jws"} <= set(files_in(bundle))
    report = judged(bundle, tmp_path, sent.hub.home / "trust", sent.hub.clock())
    assert report.exit_code == 0, codes(report)


def test_a_test_letter_is_sealed_by_the_test_seal_and_says_so(sent: Sent, tmp_path: Path) -> None:
    [delivery] = accept(sent.hub, TEST_OFFICE, test=True)
    settle(sent.hub)
    report = judged(
        bundle_of(sent.hub, reference_of(sent.hub, delivery)),
        tmp_path,
        sent.hub.home / "trust",
        sent.hub.clock(),
    )
    assert (report.exit_code, report.test) == (0, True), codes(report)
    assert report.sentence("en").startswith("TEST")


def test_a_bundle_of_a_moment_ago_cannot_be_decided_yet(sent: Sent, tmp_path: Path) -> None:
    [delivery] = accept(sent.hub, AGENCY_OFFICE)
    bundle = bundle_of(sent.hub, reference_of(sent.hub, delivery))
    assert not any(name.endswith((".tlog-proof", ".tsr")) for name in files_in(bundle))
    report = judged(bundle, tmp_path, sent.hub.home / "trust", sent.hub.clock())
    assert (report.exit_code, "ledger.none" in codes(report)) == (3, True)


def test_after_the_purge_the_bundle_names_what_is_gone(tmp_path: Path) -> None:
    system = Simulator(script=[Permanent("WASL-DLV-003")])
    hub = fresh_hub(tmp_path / "hub", system, WASL_RETENTION_DEFAULT_DAYS="1")
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(PLAN)
    [delivery] = accept(hub, files=(plan,), document_type=None)
    hub.dispatch().run_once()
    settle(hub)
    reference = reference_of(hub, delivery)
    hub.clock.forward(days=2)
    assert building.purge(hub.gateway).run().letters == (reference,)
    files = files_in(bundle_of(hub, reference))
    assert not any(name.startswith(("letter", "attachments/")) for name in files)
    page = files["summary.html"].decode()
    assert hashlib.sha256(PLAN).hexdigest() in page
    assert "deleted" in page
    report = judged(bundle_of(hub, reference), tmp_path, hub.home / "trust", hub.clock())
    assert report.exit_code == 0, codes(report)
    assert {"bundle.no-letter", "bundle.no-attachments"} <= set(codes(report))
    assert [step.code for step in report.became] == ["bundle.failed"]


# --- the doors


def test_the_sender_gets_it_as_a_file(sent: Sent) -> None:
    got = sent.hub.get(f"/api/v1/envelopes/{sent.reference.lower()}/evidence")
    assert (got.status_code, got.mimetype) == (200, MEDIA_TYPE)
    assert got.headers["Content-Disposition"] == f'attachment; filename="{sent.reference}-evidence.asice"'
    assert got.content_length == len(got.data)
    assert got.headers["Cache-Control"] == "no-store"
    assert files_in(got.data).keys() == files_in(sent.bundle).keys()


def test_nobody_else_can_tell_it_from_none(sent: Sent) -> None:
    same = {"X-Request-Id": "one-call"}
    for party in (COMMUNE, AGENCY):
        there = sent.hub.get(f"/api/v1/envelopes/{sent.reference}/evidence", party, **same)
        nowhere = sent.hub.get("/api/v1/envelopes/0123-4567-89T/evidence", party, **same)
        assert (there.status_code, there.data) == (404, nowhere.data)
    for typed in ("..", "%00", "é", "x" * 3000):
        assert sent.hub.get(f"/api/v1/envelopes/{typed}/evidence").status_code == 404
    assert sent.hub.client.get(f"/api/v1/envelopes/{sent.reference}/evidence").status_code == 401


def test_services_refuse_other_parties(sent: Sent) -> None:
    with pytest.raises(NotFound):
        sent.hub.gateway.services.bundles.make(sent.reference, COMMUNE)


def test_the_operator_writes_it_from_the_hubs_home(
    sent: Sent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASL_HOME", str(sent.hub.home))
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(wasl, ["evidence", sent.reference.lower()], catch_exceptions=False)
    assert (run.exit_code, run.output.strip()) == (0, f"{sent.reference}-evidence.asice")
    assert (
        judged(
            (tmp_path / run.output.strip()).read_bytes(), tmp_path, sent.hub.home / "trust", sent.hub.clock()
        ).exit_code
        == 0
    )
    with pytest.raises(NotFound):
        CliRunner().invoke(wasl, ["evidence", "../x", "--output", "y"], catch_exceptions=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["bundle.asice", f"{sent.reference}-evidence.asice"]
    )


def test_no_transaction_is_open_while_contents_pass(sent: Sent) -> None:
    held: list[int] = []

    class Watched(io.BytesIO):
        def write(self, octets: Any) -> int:
            held.append(sent.hub.gateway.store.engine.pool.checkedout())  # type: ignore[attr-defined]
            return super().write(octets)

    sent.hub.gateway.services.bundles.write(sent.reference, None, Watched())
    assert set(held) == {0}


def test_memory_does_not_grow_with_the_attachments(sent: Sent, tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(16 * 1024 * 1024))
    [delivery] = accept(sent.hub, AGENCY_OFFICE, files=(big,))
    reference = reference_of(sent.hub, delivery)
    tracemalloc.start()
    with tempfile.TemporaryFile(dir=tmp_path) as target:
        sent.hub.gateway.services.bundles.write(reference, None, target)
        target.seek(0)
        container = open_container(target)
        digests = [container.sha256(name) for name in container.names]
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert hashlib.sha256(big.read_bytes()).hexdigest() in digests
    assert peak < 8 * 1024 * 1024
