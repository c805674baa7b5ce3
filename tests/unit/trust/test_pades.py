"""Sealed PDF files: what is sealed opens again, and everything else is told apart."""

from __future__ import annotations

import dataclasses
import io
import shutil
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils.generic import NameObject, TextStringObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm

from gateway import assets
from gateway.domain.errors import Unavailable
from gateway.pdf.objects import Name
from gateway.pdf.parse import NotPdf
from gateway.trust.cmssign import sign_detached
from gateway.trust.pades import LARGEST, ROOM_FOR_TOKEN, BadPdf, open_pdf, seal_pdf, stamp_pdf
from gateway.trust.pdfsignature import prepare_seal, prepare_stamp
from gateway.trust.seal import KeySealer
from tests.support.pdfs import (
    EMBEDDED,
    MOMENT,
    VALID,
    authority_of,
    make_pki,
    objects,
    plain_pdf,
    sealer_of,
    told_by,
)

needs = {name: pytest.mark.skipif(shutil.which(name) is None, reason=name) for name in ("pdfsig", "qpdf")}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def sealed(pki: Any) -> bytes:
    return seal_pdf(plain_pdf(), sealer_of(pki), MOMENT)


@pytest.fixture(scope="module")
def stamped(pki: Any, sealed: bytes) -> bytes:
    return stamp_pdf(sealed, authority_of(pki))


def code_of(octets: bytes) -> str:
    with pytest.raises(BadPdf) as caught:
        open_pdf(octets)
    return caught.value.code


def test_a_sealed_file_opens(pki: Any, sealed: bytes) -> None:
    opened = open_pdf(sealed)
    assert opened.signed.certificate == pki["hub-seal"].certificate
    assert opened.signed.claimed_time == MOMENT
    assert (opened.embedded, opened.embedded_media_type) == (EMBEDDED, "application/xml")
    assert opened.token is None


def test_a_stamped_file_opens_with_its_token(sealed: bytes, stamped: bytes) -> None:
    opened = open_pdf(stamped)
    assert opened.token is not None
    assert opened.token.time == MOMENT
    assert opened.signed == open_pdf(sealed).signed
    assert stamped.startswith(sealed)


def test_the_time_is_stated_in_utc_whatever_the_zone(pki: Any) -> None:
    eastern = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert open_pdf(seal_pdf(plain_pdf(), sealer_of(pki), eastern)).signed.claimed_time == MOMENT


@pytest.mark.parametrize("kind", ["p384", "rsa", "rsa3072"])
def test_every_kind_of_seal_key_serves(pki: Any, kind: str, tmp_path: Path) -> None:
    module = assets.testpki()
    holder = module.issue(pki, f"seal-{kind}", "seal-ca", key=module.new_key(kind))
    made = seal_pdf(
        plain_pdf(), KeySealer(holder.key, holder.certificate, (pki["seal-ca"].certificate,)), MOMENT
    )
    opened = open_pdf(made)
    assert opened.signed.certificate == holder.certificate
    assert opened.signed.chain == (pki["seal-ca"].certificate,)
    if shutil.which("pdfsig"):
        (tmp_path / "sealed.pdf").write_bytes(made)
        assert VALID in told_by("pdfsig", "-nocert", tmp_path / "sealed.pdf")


def test_a_key_of_another_kind_seals_nothing(pki: Any) -> None:
    holder = pki["ledger"]
    with pytest.raises(Unavailable):
        seal_pdf(plain_pdf(), KeySealer(holder.key, holder.certificate), MOMENT)


def test_what_is_no_file_for_sealing_is_not_sealed(pki: Any, sealed: bytes) -> None:
    for octets in (b"", b"%PDF-1.7\n", sealed):
        with pytest.raises(NotPdf):
            seal_pdf(octets, sealer_of(pki), MOMENT)


@needs["pdfsig"]
def test_pdfsig_calls_the_seal_valid_over_the_whole_file(sealed: bytes, tmp_path: Path) -> None:
    (tmp_path / "sealed.pdf").write_bytes(sealed)
    told = told_by("pdfsig", "-nocert", tmp_path / "sealed.pdf")
    assert VALID in told
    assert "Total document signed" in told
    assert "ETSI.CAdES.detached" in told


@needs["pdfsig"]
def test_pdfsig_still_calls_the_seal_valid_under_a_time_stamp(stamped: bytes, tmp_path: Path) -> None:
    (tmp_path / "stamped.pdf").write_bytes(stamped)
    told = told_by("pdfsig", "-nocert", tmp_path / "stamped.pdf")
    seal, stamp = told.split("Signature #2")
    assert VALID in seal
    assert "Total document signed" in stamp


@needs["pdfsig"]
def test_pdfsig_sees_the_change_too(sealed: bytes, tmp_path: Path) -> None:
    (tmp_path / "altered.pdf").write_bytes(sealed.replace(b"595 842", b"595 843"))
    assert VALID not in told_by("pdfsig", "-nocert", tmp_path / "altered.pdf")


