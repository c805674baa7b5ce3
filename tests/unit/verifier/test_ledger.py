"""The ledger's place and the independent time decide; each way to spoil them has its own code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.testpki import LEDGERS, Pki, build, issue, new_key, revoke, write_crls
from gateway.trust.note import WITNESS, cosign, verifier_key
from gateway.verifier import texts
from gateway.verifier.beside import LARGEST, Beside
from gateway.verifier.report import Report, Status
from gateway.verifier.seal import Trust
from gateway.verifier.verify import verify_file, verify_octets
from gateway.wire.tlog import read_note
from tests.support.evidence import REAL, TEST, SmallLedger, recorded, small_ledger, stamp, write_beside
from tests.unit.verifier.test_verify import NOW, SOON, codes, receipt, sealed

CONTINUED = "continued-ledger"
OTHERS = "other-hubs-ledger"
WITNESSES = ("witness-1", "witness-2")


@dataclass(frozen=True)
class Bench:
    pki: Pki
    trust: Trust

    def judge(
        self, beside: Beside, content: object = None, holder: str = "hub-seal", now: datetime = NOW
    ) -> Report:
        told = content or receipt()
        octets = sealed(self.pki, holder, told)  # type: ignore[arg-type]
        return verify_octets(
            "r", octets, self.trust, None, now, beside.proof, beside.token, beside.cosignatures
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A PKI with a continued ledger, another hub's ledger, witnesses, and authorities of all sorts."""
    pki = build(tmp_path_factory.mktemp("pki"), NOW)
    for holder in (CONTINUED, OTHERS, *WITNESSES):
        issue(pki, holder, None, key=new_key("ed25519"))
    stamping = [ExtendedKeyUsageOID.TIME_STAMPING]
    issue(pki, "tsa-expired", "tsa-ca", days=10, purposes=stamping)
    issue(pki, "tsa-revoked", "tsa-ca", purposes=stamping)
    issue(pki, "tsa-foreign", "foreign-ca", purposes=stamping)
    issue(pki, "tsa-unfit", "tsa-ca")
    revoke(pki, "tsa-revoked", NOW - timedelta(days=1))
    write_crls(pki, NOW)
    (pki.trust / "witnesses").mkdir()
    _write_key(pki, CONTINUED, "ledger", f"{LEDGERS[REAL][1]}/2")
    _write_key(pki, OTHERS, "ledger", "other-hub.test/ledger")
    for witness in WITNESSES:
        _write_key(pki, witness, "witnesses", f"{witness}.test", WITNESS)
    return Bench(pki, Trust.load(pki.trust))


def _write_key(pki: Pki, holder: str, folder: str, name: str, *kind: int) -> None:
    key = verifier_key(name, pki[holder].key, *kind)  # type: ignore[arg-type]
    (pki.trust / folder / f"{holder}.vkey").write_text(key.line + "\n")


def _good(bench: Bench) -> Beside:
    return recorded(bench.pki, receipt(), NOW + SOON)


def deciding(report: Report) -> list[str]:
    return [step.code for step in report.steps if step.status is report.verdict]


def test_a_recorded_receipt_is_good_and_names_its_anchors(bench: Bench) -> None:
    report = bench.judge(_good(bench))
    assert report.exit_code == 0
    assert report.independent_time == NOW + SOON
    fingerprints = {step.code for step in report.steps if "fingerprint" in step.values}
    assert {"seal.good", "ledger.included", "token.good"} <= fingerprints
    assert texts.moment(NOW + SOON) in report.sentence("en")


# --- nothing beside it: cannot be decided


def test_without_a_proof_nothing_is_decided(bench: Bench) -> None:
    report = bench.judge(Beside())
    assert deciding(report) == ["ledger.none"]
    assert report.exit_code == 3


def test_without_a_time_stamp_nothing_is_decided(bench: Bench) -> None:
    report = bench.judge(replace(_good(bench), token=None))
    assert deciding(report) == ["token.none"]
    assert report.exit_code == 3


def test_a_token_without_a_proof_says_nothing(bench: Bench) -> None:
    assert deciding(bench.judge(replace(_good(bench), proof=None))) == ["ledger.none"]


def test_a_key_that_the_trust_folder_lacks_decides_nothing(bench: Bench) -> None:
    judge = replace(bench, trust=replace(bench.trust, ledgers=()))
    report = judge.judge(_good(bench))
    assert deciding(report) == ["ledger.no-key"]
    assert report.exit_code == 3


def test_a_continuation_that_the_trust_folder_does_not_list_yet_decides_nothing(bench: Bench) -> None:
    made = small_ledger(bench.pki, receipt(), origin=f"{LEDGERS[REAL][1]}/7")
    report = bench.judge(Beside(made.proof(1)))
    assert deciding(report) == ["ledger.no-key"]
    assert report.exit_code == 3


# --- spoiled proofs: not good


def _other(bench: Bench) -> Beside:
    return recorded(bench.pki, receipt(nonce="22" * 16), NOW + SOON)


