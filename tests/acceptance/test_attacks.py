"""Every attack is answered with its reason, every good letter is accepted, and nobody is asked anything."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from gateway.domain.errors import Refused, Unavailable
from gateway.domain.evidence.reasons import catalogue
from gateway.domain.evidence.verdict import Level
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.rules import faults_of
from gateway.trust.anchors import Anchors
from gateway.trust.chain import judge, refusal_for
from gateway.trust.jws import open_jws, verify_jws
from gateway.trust.signed import Signed
from gateway.trust.xmlgate import XmlLimits, open_xml
from gateway.trust.xmlsig import verify_xml
from gateway.wire.envelopes import read_envelope_json, read_envelope_xml
from tests.assets import build, letters, oracle, rawsign
from tests.assets.bench import Bench, Case
from tests.support.attacked import AttackedHub

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECONDS = 3.0
"""Longest time a single submission may cost on a busy machine; most cost a few milliseconds."""
PAST, FUTURE = timedelta(days=7), timedelta(minutes=5)
ACCEPTED = "accepted"
TABLE = build.verdicts()


class Hub:
    """The order of verification of the envelope specification, over the rooms that do the work."""

    def __init__(self, bench: Bench, anchors: Anchors | None = None) -> None:
        self._anchors = anchors or Anchors.load(bench.pki.trust / "parties")
        certificates = {name: holder.certificate for name, holder in bench.pki.holders.items()}
        self._exact = {_digest(certificates[name]): party for name, party in bench.registered.items()}
        known = bench.registered | bench.by_subject
        self._known = {_digest(certificates[name]): certificates[name] for name in known}
        self._subjects = {_names(certificates[name]): party for name, party in bench.by_subject.items()}

    def judge_submission(self, raw: bytes, media_type: str) -> str:
        """The code of the first reason for refusing, or "accepted"."""
        try:
            signed, party = self._signed(raw, media_type)
            self._check_signer(signed)
            envelope = self._read(signed)
            self._check_rules(envelope, party, signed)
        except Refused as refusal:
            return refusal.faults[0].code
        except Unavailable as fault:
            return fault.code
        return ACCEPTED

    def open(self, raw: bytes, media_type: str) -> Envelope:
        """What a submission says, once its signature is good."""
        return self._read(self._signed(raw, media_type)[0])

    def _signed(self, raw: bytes, media_type: str) -> tuple[Signed, str]:
        if media_type == letters.XML:
            gated = open_xml(raw, XmlLimits())
            party = self._party(gated.certificate, gated.level)
            return verify_xml(gated), party
        opened = open_jws(raw, media_type)
        certificate = opened.certificate or self._known.get(opened.certificate_digest or "")
        if certificate is None:
            raise Refused.because("WASL-CRT-001")
        party = self._party(certificate, Level.JWS)
        return verify_jws(opened, certificate), party

    def _party(self, certificate: x509.Certificate, level: Level) -> str:
        party = self._exact.get(_digest(certificate))
        if party is None and level is not Level.XMLDSIG:
            party = self._subjects.get(_names(certificate))
        if party is None:
            raise Refused.because("WASL-CRT-010" if _names(certificate) in self._subjects else "WASL-CRT-001")
        return party

    def _check_signer(self, signed: Signed) -> None:
        if signed.claimed_time is not None:
            _check_time(signed.claimed_time)
        verdict = judge(signed.certificate, signed.chain, self._anchors, NOW, signed.claimed_time)
        if not verdict.passed:
            raise refusal_for(verdict)

    def _read(self, signed: Signed) -> Envelope:
        read = read_envelope_json if signed.level is Level.JWS else read_envelope_xml
        return read(signed.signed_bytes)

    def _check_rules(self, envelope: Envelope, party: str, signed: Signed) -> None:
        if signed.claimed_time is None:
            _check_time(envelope.created_at)
        if envelope.sender.party != party:
            raise Refused.because("WASL-PTY-001", found=envelope.sender.party)
        faults = faults_of(envelope, letters.HUB, NOW)
        if faults:
            raise Refused(faults)


def _check_time(claimed: datetime) -> None:
    if not NOW - PAST <= claimed <= NOW + FUTURE:
        raise Refused.because("WASL-SIG-014", found=claimed.isoformat())


def _digest(certificate: x509.Certificate) -> str:
    return hashlib.sha256(rawsign.der(certificate)).hexdigest()


def _names(certificate: x509.Certificate) -> tuple[bytes, bytes]:
    """Issuer key and exact subject, which a renewal keeps."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        return found.value.key_identifier or b"", certificate.subject.public_bytes()
    except x509.ExtensionNotFound:
        return b"", certificate.subject.public_bytes()
    except (ValueError, TypeError, x509.DuplicateExtension) as error:
        raise Refused.because("WASL-CRT-009") from error