@needs["qpdf"]
def test_qpdf_finds_no_fault(sealed: bytes, stamped: bytes, tmp_path: Path) -> None:
    for octets in (sealed, stamped):
        (tmp_path / "checked.pdf").write_bytes(octets)
        told = told_by("qpdf", "--check", tmp_path / "checked.pdf")
        assert "No syntax or stream encoding errors found" in told
        assert "WARNING" not in told


def test_another_reader_finds_the_same_signatures(stamped: bytes) -> None:
    seal, stamp = PdfFileReader(io.BytesIO(stamped)).embedded_signatures
    assert seal.docmdp_level == MDPPerm.NO_CHANGES
    assert seal.self_reported_timestamp == MOMENT
    assert stamp.sig_object_type == "/DocTimeStamp"
    assert [one.evaluate_signature_coverage().name for one in (seal, stamp)] == [
        "ENTIRE_REVISION",
        "ENTIRE_FILE",
    ]


# -- tampering


def test_no_octet_can_be_changed_without_it_showing(sealed: bytes, stamped: bytes) -> None:
    """A sample of all; what is inside a token is its authority's, and for the judge of tokens."""
    contents = stamped.rindex(b"/Contents <")
    token = range(contents + 11, contents + 11 + 2 * ROOM_FOR_TOKEN)
    cases = [(sealed, at) for at in range(0, len(sealed), 31)]
    cases += [(stamped, at) for at in range(len(sealed), len(stamped), 11) if at not in token]
    for octets, at in cases:
        assert code_of(octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :])


def test_every_truncation_is_noticed(sealed: bytes, stamped: bytes) -> None:
    whole = {len(sealed), len(stamped)}
    for length in range(0, len(stamped), 503):
        if length not in whole:
            assert code_of(stamped[:length]) in {"malformed", "unsealed", "revision", "timestamp", "coverage"}


def test_the_unsealed_file_is_told_as_such() -> None:
    assert code_of(plain_pdf()) == "unsealed"


@pytest.mark.parametrize(
    ("added", "code"),
    [
        (b"\n", "revision"),
        (b"\x00", "revision"),
        (b"%%EOF\n", "revision"),
        (b"1 0 obj\n<<>>\nendobj\n", "revision"),
        (b"startxref\n0\n%%EOF\n", "revision"),
        (b"%PDF-1.7\n", "revision"),
    ],
)
def test_octets_behind_the_end_are_noticed(sealed: bytes, added: bytes, code: str) -> None:
    assert code_of(sealed + added) == code


def test_octets_behind_the_time_stamp_are_noticed(stamped: bytes) -> None:
    assert code_of(stamped + b"\n") == "revision"


def test_octets_before_the_file_are_noticed(sealed: bytes) -> None:
    assert code_of(b"\n" + sealed) == "malformed"


def change_the_page(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    page["/Rotate"] = writer.add_object(TextStringObject("90"))
    writer.update_container(page)


def change_the_catalog(writer: IncrementalPdfFileWriter) -> None:
    writer.root["/Lang"] = TextStringObject("fr")
    writer.update_root()


def change_the_metadata(writer: IncrementalPdfFileWriter) -> None:
    writer.set_info(writer.add_object(writer.trailer.flatten()))


@pytest.mark.parametrize("change", [change_the_page, change_the_catalog, change_the_metadata])
def test_a_revision_by_another_program_is_noticed(sealed: bytes, change: Any) -> None:
    """Incremental updates as editors write them; pyHanko's writer is the editor."""
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    assert out.getvalue().startswith(sealed)
    assert code_of(out.getvalue()) == "revision"


def test_a_revision_after_the_time_stamp_is_noticed(stamped: bytes) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(stamped))
    change_the_catalog(writer)
    out = io.BytesIO()
    writer.write(out)
    assert code_of(out.getvalue()) == "revision"


def test_a_second_seal_is_noticed(pki: Any, sealed: bytes) -> None:
    """A seal put on as if the first one were not there."""
    prepared = prepare_stamp(sealed, 4096)
    faked = prepared.octets.replace(b"/DocTimeStamp", b"/Sig         ", 1)
    assert code_of(faked) == "revision"


def test_a_time_stamp_with_a_changed_object_is_noticed(stamped: bytes, sealed: bytes) -> None:
    """A revision that is a time-stamp and a little more."""
    added = stamped[len(sealed) :].replace(b"/Rect [0 0 0 0]/F 132", b"/Rect [0 0 9 9]/F 132")
    assert code_of(sealed + added) == "revision"


def test_a_token_over_something_else_is_noticed(pki: Any, sealed: bytes) -> None:
    other = authority_of(pki).stamp(b"\x07" * 32)
    prepared = prepare_stamp(sealed, 12 * 1024)
    assert code_of(prepared.filled(other.token.octets)) == "timestamp"


def test_two_time_stamps_are_one_too_many(pki: Any, stamped: bytes) -> None:
    with pytest.raises(NotPdf):
        stamp_pdf(stamped, authority_of(pki))


