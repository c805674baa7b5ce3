"""Bad evidence, file by file, judged as `wasl verify` does; other programs call much of it well signed."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding
from jwcrypto import jwk, jws

from gateway.verifier.command import verify
from gateway.verifier.report import Report
from gateway.verifier.verify import verify_file
from tests.assets import (
    cases_evidence_bundle,
    cases_evidence_ledger,
    cases_evidence_pdf,
    cases_evidence_sealed,
    cases_evidence_time,
    oracle,
)
from tests.assets.evidence_bench import EvidenceBench, Exhibit, make_evidence_bench
from tests.integration.test_verify_page import ask, codes
from tests.support.hub import HubUnderTest, make_hub

GROUPS = (
    cases_evidence_bundle,
    cases_evidence_ledger,
    cases_evidence_pdf,
    cases_evidence_sealed,
    cases_evidence_time,
)
VERDICTS = Path(cases_evidence_time.__file__).with_name("evidence-verdicts.toml")
WITHOUT_QPDF = "pdf-rewritten-*"


@dataclass(frozen=True)
class Verdict:
    """What a case must be answered with."""

    pattern: str
    exit: int
    attack: str
    codes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    oracle: str = ""


TABLE = tuple(
    Verdict(
        pattern, **{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    )
    for pattern, row in tomllib.loads(VERDICTS.read_text("utf-8")).items()
)


@dataclass
class Suite:
    """Every case as files on the disk, and a trust folder."""

    bench: EvidenceBench
    folder: Path
    cases: dict[str, Exhibit]
    files: dict[str, Path] = field(default_factory=dict)

    def judge(self, name: str) -> Report:
        case = self.cases[name]
        return verify_file(
            self.path(name), self.bench.pki.trust, self.original(case), self.bench.now + case.after
        )

    def path(self, name: str) -> Path:
        if name not in self.files:
            self.files[name] = self.cases[name].write(self.folder)
        return self.files[name]

    def original(self, case: Exhibit) -> Path | None:
        if case.original is None:
            return None
        path = self.folder / f"{case.name}.original"
        path.write_bytes(case.original)
        return path


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    folder = tmp_path_factory.mktemp("evidence")
    # The real command knows no other moment than now.
    bench = make_evidence_bench(folder, datetime.now(UTC).replace(microsecond=0))
    cases: dict[str, Exhibit] = {}
    for group in GROUPS:
        for case in group.cases(bench):
            assert case.name not in cases
            cases[case.name] = case
    made = folder / "cases"
    made.mkdir()
    return Suite(bench, made, cases)


def verdict_of(name: str) -> Verdict:
    return next(verdict for verdict in TABLE if fnmatchcase(name, verdict.pattern))


def fault(report: Report, verdict: Verdict) -> str | None:
    """How the report differs from what is wanted; None where it does not."""
    deciding = next((step.code for step in report.all_steps() if step.status is report.verdict), "")
    if report.exit_code != verdict.exit or (verdict.exit and deciding not in verdict.codes):
        return f"{report.exit_code} {deciding}"
    told = {step.code for step in report.all_steps()} & set(verdict.without)
    return ", ".join(sorted(told)) or None


@pytest.mark.parametrize("verdict", TABLE, ids=lambda verdict: verdict.pattern)
def test_evidence_is_judged_as_the_table_says(suite: Suite, verdict: Verdict) -> None:
    names = [name for name in suite.cases if verdict_of(name) is verdict]
    if not names and fnmatchcase(verdict.pattern, WITHOUT_QPDF) and cases_evidence_pdf.QPDF is None:
        pytest.skip("qpdf is not installed: nothing else rewrites PDF files here")
    assert names
    wrong = {name: found for name in names if (found := fault(suite.judge(name), verdict))}
    assert not wrong, f"{verdict.attack} Wanted: {verdict.exit} {', '.join(verdict.codes)}"


def test_every_case_has_a_verdict(suite: Suite) -> None:
    assert {name for name in suite.cases if not any(fnmatchcase(name, one.pattern) for one in TABLE)} == set()


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_every_verdict_has_its_words(suite: Suite, language: str) -> None:
    there = {verdict_of(name).pattern: name for name in suite.cases}  # some are made by qpdf alone
    for pattern in sorted(there)[:: 7 if language != "en" else 3]:
        assert suite.judge(there[pattern]).sentence(language)


COMMAND = (
    "sealed-good-xml",
    "sealed-by-ministry-jws",
    "sealed-revoked-after-xml",
    "ledger-note-flipped-beside-good",
    "time-day-later",
    "inside-text-xml",
    "pdf-page-by-seal-revoked-after",
    "pdf-revision-page-replaced",
    "bundle-sealed-before-its-receipts",
)


@pytest.mark.parametrize("name", COMMAND)
def test_the_command_answers_the_same(suite: Suite, name: str) -> None:
    path, verdict = suite.path(name), verdict_of(name)
    done = CliRunner().invoke(verify, [str(path), "--trust", str(suite.bench.pki.trust), "--json"])
    told = json.loads(done.stdout)
    if suite.cases[name].after:  # the command judges now, when such a time has not come yet
        assert told["exitCode"] == done.exit_code
        return
    assert done.exit_code == told["exitCode"] == verdict.exit
    assert {"file", "verdict", "sentence", "steps", "parts"} <= set(told)


PAGE = (
    "sealed-good-xml",
    "sealed-changed-xml-text",
    "sealed-revoked-between-xml",
    "ledger-of-own-key-same-origin",
    "ledger-note-good-behind-flipped",
    "time-by-tsa-foreign",
    "inside-over-other-signature-json",
    "pdf-revision-annotation",
    "pdf-embedded-two-names",
    "bundle-page-of-a-withdrawn-seal",
)
MARKS = {0: "verdict-done", 1: "verdict-failed", 3: "verdict-held"}


@pytest.fixture(scope="module")
def hub(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    """A hub that trusts whom the suite trusts."""
    found = make_hub(tmp_path_factory.mktemp("hub"), WASL_LIMITS_VERIFICATIONS_PER_MINUTE="1000")
    shutil.copytree(suite.bench.pki.trust, found.home / "trust", dirs_exist_ok=True)
    return found


@pytest.mark.parametrize("name", PAGE)
def test_the_page_answers_the_same(suite: Suite, hub: HubUnderTest, name: str) -> None:
    case, verdict = suite.cases[name], verdict_of(name)
    file = f"case.{case.ending}"
    beside = {"": case.raw, ".tlog-proof": case.proof, ".tsr": case.token}
    answer = ask(hub, *((file + suffix, octets) for suffix, octets in beside.items() if octets is not None))
    assert answer.status_code == 200
    assert MARKS[verdict.exit] in answer.text
    assert not verdict.codes or set(verdict.codes) & set(codes(answer))


# --- one changed octet, anywhere

RENDERINGS = (
    "sealed-good-xml",
    "sealed-good-jws",
    "sealed-good-flattened",
    "inside-good-xml",
    "inside-good-json",
    "pdf-stamped-good",
)


@pytest.mark.parametrize("name", RENDERINGS)
def test_no_changed_octet_makes_another_receipt(suite: Suite, name: str) -> None:
    """What stays good says the same: the octet lies where a form has several spellings."""
    good = suite.judge(name)
    case, path = suite.cases[name], suite.folder / f"changed.{suite.cases[name].ending}"
    step = max(1, len(case.raw) // 90)
    for place in range(len(name) % step, len(case.raw), step):
        octet = case.raw[place] ^ (1 << place % 7)
        raw = case.raw[:place] + bytes([octet]) + case.raw[place + 1 :]
        case.but("changed", raw=raw).write(suite.folder)
        report = verify_file(path, suite.bench.pki.trust, None, suite.bench.now)
        assert report.exit_code == 1 or (report.receipt, report.content_digest) == (
            good.receipt,
            good.content_digest,
        ), place


# --- other programs: the attack is well signed, so that only our rules refuse it


def _each(suite: Suite, kind: str, endings: tuple[str, ...]) -> list[str]:
    return [
        name
        for name, case in suite.cases.items()
        if verdict_of(name).oracle == kind and case.ending in endings
    ]


@pytest.mark.skipif(oracle.XMLSEC1 is None, reason="xmlsec1 is not installed")
def test_xmlsec1_calls_the_forgeries_well_signed(suite: Suite, tmp_path: Path) -> None:
    names = _each(suite, "valid", ("xml",))
    assert len(names) > 5
    assert [name for name in names if not oracle.says_valid(suite.path(name), tmp_path / "key.pem")] == []


def test_jwcrypto_calls_the_forgeries_well_signed(suite: Suite) -> None:
    names = _each(suite, "valid", ("jws",))
    assert len(names) > 5
    for name in names:
        token = jws.JWS()
        token.deserialize(suite.cases[name].raw.decode())
        first = token.jose_header["x5c"][0]
        pem = f"-----BEGIN CERTIFICATE-----\n{first}\n-----END CERTIFICATE-----\n".encode()
        token.verify(jwk.JWK.from_pem(pem))
        assert token.is_valid, name


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_calls_the_forgeries_well_signed(suite: Suite, tmp_path: Path) -> None:
    names = _each(suite, "token", ("xml",))
    assert len(names) > 3
    for name in names:
        proof, token = suite.cases[name].proof, suite.cases[name].token
        assert proof is not None
        assert token is not None
        (tmp_path / "note").write_bytes(proof.partition(b"\n\n")[2])
        (tmp_path / "tsr").write_bytes(token)
        cms = subprocess.run(
            ["openssl", "ts", "-reply", "-in", tmp_path / "tsr", "-token_out", "-out", tmp_path / "token"],
            capture_output=True,
            check=False,
        )
        assert cms.returncode == 0, cms.stderr
        done = subprocess.run(
            [
                "openssl",
                "cms",
                "-verify",
                "-noverify",
                "-inform",
                "DER",
                "-in",
                tmp_path / "token",
                "-out",
                tmp_path / "info",
            ],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (name, done.stderr)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_trusts_the_good_token(suite: Suite, tmp_path: Path) -> None:
    case = suite.cases["time-good"]
    (tmp_path / "note").write_bytes((case.proof or b"").partition(b"\n\n")[2])
    (tmp_path / "tsr").write_bytes(case.token or b"")
    (tmp_path / "ca.pem").write_bytes(suite.bench.pki["tsa-ca"].certificate.public_bytes(Encoding.PEM))
    files = ["-in", tmp_path / "tsr", "-data", tmp_path / "note", "-CAfile", tmp_path / "ca.pem"]
    done = subprocess.run(["openssl", "ts", "-verify", *files], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="pdfsig is not installed")
def test_pdfsig_calls_the_forgeries_well_signed(suite: Suite) -> None:
    names = _each(suite, "pdf", ("pdf",))
    assert len(names) > 5
    for name in names:
        done = subprocess.run(["pdfsig", suite.path(name)], capture_output=True, timeout=60, check=False)
        assert b"Signature is Valid" in done.stdout, (name, done.stdout, done.stderr)


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="pdfsig is not installed")
@pytest.mark.parametrize("name", ["pdf-changed-page-text", "pdf-value-of-another-sealing", "pdf-spoiled"])
def test_pdfsig_refuses_what_is_not(suite: Suite, name: str) -> None:
    done = subprocess.run(["pdfsig", suite.path(name)], capture_output=True, timeout=60, check=False)
    assert b"Signature is Valid" not in done.stdout