@dataclass(frozen=True)
class Suite:
    """Everything built once for this module; ``listener`` is the address that no verifier may ask."""

    bench: Bench
    hub: AttackedHub
    cases: dict[str, Case]
    listener: socket.socket


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        trap = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        bench = build.bench_in(tmp_path_factory.mktemp("attacks"), NOW, trap)
        cases = build.cases(bench)  # some cases bring certificates and registrations of their own
        yield Suite(bench, AttackedHub(bench, NOW), cases, listener)


@pytest.mark.parametrize("verdict", TABLE, ids=lambda verdict: verdict.pattern)
def test_cases_are_answered_as_the_table_says(suite: Suite, verdict: build.Verdict) -> None:
    wrong = {}
    for case in suite.cases.values():
        if build.verdict_of(case.name, TABLE) is verdict:
            start = time.perf_counter()
            answer = _answer(suite.hub, case)
            spent = time.perf_counter() - start
            if answer not in verdict.answers or spent > SECONDS:
                wrong[case.name] = f"{answer} after {spent:.1f} s"
    assert not wrong, f"{verdict.attack} Wanted: {', '.join(verdict.answers)}"


def _answer(hub: AttackedHub, case: Case) -> str:
    try:
        return hub.judge_submission(case.raw, case.media_type)
    except Exception as crash:  # our own fault would be a 5xx without a receipt, for ever
        return f"crash: {crash!r:.300}"


def test_every_case_has_a_verdict_and_every_verdict_a_case(suite: Suite) -> None:
    used = {build.verdict_of(name, TABLE).pattern for name in suite.cases}
    assert used == {verdict.pattern for verdict in TABLE}


def test_every_answer_is_a_reason_of_the_catalogue() -> None:
    named = {answer for verdict in TABLE for answer in verdict.answers}
    assert named - {ACCEPTED} <= set(catalogue())


def test_no_case_makes_the_hub_ask_anybody(suite: Suite) -> None:
    for case in suite.cases.values():
        if suite.bench.trap.encode() in case.raw:
            suite.hub.judge_submission(case.raw, case.media_type)
    with pytest.raises(BlockingIOError):
        suite.listener.accept()


@pytest.mark.skipif(oracle.XMLSEC1 is None, reason="xmlsec1 is not installed: no second opinion")
def test_an_independent_tool_finds_good_and_forbidden_letters_validly_signed(
    suite: Suite, tmp_path: Path
) -> None:
    """Otherwise a case might be refused only because it was made wrongly."""
    broken = []
    for case in suite.cases.values():
        verdict = build.verdict_of(case.name, TABLE)
        claimed = verdict.valid or verdict.answers == (ACCEPTED,)
        if claimed and case.media_type == letters.XML and oracle.knows(case.raw):
            path = tmp_path / f"{case.name}.xml"
            path.write_bytes(case.raw)
            if not oracle.says_valid(path, tmp_path / "certificate.pem"):
                broken.append(case.name)
    assert not broken
