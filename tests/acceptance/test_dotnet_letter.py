"""Letters exactly as System.Security.Cryptography.Xml.SignedXml writes them are accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.test_attacks import NOW
from tests.assets import build, letters, rawsign
from tests.assets.bench import Bench
from tests.assets.rawsign import C14N, ENVELOPED, EXC_C14N, Plan, Reference
from tests.support.attacked import AttackedHub


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return build.bench_in(tmp_path_factory.mktemp("dotnet"), NOW, "http://127.0.0.1:9/")


def _signed_xml(bench: Bench, holder: str = "ministry-rsa", **changes: object) -> Plan:
    """What ComputeSignature and GetXml give: no prefix, no white space, no line breaks in base64.

    CanonicalizationMethod is inclusive C14N 1.0 unless the program chose another one.
    """
    reference = Reference("", (ENVELOPED,))
    return bench.plain_plan(holder, references=(reference,), c14n=C14N, prefix="").but(**changes)


def _judge(bench: Bench, text: str, plan: Plan, encode: str = "utf-8") -> str:
    raw = rawsign.sign(text, plan).decode().encode(encode)
    hub = AttackedHub(bench, NOW)
    answer = hub.judge_submission(raw, letters.XML)
    assert hub.level in ("", "XMLDSig")
    return answer


def test_the_default_output_is_accepted(bench: Bench) -> None:
    text = bench.letter("net", attributes="", end="")
    assert _judge(bench, text, _signed_xml(bench)) == "accepted"


def test_output_with_a_byte_order_mark_is_accepted(bench: Bench) -> None:
    # XmlDocument.Save to a stream writes one.
    text = bench.letter("net", attributes="", end="")
    assert _judge(bench, text, _signed_xml(bench), "utf-8-sig") == "accepted"


def test_output_with_preserved_white_space_and_windows_line_ends_is_accepted(bench: Bench) -> None:
    text = bench.letter("net", end="\r\n  ", declaration='<?xml version="1.0" encoding="utf-8"?>\r\n')
    assert _judge(bench, text, _signed_xml(bench)) == "accepted"


@pytest.mark.parametrize("uri", ["", "#letter"])
@pytest.mark.parametrize("steps", [(ENVELOPED, C14N), (ENVELOPED, EXC_C14N)], ids=["inclusive", "exclusive"])
def test_an_added_canonicalisation_transform_is_accepted(
    bench: Bench, uri: str, steps: tuple[str, ...]
) -> None:
    plan = _signed_xml(bench, references=(Reference(uri, steps),))
    assert _judge(bench, bench.letter("net", end=""), plan) == "accepted"


def test_exclusive_signed_info_is_accepted(bench: Bench) -> None:
    assert _judge(bench, bench.letter("net", end=""), _signed_xml(bench, c14n=EXC_C14N)) == "accepted"


def test_an_agreeing_key_value_beside_the_certificate_is_accepted(bench: Bench) -> None:
    """As after KeyInfo.AddClause(new RSAKeyValue(rsa))."""
    assert _judge(bench, bench.letter("net", end=""), _with_key_value(bench, "ministry-rsa")) == "accepted"


def test_another_key_value_beside_the_certificate_is_refused(bench: Bench) -> None:
    answer = _judge(bench, bench.letter("net", end=""), _with_key_value(bench, "ministry-rsa3072"))
    assert answer == "WASL-SIG-017"


def _with_key_value(bench: Bench, holder: str) -> Plan:
    plan = _signed_xml(bench)
    numbers = bench.pki[holder].certificate.public_key().public_numbers()
    modulus = rawsign.b64(numbers.n.to_bytes(numbers.n.bit_length() // 8, "big"))
    value = (
        f"<KeyValue><RSAKeyValue><Modulus>{modulus}</Modulus>"
        "<Exponent>AQAB</Exponent></RSAKeyValue></KeyValue>"
    )
    key_info = rawsign.key_info_of(plan).replace("</KeyInfo>", f"{value}</KeyInfo>")
    return plan.but(key_info=key_info)


def test_a_changed_letter_is_refused(bench: Bench, tmp_path: Path) -> None:
    raw = rawsign.sign(bench.letter("net", attributes="", end=""), _signed_xml(bench))
    changed = raw.replace(b"fictive", b"forgees")
    assert AttackedHub(bench, NOW).judge_submission(changed, letters.XML) == "WASL-SIG-012"
