"""Receipts as PDF from a hub: sealed with its key, the first sealed rendering inside, made once."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from gateway.domain.errors import Unavailable
from gateway.domain.transit.envelope import Recipient
from gateway.exchange.evidence.issue import Seals
from gateway.trust.pades import open_pdf
from gateway.verifier.opening import open_receipt
from gateway.wire.receipts import content_digest
from tests.support.hub import JWS, TEST_OFFICE, XML, HubUnderTest, make_hub, receipt_of
from tests.support.pdfs import VALID, told_by

PDF = "application/pdf"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


def sent(hub: HubUnderTest, media_type: str = XML, **content: Any) -> tuple[str, bytes]:
    """Address and octets of the sealed acceptance of a new letter."""
    answer = hub.post(hub.signed(hub.envelope(**content), media_type))
    assert answer.status_code == 201, answer.text
    accepted = receipt_of(answer)
    return f"/api/v1/envelopes/{accepted.reference}/receipts/{accepted.receipt_id}", answer.data


def pdf_of(hub: HubUnderTest, address: str) -> bytes:
    answer = hub.get(address, Accept=PDF)
    assert (answer.status_code, answer.mimetype) == (200, PDF), answer.text
    return bytes(answer.data)


def certificate(hub: HubUnderTest, name: str) -> x509.Certificate:
    return hub.pki[name].certificate


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_the_first_sealed_rendering_is_inside_octet_for_octet(hub: HubUnderTest, media_type: str) -> None:
    address, first = sent(hub, media_type)
    opened = open_pdf(pdf_of(hub, address))
    assert (opened.embedded, opened.embedded_media_type) == (first, media_type)
    assert opened.signed.certificate == certificate(hub, "hub-seal")
    assert opened.signed.claimed_time == hub.clock()


def test_it_is_made_once(hub: HubUnderTest) -> None:
    address, _ = sent(hub)
    first = pdf_of(hub, address)
    with hub.clock.moved(days=3):
        assert pdf_of(hub, address) == first


def test_a_test_letter_s_receipt_has_the_test_seal(hub: HubUnderTest) -> None:
    address, _ = sent(hub, test=True, recipients=(Recipient(office=TEST_OFFICE),))
    assert open_pdf(pdf_of(hub, address)).signed.certificate == certificate(hub, "test-seal")


def test_the_seal_is_never_older_than_what_it_seals(hub: HubUnderTest) -> None:
    address, _ = sent(hub)
    with hub.clock.moved(hours=-2):
        opened = open_pdf(pdf_of(hub, address))
    assert opened.signed.claimed_time == hub.clock()


def test_a_seal_that_is_out_is_our_own_trouble(hub: HubUnderTest) -> None:
    ledger = hub.sealer("ledger")  # an Ed25519 key, which seals no PDF file
    pdf = hub.gateway.services.receipts.pdf
    broken = replace(pdf, issuing=replace(hub.gateway.issuing, seals=Seals(ledger, ledger)))
    address, first = sent(hub)
    receipt = open_receipt(first, XML).receipt
    with pytest.raises(Unavailable):
        broken.make(receipt, first, XML)
    with hub.using(receipts=replace(hub.gateway.services.receipts, pdf=broken)):
        assert hub.get(address, Accept=PDF).status_code == 503
    assert pdf_of(hub, address)


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="pdfsig")
def test_independent_programs_agree(hub: HubUnderTest, tmp_path: Path) -> None:
    address, first = sent(hub, subject="طلب تجريبي – demande de démonstration")
    path = tmp_path / "receipt.pdf"
    path.write_bytes(pdf_of(hub, address))
    told = told_by("pdfsig", "-nocert", path)
    assert VALID in told
    assert "Total document signed" in told
    reference = open_receipt(first, XML).receipt.reference
    text = subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout.decode()
    assert str(reference) in text
    assert "demande de démonstration" in text
    assert "Pages:           1" in told_by("pdfinfo", path)
    subprocess.run(["pdfdetach", "-saveall", "-o", tmp_path, path], check=True, capture_output=True)
    (attached,) = tmp_path.glob("receipt-*.xml")
    assert attached.read_bytes() == first
    if shutil.which("qpdf"):
        assert "No syntax or stream encoding errors" in told_by("qpdf", "--check", path)


def test_the_code_leads_to_the_page_that_verifies(hub: HubUnderTest) -> None:
    """The address in the QR code is the one that the verifying page answers."""
    _, first = sent(hub)
    digest = content_digest(open_receipt(first, XML).receipt)
    assert hub.client.get(f"/verify?receipt={digest}").status_code == 200


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_a_sender_may_ask_for_paper_at_once(hub: HubUnderTest, media_type: str) -> None:
    letter = hub.signed(media_type=media_type)
    answer = hub.post(letter, Accept=PDF)
    assert (answer.status_code, answer.mimetype) == (201, PDF), answer.text
    inside = open_pdf(answer.data)
    assert inside.embedded_media_type == media_type
    again, own = hub.post(letter, Accept=PDF), hub.post(letter)
    assert (again.status_code, again.data) == (200, answer.data)
    assert (own.mimetype, own.data) == (media_type, inside.embedded)


def test_a_refusal_is_had_on_paper_too(hub: HubUnderTest) -> None:
    letter = hub.signed(hub.envelope(recipients=(Recipient(office="B0000999-I"),)))
    first, paper = hub.post(letter), hub.post(letter, Accept=PDF)
    assert (first.status_code, paper.status_code, paper.mimetype) == (422, 422, PDF)
    assert open_pdf(paper.data).embedded == first.data