def _other_place(bench: Bench) -> Beside:
    made = small_ledger(bench.pki, receipt())
    return Beside(made.proof(2), stamp(bench.pki, made.note, NOW + SOON))


def _other_ledger(bench: Bench) -> Beside:
    made = small_ledger(bench.pki, receipt(), holder=OTHERS, origin="other-hub.test/ledger")
    return Beside(made.proof(1), stamp(bench.pki, made.note, NOW + SOON))


def _renamed(bench: Bench) -> Beside:
    made = small_ledger(bench.pki, receipt(), holder=OTHERS, origin=LEDGERS[REAL][1])
    return Beside(made.proof(1))


def _of_tests(bench: Bench) -> Beside:
    made = small_ledger(bench.pki, receipt(), holder=TEST, origin=LEDGERS[TEST][1])
    return Beside(made.proof(1))


def _test_key_real_name(bench: Bench) -> Beside:
    made = small_ledger(bench.pki, receipt(), holder=TEST, origin=LEDGERS[REAL][1])
    return Beside(made.proof(1))


def _altered_root(bench: Bench) -> Beside:
    good, other = small_ledger(bench.pki, receipt()), small_ledger(bench.pki, receipt(nonce="33" * 16))
    return Beside(good.proof(1, other.note))


SPOILED_PROOFS: dict[str, tuple[Callable[[Bench], Beside], str]] = {
    "another receipt's": (_other, "ledger.not-included"),
    "another place": (_other_place, "ledger.not-included"),
    "another checkpoint": (_altered_root, "ledger.not-included"),
    "another ledger": (_other_ledger, "ledger.foreign"),
    "another's key under our name": (_renamed, "ledger.unsigned"),
    "the ledger for tests": (_of_tests, "ledger.foreign"),
    "the key for tests": (_test_key_real_name, "ledger.unsigned"),
    "empty": (lambda _: Beside(b""), "ledger.malformed"),
    "no text": (lambda _: Beside(b"\xff\x00"), "ledger.malformed"),
    "huge": (lambda _: Beside(b"c2sp.org/tlog-proof@v1\n" * 9000), "ledger.malformed"),
}


@pytest.mark.parametrize("case", SPOILED_PROOFS)
def test_a_spoiled_proof_is_named(bench: Bench, case: str) -> None:
    make, code = SPOILED_PROOFS[case]
    report = bench.judge(make(bench))
    assert deciding(report) == [code]
    assert report.exit_code == 1


def test_every_cut_or_flipped_proof_is_refused(bench: Bench) -> None:
    good = _good(bench)
    assert good.proof is not None
    for place in range(0, len(good.proof), 7):
        flipped = good.proof[:place] + bytes([good.proof[place] ^ 1]) + good.proof[place + 1 :]
        for spoiled in (good.proof[:place], flipped):
            assert bench.judge(replace(good, proof=spoiled)).exit_code == 1, place


def test_a_test_receipt_belongs_into_the_ledger_for_tests(bench: Bench) -> None:
    content = receipt(test=True)
    assert bench.judge(recorded(bench.pki, content, NOW + SOON), content, "test-seal").exit_code == 0
    named = replace(content, ledger_origin=LEDGERS[REAL][1])
    made = small_ledger(bench.pki, named, holder=REAL)
    report = bench.judge(Beside(made.proof(1)), named, "test-seal")
    assert deciding(report) == ["ledger.other-kind"]


def test_a_listed_continuation_of_the_ledger_is_good(bench: Bench) -> None:
    made = small_ledger(bench.pki, receipt(), holder=CONTINUED, origin=f"{LEDGERS[REAL][1]}/2")
    assert bench.judge(Beside(made.proof(1), stamp(bench.pki, made.note, NOW + SOON))).exit_code == 0


def test_a_receipt_that_names_no_ledger_cannot_be_in_one(bench: Bench) -> None:
    content = receipt(ledger_origin=None)
    report = bench.judge(recorded(bench.pki, content, NOW + SOON), content)
    assert deciding(report) == ["ledger.foreign"]


# --- time-stamps


AUTHORITIES = {
    "tsa-expired": ("token.out-of-time", 1),
    "tsa-revoked": ("token.revoked", 1),
    "tsa-foreign": ("token.foreign", 1),
    "tsa-unfit": ("token.unfit", 1),
    "hub-seal": ("token.unfit", 1),
    "ministry": ("token.unfit", 1),
}


@pytest.mark.parametrize("holder", AUTHORITIES)
def test_only_an_authority_in_force_gives_time(bench: Bench, holder: str) -> None:
    code, status = AUTHORITIES[holder]
    report = bench.judge(recorded(bench.pki, receipt(), NOW + SOON, holder))
    assert deciding(report) == [code]
    assert report.exit_code == status


