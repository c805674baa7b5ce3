"""The offline verdict: real receipts verify, everything else is refused and says why."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureMethod
from signxml.signer import XMLSigner

from certs.testpki import LEDGERS, Pki, build, load, revoke, write_crls
from gateway.domain.evidence.receipt import (
    AttachmentDigest,
    Authentication,
    Event,
    Issuer,
    Octets,
    Receipt,
    ReceiptKind,
)
from gateway.trust.jws import ENVELOPE_TYP, RECEIPT_TYP, sign_jws
from gateway.trust.jwstimestamp import add_jws_timestamp
from gateway.trust.seal import KeySealer, sign_xml
from gateway.trust.xmltimestamp import add_xml_timestamp
from gateway.verifier import texts
from gateway.verifier.opening import Opened, open_receipt
from gateway.verifier.report import Report, Status
from gateway.verifier.sentence import event_code, kind_code
from gateway.verifier.verify import LARGEST, verify_file
from gateway.wire.receipts import content_digest, receipt_element, receipt_json
from tests.support.evidence import REAL, TEST, authority, recorded, write_beside

NOW = datetime(2030, 3, 4, 8, 15, 2, tzinfo=UTC)
ORIGINAL = b"<Envelope/>"
ANNEX = b"annex"
SOON = timedelta(seconds=40)
STAMPED = ("token.good", "token.stand-in")
"""By the authority that stands in for a real one."""
FORMS = ("xml", "compact", "flattened")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return build(tmp_path_factory.mktemp("pki"), NOW)


def receipt(**changes: object) -> Receipt:
    plain = Receipt(
        version="1.0",
        receipt_id="01950000-0000-7000-8000-00000000a001",
        kind=ReceiptKind.ACCEPTANCE,
        event=Event.SUBMISSION_ACCEPTANCE,
        event_time=NOW,
        local_time=NOW.astimezone(timezone(timedelta(hours=1))),
        issuer=Issuer("demo-hub", "Demonstration hub", "zz"),
        policy="urn:wasl:policy:evidence:1.0",
        nonce="00" * 16,
        authenticated_by=Authentication.OWN_SIGNATURE,
        ledger_origin=LEDGERS[TEST if changes.get("test") else REAL][1],
        received=Octets(hashlib.sha256(ORIGINAL).hexdigest(), "application/xml", len(ORIGINAL)),
        attachments=(
            AttachmentDigest("a1", "annex.pdf", "application/pdf", 5, hashlib.sha256(ANNEX).hexdigest()),
        ),
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def sealed(
    pki: Pki, holder: str, content: Receipt | None = None, form: str = "compact", at: datetime = NOW
) -> bytes:
    content = content or receipt()
    sealer = KeySealer(pki[holder].key, pki[holder].certificate, pki[holder].chain)
    if form == "xml":
        return sign_xml(receipt_element(content), sealer, at)
    return sign_jws(receipt_json(content), sealer, RECEIPT_TYP, at, flattened=form == "flattened")


@pytest.fixture
def verdict_on(pki: Pki, tmp_path: Path) -> Callable[..., Report]:
    """Judges octets as a file, ``content`` being recorded in a ledger as soon as its event."""

    def judged(
        octets: bytes,
        original: bytes | None = None,
        trust: Path | None = None,
        content: Receipt | None = None,
        of: Pki = pki,
    ) -> Report:
        file, beside = tmp_path / "receipt", tmp_path / "original"
        file.write_bytes(octets)
        told = content or receipt()
        write_beside(file, recorded(of, told, told.event_time + SOON))
        trust = trust or of.trust
        if original is not None:
            beside.write_bytes(original)
        return verify_file(file, trust, beside if original is not None else None, NOW)

    return judged


Judged = Callable[..., Report]


def codes(report: Report) -> list[str]:
    return [step.code for step in report.steps]


# --- good receipts


@pytest.mark.parametrize("form", FORMS)
def test_a_hubs_receipt_is_good_and_says_what_it_proves(pki: Pki, verdict_on: Judged, form: str) -> None:
    report = verdict_on(sealed(pki, "hub-seal", form=form))
    steps = ["integrity.good", "seal.good", "revocation.good", "ledger.included", *STAMPED]
    assert codes(report) == steps
    assert report.independent_time == NOW + SOON
    assert (report.verdict, report.exit_code, report.test) == (Status.GOOD, 0, False)
    assert report.receipt == receipt()
    assert report.content_digest == content_digest(receipt())
    assert "Demonstration hub" in report.sentence("en")
    assert "Not proved" in report.sentence("en")


def test_a_compact_receipt_may_end_with_a_line_break(pki: Pki, verdict_on: Judged) -> None:
    assert verdict_on(sealed(pki, "hub-seal") + b"\r\n").exit_code == 0


def test_a_long_term_receipt_with_its_time_stamp_beside_is_good(pki: Pki, verdict_on: Judged) -> None:
    at = authority(pki, NOW + SOON)
    report = verdict_on(add_jws_timestamp(sealed(pki, "hub-seal"), at))
    assert codes(report)[-4:] == [*STAMPED, "token.seal", "token.stand-in"]
    assert report.exit_code == 0
    stamped = verdict_on(add_xml_timestamp(sealed(pki, "hub-seal", form="xml"), at))
    assert (codes(stamped), stamped.exit_code) == (codes(report), 0)


@pytest.mark.parametrize("header", [{"alg": "none"}, {"etsiU": ["AAAA"]}])
def test_anything_else_beside_a_seal_is_refused(
    pki: Pki, verdict_on: Judged, header: dict[str, object]
) -> None:
    members = json.loads(sealed(pki, "hub-seal", form="flattened"))
    assert verdict_on(json.dumps(members | {"header": header}).encode()).exit_code == 1


def test_a_receipt_verifies_years_later_though_the_seal_has_expired(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "receipt").write_bytes(sealed(pki, "hub-seal"))
    write_beside(tmp_path / "receipt", recorded(pki, receipt(), NOW + SOON))
    later = NOW + timedelta(days=20 * 365)
    assert verify_file(tmp_path / "receipt", pki.trust, None, later).exit_code == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_test_receipt_says_so_loudly_in_every_language(pki: Pki, verdict_on: Judged, form: str) -> None:
    content = receipt(test=True)
    report = verdict_on(sealed(pki, "test-seal", content, form), content=content)
    assert report.test
    assert report.exit_code == 0
    assert "test.yes" in codes(report)
    assert report.sentence("en").startswith("TEST")
    assert report.sentence("fr").startswith("TEST")
    assert report.sentence("ar").startswith("تجربة")
    assert report.as_dict()["test"] is True


def test_a_test_receipt_under_the_real_seal_is_still_a_test(pki: Pki, verdict_on: Judged) -> None:
    content = receipt(test=True)
    report = verdict_on(sealed(pki, "hub-seal", content), content=content)
    assert report.test
    assert report.sentence("en").startswith("TEST")


# --- the original


@pytest.mark.parametrize(
    ("original", "code", "exit_code"),
    [
        (ORIGINAL, "original.matches", 0),
        (ANNEX, "original.attachment", 0),
        (ORIGINAL + b"\n", "original.differs", 1),
    ],
)
def test_the_original_is_compared(
    pki: Pki, verdict_on: Judged, original: bytes, code: str, exit_code: int
) -> None:
    report = verdict_on(sealed(pki, "hub-seal"), original)
    assert codes(report)[-1] == code
    assert report.exit_code == exit_code


def test_a_receipt_that_names_no_original_decides_nothing_about_one(pki: Pki, verdict_on: Judged) -> None:
    content = receipt(received=None, attachments=())
    report = verdict_on(sealed(pki, "hub-seal", content), ORIGINAL, content=content)
    assert codes(report)[-1] == "original.unnamed"
    assert report.exit_code == 3


# --- forged receipts


FORGERS = {
    "ministry": "seal.party",
    "portal-agent": "seal.party",
    "office": "seal.party",
    "tsa": "seal.timestamp",
    "tls": "seal.unknown",
    "client-auth": "seal.unknown",
    "foreign": "seal.unknown",
    "same-name-other-key": "seal.unknown",
    "parties-issuing-ca": "seal.party",
    "seal-ca": "seal.unfit",
}


@pytest.mark.parametrize("form", ["xml", "compact"])
@pytest.mark.parametrize(("forger", "code"), FORGERS.items())
def test_a_receipt_by_anybody_but_the_seal_is_refused_and_says_whose_it_is(
    pki: Pki, verdict_on: Judged, form: str, forger: str, code: str
) -> None:
    report = verdict_on(sealed(pki, forger, form=form))
    assert code in codes(report)
    assert report.exit_code == 1
    assert pki[forger].certificate.subject.rfc4514_string() in report.sentence("en")


def test_a_receipt_by_the_ledgers_key_is_refused_by_name(pki: Pki, verdict_on: Judged) -> None:
    report = verdict_on(sealed(pki, "ledger"))
    assert codes(report)[1] == "seal.ledger"
    assert report.exit_code == 1


def test_a_test_seal_under_a_receipt_that_claims_to_be_real_is_refused(pki: Pki, verdict_on: Judged) -> None:
    report = verdict_on(sealed(pki, "test-seal"))
    assert "test.disguised" in codes(report)
    assert report.exit_code == 1
    assert report.test


@pytest.mark.parametrize("form", FORMS)
def test_a_changed_receipt_proves_nothing(pki: Pki, verdict_on: Judged, form: str) -> None:
    octets = sealed(pki, "hub-seal", form=form)
    if form == "xml":
        spoiled = octets.replace(b"demo-hub", b"dema-hub")
    else:
        other = sealed(pki, "hub-seal", receipt(nonce="11" * 16), form)
        spoiled = _with_signature_of(octets, other, form)
    assert spoiled != octets
    report = verdict_on(spoiled)
    assert codes(report) == ["integrity.changed"]
    assert (report.exit_code, report.receipt) == (1, None)
    assert report.as_dict()["receipt"] is None


def _with_signature_of(octets: bytes, other: bytes, form: str) -> bytes:
    if form == "compact":
        return octets.rpartition(b".")[0] + b"." + other.rpartition(b".")[2]
    return json.dumps(json.loads(octets) | {"signature": json.loads(other)["signature"]}).encode()


@pytest.mark.parametrize(
    ("octets", "code", "exit_code"),
    [
        (b"", "format.unknown", 1),
        (b"hello", "format.unknown", 1),
        (b"a.b.c", "integrity.refused", 1),
        (b"<x/>", "format.other", 1),
        (b"{}", "integrity.refused", 1),
        (b"<!DOCTYPE x []><x/>", "integrity.refused", 1),
        (b"%PDF-1.7", "pdf.malformed", 1),
        (b"PK\x03\x04", "bundle.format", 1),
    ],
)
def test_files_that_are_no_receipts_say_so(
    verdict_on: Judged, octets: bytes, code: str, exit_code: int
) -> None:
    report = verdict_on(octets)
    assert codes(report) == [code]
    assert report.exit_code == exit_code


def test_a_letter_is_no_receipt(pki: Pki, verdict_on: Judged) -> None:
    holder = pki["hub-seal"]
    raw = sign_jws(b"{}", KeySealer(holder.key, holder.certificate), ENVELOPE_TYP, NOW)
    assert codes(verdict_on(raw)) == ["format.other"]


@pytest.mark.parametrize("spoil", [{"contentDigest": "0" * 64}, {"nonce": None}, {"extra": 1}])
def test_a_sealed_content_that_is_no_receipt_is_refused(
    pki: Pki, verdict_on: Judged, spoil: dict[str, object]
) -> None:
    content = json.loads(receipt_json(receipt())) | spoil
    holder = pki["hub-seal"]
    raw = sign_jws(json.dumps(content).encode(), KeySealer(holder.key, holder.certificate), RECEIPT_TYP, NOW)
    report = verdict_on(raw)
    assert codes(report) == ["content.broken"]
    assert report.exit_code == 1


def test_a_plain_xml_signature_is_not_a_receipts_seal(pki: Pki, verdict_on: Judged) -> None:
    holder = pki["hub-seal"]
    signer = XMLSigner(
        signature_algorithm=SignatureMethod.ECDSA_SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(
        receipt_element(receipt()), key=holder.key, cert=[holder.certificate], always_add_key_value=False
    )
    report = verdict_on(etree.tostring(signed))
    assert codes(report) == ["integrity.refused"]
    assert report.steps[0].values["reason"] == "WASL-SIG-017"


def test_a_seal_without_its_time_is_refused(
    pki: Pki, verdict_on: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def timeless(octets: bytes, media_type: str) -> Opened:
        opened = open_receipt(octets, media_type)
        return dataclasses.replace(opened, signed=dataclasses.replace(opened.signed, claimed_time=None))

    monkeypatch.setattr("gateway.verifier.octets.open_receipt", timeless)
    report = verdict_on(sealed(pki, "hub-seal"))
    assert "time.missing" in codes(report)
    assert report.exit_code == 1


def test_a_pinned_seal_is_enough_and_its_authority_is_not_believed(
    pki: Pki, tmp_path: Path, verdict_on: Judged
) -> None:
    # As when one authority certifies seals and correspondents alike.
    seal = tmp_path / "trust" / "seal"
    seal.mkdir(parents=True)
    shutil.copy(pki.trust / "parties" / "parties-issuing-ca.crl", seal)
    for folder in ("ledger", "tsa"):
        shutil.copytree(pki.trust / folder, tmp_path / "trust" / folder)
    leaf = pki["office"].certificate.public_bytes(serialization.Encoding.PEM)
    (seal / "seal.pem").write_bytes(leaf)
    assert verdict_on(sealed(pki, "office"), trust=tmp_path / "trust").exit_code == 0
    assert verdict_on(sealed(pki, "ministry"), trust=tmp_path / "trust").exit_code == 1


# --- time and revocation


@pytest.mark.parametrize(
    ("event", "seal", "code"),
    [
        (timedelta(0), timedelta(days=-60), "seal.out-of-time"),
        (timedelta(0), timedelta(days=20), "time.future"),
        (timedelta(days=20), timedelta(days=20), "time.future"),
        (timedelta(0), timedelta(days=-1), "time.backwards"),
        (timedelta(days=-1), timedelta(0), None),
    ],
)
def test_times_must_fit_together(
    pki: Pki, verdict_on: Judged, event: timedelta, seal: timedelta, code: str | None
) -> None:
    content = receipt(event_time=NOW + event, local_time=NOW + event)
    report = verdict_on(sealed(pki, "hub-seal", content, at=NOW + seal), content=content)
    assert report.exit_code == (1 if code else 0)
    assert code is None or code in codes(report)


@pytest.mark.parametrize(
    ("revoked_at", "code", "exit_code"),
    [
        (timedelta(hours=-1), "revocation.revoked", 1),
        (SOON / 2, "revocation.later", 3),
        (timedelta(hours=1), "revocation.after", 0),
    ],
)
def test_a_revoked_seal_is_judged_by_the_moment(
    tmp_path: Path, verdict_on: Judged, revoked_at: timedelta, code: str, exit_code: int
) -> None:
    other = build(tmp_path / "pki", NOW)
    revoke(other, "hub-seal", NOW + revoked_at)
    write_crls(other, NOW)
    report = verdict_on(sealed(other, "hub-seal"), of=other)
    assert code in codes(report)
    assert report.exit_code == exit_code


def test_a_seal_revoked_later_needs_an_independent_time(tmp_path: Path) -> None:
    other, file = build(tmp_path / "pki", NOW), tmp_path / "receipt"
    revoke(other, "hub-seal", NOW + timedelta(hours=1))
    write_crls(other, NOW)
    file.write_bytes(sealed(other, "hub-seal"))
    report = verify_file(file, other.trust, None, NOW)
    assert "revocation.later" in codes(report)
    assert report.exit_code == 3


def test_without_revocation_data_nothing_can_be_decided(tmp_path: Path, verdict_on: Judged) -> None:
    other = build(tmp_path / "pki", NOW)
    (other.trust / "seal" / "seal-ca.crl").unlink()
    report = verdict_on(sealed(other, "hub-seal"), of=other)
    assert codes(report)[1:3] == ["seal.good", "revocation.unknown"]
    assert report.exit_code == 3
    write_crls(load(tmp_path / "pki", NOW), NOW)
    assert verdict_on(sealed(other, "hub-seal"), of=other).exit_code == 0


# --- wrong usage


def test_wrong_usage_is_told_apart_from_a_bad_receipt(pki: Pki, tmp_path: Path) -> None:
    good, huge = tmp_path / "good", tmp_path / "huge"
    good.write_bytes(sealed(pki, "hub-seal"))
    huge.write_bytes(b" " * (LARGEST + 1))
    (tmp_path / "bad" / "seal").mkdir(parents=True)
    (tmp_path / "bad" / "seal" / "x.pem").write_text("nothing")
    missing = tmp_path / "missing"
    asked = [
        (verify_file(missing, pki.trust, None, NOW), "usage.unreadable"),
        (verify_file(huge, pki.trust, None, NOW), "usage.too-large"),
        (verify_file(good, pki.trust, missing, NOW), "usage.unreadable"),
        (verify_file(good, missing, None, NOW), "usage.no-trust"),
        (verify_file(good, tmp_path / "bad", None, NOW), "usage.bad-trust"),
    ]
    for report, code in asked:
        assert codes(report) == [code]
        assert report.exit_code == 2
        assert report.sentence("en").startswith("Nothing was verified.")


# --- words


def test_every_text_exists_in_every_language_with_the_same_placeholders() -> None:
    for code, words in texts.table().items():
        assert set(words) == set(texts.LANGUAGES), code
        fields = {
            frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)
            for text in words.values()
        }
        assert len(fields) == 1, code


def test_every_event_and_every_kind_has_words() -> None:
    for event in Event:
        assert texts.text(event_code(event), "ar", {})
    for kind in ReceiptKind:
        assert texts.text(f"limits.{kind_code(kind)}", "ar", {})


def test_every_code_in_the_source_has_a_text_and_every_text_a_code() -> None:
    source = "".join(path.read_text() for path in Path(texts.__file__).parent.glob("*.py"))
    families = "|".join(sorted({code.partition(".")[0] for code in texts.table()} - {"event", "limits"}))
    named = set(re.findall(rf'"((?:{families})\.[a-z\-]+)"', source))
    words = (f"{family}.{status.value}" for family in ("verdict", "word") for status in Status)
    verdicts = {code for code in words if not code.endswith(f".{Status.NOTE.value}")}
    kept = {code for code in texts.table() if not code.startswith(("event.", "limits."))}
    assert named | verdicts == kept


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_report_is_whole_in_every_language(pki: Pki, verdict_on: Judged, language: str) -> None:
    for octets in (sealed(pki, "hub-seal"), sealed(pki, "seal-ca"), sealed(pki, "tsa"), b"a.b.c", b"{}"):
        told = verdict_on(octets, ORIGINAL).as_dict(language)
        assert json.loads(json.dumps(told)) == told
        assert not re.search(r"[{}]", told["sentence"] + "".join(step["text"] for step in told["steps"]))


def test_an_unknown_language_reads_english(verdict_on: Judged) -> None:
    report = verdict_on(b"hello")
    assert report.sentence("xx") == report.sentence("en")


def test_values_stand_isolated_in_arabic_sentences() -> None:
    values = {"time": "2026-11-23T06:32:38+00:00", "sealed": "x"}
    assert "\u20682026-11-23T06:32:38+00:00\u2069" in texts.text("time.future", "ar", values)
    assert "\u2068" not in texts.text("time.future", "en", values)