def test_a_rewritten_file_has_no_seal_any_more(sealed: bytes, tmp_path: Path) -> None:
    if shutil.which("qpdf") is None:
        pytest.skip("qpdf")
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(sealed)
    for options in ([], ["--object-streams=generate"], ["--linearize"], ["--encrypt", "", "x", "256", "--"]):
        told_by("qpdf", *options, source, target)
        assert code_of(target.read_bytes()) in {"malformed", "coverage", "encrypted", "unsealed", "seal"}


def test_an_encrypted_file_is_told_as_such(sealed: bytes) -> None:
    assert code_of(sealed.replace(b"/Size 7", b"/Encrypt 7 0 R/Size 7")) in {"encrypted", "malformed"}
    locked = plain_pdf().replace(b"trailer\n<<", b"trailer\n<</Encrypt 4 0 R")
    assert code_of(locked) == "encrypted"


def test_a_seal_by_somebody_else_opens_as_theirs(pki: Any) -> None:
    """Whose seal it is, the verifier judges."""
    opened = open_pdf(seal_pdf(plain_pdf(), sealer_of(pki, "ministry"), MOMENT))
    assert opened.signed.certificate == pki["ministry"].certificate


@pytest.mark.parametrize(
    "changes",
    [
        {1: lambda catalog: {k: v for k, v in catalog.items() if k != "AF"}},
        {1: lambda catalog: {k: v for k, v in catalog.items() if k != "Names"}},
        {1: lambda catalog: {**catalog, "AF": []}},
        {6: lambda stream: dataclasses.replace(stream, entries={**stream.entries, "Subtype": "x"})},
    ],
)
def test_a_file_without_its_sealed_rendering_is_told_as_such(pki: Any, changes: Any) -> None:
    made = {number: changes.get(number, lambda value: value)(value) for number, value in objects().items()}
    made = {number: _plain_names(value) for number, value in made.items()}
    assert code_of(seal_pdf(plain_pdf(made), sealer_of(pki), MOMENT)) in {"embedded", "malformed"}


def _plain_names(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and isinstance(value.entries.get("Subtype"), str):
        return dataclasses.replace(value, entries={**value.entries, "Subtype": Name("no media type")})
    return value


def test_an_embedded_bomb_is_not_unpacked(pki: Any) -> None:
    bomb = plain_pdf(objects(embedded=b"\0" * (LARGEST + 1)))
    assert code_of(seal_pdf(bomb, sealer_of(pki), MOMENT)) == "malformed"


def test_a_file_over_the_bound_is_not_read() -> None:
    assert code_of(b"%PDF-1.7\n" + b"\0" * LARGEST) == "too-large"


@pytest.mark.parametrize("octets", [b"", b"%PDF-1.7", b"<<" * 40, b"%PDF-1.7\n" + b"[" * 5000 + b"%%EOF"])
def test_what_is_no_pdf_file_is_malformed(octets: bytes) -> None:
    assert code_of(octets) == "malformed"


def test_a_weak_or_foreign_algorithm_is_refused(pki: Any) -> None:
    holder = pki["weak-rsa"]
    made = seal_pdf(plain_pdf(), KeySealer(holder.key, holder.certificate), MOMENT)
    assert code_of(made) == "certificate"


def test_a_signature_value_with_more_beside_it_is_refused(pki: Any) -> None:
    prepared = prepare_seal(plain_pdf(), 6000, MOMENT)
    value = sign_detached(sha256(prepared.covered).digest(), sealer_of(pki))
    assert open_pdf(prepared.filled(value)).signed.claimed_time == MOMENT
    assert code_of(prepared.filled(value + b"\0\x01")) == "seal"
    upper = prepared.filled(value)
    shouted = upper[: prepared.start] + upper[prepared.start : prepared.end].upper() + upper[prepared.end :]
    assert code_of(shouted) == "seal"


def test_a_time_of_signing_inside_and_outside_is_one_too_many(pki: Any) -> None:
    prepared = prepare_seal(plain_pdf(), 6000, MOMENT)
    digest = sha256(prepared.covered).digest()
    value = sign_detached(digest, sealer_of(pki), MOMENT + timedelta(days=1))
    assert code_of(prepared.filled(value)) == "seal"


def test_the_seal_of_another_file_does_not_fit(pki: Any, sealed: bytes) -> None:
    other = seal_pdf(plain_pdf(objects(embedded=b"<other/>")), sealer_of(pki), MOMENT)
    start, end = (sealed.rindex(b"/Contents <") + 10, sealed.rindex(b">/M "))
    ours, theirs = sealed[start:end], other[other.rindex(b"/Contents <") + 10 : other.rindex(b">/M ")]
    assert len(ours) == len(theirs)
    assert code_of(sealed.replace(ours, theirs)) == "altered"


def test_sealing_changes_nothing_but_adds(pki: Any, sealed: bytes) -> None:
    assert sealed.startswith(plain_pdf())
    assert NameObject("/Perms") in PdfFileReader(io.BytesIO(sealed)).root
    assert open_pdf(sealed).signed.claimed_time == datetime(2026, 11, 23, 9, 41, 7, tzinfo=UTC)