def test_without_the_authoritys_revocation_list_nothing_is_decided(bench: Bench) -> None:
    judge = replace(bench, trust=replace(bench.trust, tsa=replace(bench.trust.tsa, crls=())))
    report = judge.judge(_good(bench))
    assert deciding(report) == ["token.unknown"]
    assert report.exit_code == 3


def test_a_token_over_another_checkpoint_is_named(bench: Bench) -> None:
    report = bench.judge(replace(_good(bench), token=_other(bench).token))
    assert deciding(report) == ["token.imprint"]
    assert report.exit_code == 1


def test_every_cut_or_flipped_token_is_refused(bench: Bench) -> None:
    good = _good(bench)
    assert good.token is not None
    for place in range(0, len(good.token), 41):
        flipped = good.token[:place] + bytes([good.token[place] ^ 1]) + good.token[place + 1 :]
        for spoiled in (good.token[:place], flipped):
            report = bench.judge(replace(good, token=spoiled))
            assert report.exit_code == 1 or report.independent_time == NOW + SOON, place


@pytest.mark.parametrize(
    ("after", "code", "status"),
    [
        (timedelta(minutes=-4), None, 0),
        (timedelta(minutes=-6), "time.before-event", 1),
        (timedelta(hours=24), None, 0),
        (timedelta(hours=24, seconds=1), "time.late", 3),
    ],
)
def test_the_independent_time_must_lie_close_behind_the_event(
    bench: Bench, after: timedelta, code: str | None, status: int
) -> None:
    report = bench.judge(recorded(bench.pki, receipt(), NOW + after), now=NOW + abs(after))
    assert report.exit_code == status
    assert deciding(report) == [code] or code is None


def test_an_independent_time_that_is_not_yet_is_refused(bench: Bench) -> None:
    report = bench.judge(recorded(bench.pki, receipt(), NOW + timedelta(hours=20)))
    assert (deciding(report), report.exit_code) == (["time.not-yet"], 1)


# --- witnesses


def _cosigned(bench: Bench, *, by: str = WITNESSES[0], name: str | None = None, spoil: bool = False) -> bytes:
    note = read_note(small_ledger(bench.pki, receipt()).note)
    text = b"spoiled\n" + note.text if spoil else note.text
    return cosign(text, name or f"{by}.test", bench.pki[by].key, NOW).line  # type: ignore[arg-type]


def test_witnesses_are_counted_beside_and_inside_the_proof(bench: Bench) -> None:
    made, good = small_ledger(bench.pki, receipt()), _good(bench)
    inside = replace(good, proof=made.proof(1, made.note + _cosigned(bench)))
    both = replace(inside, cosignatures=_cosigned(bench) + _cosigned(bench, by=WITNESSES[1]))
    for beside, count in ((inside, "1"), (both, "2")):
        report = bench.judge(beside)
        step = next(step for step in report.steps if step.code == "witness.good")
        assert (step.status, step.values["count"]) == (Status.NOTE, count)
        assert report.exit_code == 0


def test_an_unknown_witness_is_passed_over(bench: Bench) -> None:
    unknown = _cosigned(bench, by=OTHERS)
    assert bench.judge(replace(_good(bench), cosignatures=unknown)).exit_code == 0


@pytest.mark.parametrize(("spoil", "code"), [(True, "witness.bad"), (None, "witness.malformed")])
def test_a_bad_cosignature_of_a_known_witness_is_named(bench: Bench, spoil: bool | None, code: str) -> None:
    lines = _cosigned(bench, spoil=True) if spoil else b"nothing\n"
    report = bench.judge(replace(_good(bench), cosignatures=lines))
    assert deciding(report) == [code]
    assert report.exit_code == 1


# --- files


def test_proof_and_token_are_found_beside_the_file_or_where_they_are_named(
    bench: Bench, tmp_path: Path
) -> None:
    file, elsewhere = tmp_path / "01-x.jws", tmp_path / "elsewhere"
    file.write_bytes(sealed(bench.pki, "hub-seal"))
    write_beside(elsewhere, _good(bench))
    proof, token = elsewhere.with_name("elsewhere.tlog-proof"), elsewhere.with_name("elsewhere.tsr")
    assert verify_file(file, bench.pki.trust, None, NOW).exit_code == 3
    assert verify_file(file, bench.pki.trust, None, NOW, proof, token).exit_code == 0
    write_beside(file, _good(bench))
    assert verify_file(file, bench.pki.trust, None, NOW).exit_code == 0
    proof.write_bytes(b"x" * (LARGEST + 1))
    assert codes(verify_file(file, bench.pki.trust, None, NOW, proof)) == ["usage.too-large"]
    assert codes(verify_file(file, bench.pki.trust, None, NOW, tmp_path / "no")) == ["usage.unreadable"]


def test_a_ledger_of_one_entry_needs_no_hashes(bench: Bench) -> None:
    entry = small_ledger(bench.pki, receipt()).entries[1]
    made = SmallLedger(bench.pki, (entry,))
    assert bench.judge(Beside(made.proof(0), stamp(bench.pki, made.note, NOW + SOON))).exit_code == 0
