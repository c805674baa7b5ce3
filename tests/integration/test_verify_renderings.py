"""The offline verifier judges every rendering of one receipt alike, and its own time-stamp too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from certs.testpki import load, make_crl, revoke
from gateway.domain.evidence.receipt import Receipt
from gateway.store.evidence.models import ReceiptRow
from gateway.trust.pades import seal_pdf
from gateway.verifier.beside import Beside
from gateway.verifier.opening import COMPACT, FLATTENED, PDF, XML, open_receipt
from gateway.verifier.report import Report
from gateway.verifier.seal import Trust
from gateway.verifier.verify import verify_octets
from gateway.wire.receipt_pdf import write_receipt_pdf
from tests.support.evidence import beside_of, settle, stamp
from tests.support.hub import HubUnderTest, make_hub

RENDERINGS = [
    (XML, "B"),
    (COMPACT, "B"),
    (PDF, "B"),
    (XML, "T"),
    (FLATTENED, "T"),
    (PDF, "T"),
]


class Bench:
    """A hub with one accepted letter whose receipt stands in the ledger."""

    def __init__(self, folder: Path) -> None:
        self.hub: HubUnderTest = make_hub(folder)
        letter = self.hub.signed()
        self.letter = sha256(letter.root).hexdigest()
        self.sealed = bytes(self.hub.post(letter).data)
        settle(self.hub)
        opened = open_receipt(self.sealed, XML)
        self.receipt: Receipt = opened.receipt
        self.beside: Beside = beside_of(self.hub, opened.digest)
        self.digest = opened.digest
        self.trust = Trust.load(self.hub.home / "trust")

    def rendering(self, media_type: str, level: str) -> bytes:
        with self.hub.gateway.store.read() as session:
            row = session.scalars(select(ReceiptRow.id).where(ReceiptRow.content_digest == self.digest)).one()
        return self.hub.gateway.services.receipts.rendering(row, media_type, level)

    def judge(self, octets: bytes, beside: Beside | None = None, trust: Trust | None = None) -> Report:
        found = beside or self.beside
        now = self.hub.clock()
        return verify_octets("r", octets, trust or self.trust, None, now, found.proof, found.token)

    def page(self, first: bytes | None = None) -> bytes:
        """The PDF before it is sealed."""
        look = self.hub.gateway.services.receipts.pdf.look
        return write_receipt_pdf(self.receipt, self.digest, first or self.sealed, XML, look)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("hub"))


def codes(report: Report) -> list[str]:
    return [step.code for step in report.steps]


def deciding(report: Report) -> str:
    return next(step.code for step in report.steps if step.status is report.verdict)


@pytest.mark.parametrize(("media_type", "level"), RENDERINGS)
def test_every_rendering_is_good_and_is_about_the_same_receipt(
    bench: Bench, media_type: str, level: str
) -> None:
    report = bench.judge(bench.rendering(media_type, level))
    assert report.exit_code == 0, codes(report)
    assert (report.receipt, report.content_digest) == (bench.receipt, bench.digest)
    assert ("pdf.good" in codes(report)) == (media_type == PDF)
    assert ("token.seal" in codes(report)) == (level == "T")
    assert codes(report).count("seal.good") == (2 if media_type == PDF else 1)


@pytest.mark.parametrize("media_type", [XML, FLATTENED, PDF])
def test_its_own_time_stamp_does_not_replace_the_ledger(bench: Bench, media_type: str) -> None:
    report = bench.judge(bench.rendering(media_type, "T"), Beside())
    assert deciding(report) == "ledger.none"
    assert report.independent_time == bench.hub.clock()
    without_token = replace(bench.beside, token=None)
    assert bench.judge(bench.rendering(media_type, "T"), without_token).exit_code == 0


@pytest.fixture
def revoked(bench: Bench) -> Trust:
    """The trust folder after the seal was revoked an hour later."""
    pki = load(bench.hub.home, bench.hub.clock())
    revoke(pki, "hub-seal", bench.hub.clock() + timedelta(hours=1))
    crl = make_crl(pki, "seal-ca", bench.hub.clock(), 30)
    return replace(bench.trust, seal=replace(bench.trust.seal, crls=(crl,)))


@pytest.mark.parametrize(("media_type", "level"), RENDERINGS)
def test_a_later_revocation_of_the_seal_undoes_nothing_that_has_its_time(
    bench: Bench, revoked: Trust, media_type: str, level: str
) -> None:
    octets = bench.rendering(media_type, level)
    report = bench.judge(octets, trust=revoked)
    # The ledger's time is that of the receipt; the pages around it have their own or none.
    bare = (media_type, level) == (PDF, "B")
    assert (report.exit_code, "revocation.later" in codes(report)) == ((3, True) if bare else (0, False))
    alone = bench.judge(octets, Beside(), revoked)
    assert ("revocation.later" in codes(alone)) == (level == "B")
    assert alone.exit_code == 3


# --- spoiled PDF files


def test_an_altered_pdf_proves_nothing(bench: Bench) -> None:
    sealed = bench.rendering(PDF, "B")
    for place in range(0, len(sealed), len(sealed) // 12):
        altered = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        assert bench.judge(altered).exit_code == 1, place
    assert bench.judge(sealed + b"\n").exit_code == 1
    assert bench.judge(sealed[:-1]).exit_code == 1


@pytest.mark.parametrize(
    ("holder", "code"),
    [("ministry", "seal.party"), ("test-seal", "test.disguised"), ("tsa", "seal.timestamp")],
)
def test_a_pdf_around_a_real_receipt_needs_a_hubs_seal_of_the_same_kind(
    bench: Bench, holder: str, code: str
) -> None:
    forged = seal_pdf(bench.page(), bench.hub.sealer(holder), bench.hub.clock())
    report = bench.judge(forged)
    assert deciding(report) == code
    assert report.exit_code == 1
    assert ("pdf.other-kind" in codes(report)) == (holder == "test-seal")


def test_a_pdf_around_no_receipt_is_named(bench: Bench) -> None:
    seal = bench.hub.sealer("hub-seal")
    letter = bench.hub.signed().root
    assert deciding(bench.judge(seal_pdf(bench.page(letter), seal, bench.hub.clock()))) == "format.other"
    unsealed = bench.judge(bench.page())
    assert deciding(unsealed).startswith("pdf.")
    assert unsealed.exit_code == 1


def test_a_token_over_another_seal_is_named(bench: Bench) -> None:
    token = stamp(bench.hub.pki, b"another checkpoint", bench.hub.clock())
    report = bench.judge(bench.rendering(XML, "T"), replace(bench.beside, token=token))
    assert deciding(report) == "token.imprint"
    assert report.exit_code == 1
