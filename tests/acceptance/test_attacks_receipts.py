"""Only the hub's seal makes a receipt, and a test receipt is never taken for a real one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from certs.testpki import Pki
from gateway.trust.note import verifier_key
from gateway.verifier.beside import Beside
from gateway.verifier.opening import NotOpened, kind_of, open_receipt
from gateway.verifier.report import Report, Status
from gateway.verifier.seal import Trust
from gateway.verifier.verify import verify_octets
from tests.assets import build, cases_receipts
from tests.assets.bench import Case
from tests.support.evidence import REAL, TEST, recorded

GOOD, GOOD_TEST = "good", "good test"
NOW = cases_receipts.SEALED_AT + timedelta(hours=1)
ORIGIN = "example-hub/ledger/2030"
"""The ledger that the example receipt names."""
TABLE = build.verdicts("receipt-verdicts.toml")


@dataclass(frozen=True)
class Suite:
    """Every case, and a ledger that has recorded whatever can be read as a receipt."""

    pki: Pki
    trust: Trust
    cases: dict[str, Case]

    def judge(self, case: Case) -> Report:
        beside = self._beside(case.raw)
        return verify_octets(case.name, case.raw, self.trust, None, NOW, beside.proof, beside.token)

    def _beside(self, raw: bytes) -> Beside:
        try:
            receipt = open_receipt(raw, kind_of(raw)).receipt
        except NotOpened:
            return Beside()
        return recorded(self.pki, receipt, cases_receipts.SEALED_AT + timedelta(seconds=30))


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    folder = tmp_path_factory.mktemp("receipts")
    bench = build.bench_in(folder, cases_receipts.SEALED_AT, "http://127.0.0.1:9/")
    cases = {case.name: case for case in cases_receipts.cases(bench)}
    for holder, folder in ((REAL, "ledger"), (TEST, "ledger/test")):
        key = verifier_key(ORIGIN, bench.pki[holder].key)
        (bench.pki.trust / folder / "example.vkey").write_text(key.line + "\n")
    return Suite(bench.pki, Trust.load(bench.pki.trust), cases)


def judge_receipt(report: Report) -> str:
    """The code of the step that decided, or "good", or "good test"."""
    if report.verdict is Status.GOOD:
        return GOOD_TEST if report.test else GOOD
    return next(step.code for step in report.steps if step.status is report.verdict)


@pytest.mark.parametrize("verdict", TABLE, ids=lambda verdict: verdict.pattern)
def test_receipts_are_judged_as_the_table_says(suite: Suite, verdict: build.Verdict) -> None:
    wrong = {}
    for case in suite.cases.values():
        if build.verdict_of(case.name, TABLE) is verdict:
            answer = judge_receipt(suite.judge(case))
            if answer not in verdict.answers:
                wrong[case.name] = answer
    assert not wrong, f"{verdict.attack} Wanted: {', '.join(verdict.answers)}"


def test_every_receipt_has_a_verdict_and_every_verdict_a_receipt(suite: Suite) -> None:
    used = {build.verdict_of(name, TABLE).pattern for name in suite.cases}
    assert used == {verdict.pattern for verdict in TABLE}


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
@pytest.mark.parametrize("case", ["receipt-test-xml", "receipt-test-jws", "receipt-disguised-test-xml"])
def test_a_test_receipt_says_so_first(suite: Suite, case: str, language: str) -> None:
    report = suite.judge(suite.cases[case])
    assert report.sentence(language).startswith({"en": "TEST", "fr": "TEST", "ar": "تجربة"}[language])
