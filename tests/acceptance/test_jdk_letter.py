"""Letters signed by the JDK and by PHP alone are accepted; the JDK alone verifies the hub's receipts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from gateway.trust.seal import KeySealer, sign_xml
from gateway.wire.receipts import receipt_element
from tests.acceptance.test_attacks import NOW
from tests.assets import build, cases_receipts, letters
from tests.assets.bench import Bench
from tests.support.attacked import AttackedHub
from xsd import example_values

HERE = Path(__file__).parent
PASSWORD = "test-only"  # guards a key that lives as long as the test
JAVA, PHP = shutil.which("java"), shutil.which("php")
needs_java = pytest.mark.skipif(JAVA is None, reason="no JDK here: letters made with it are not tried")
needs_php = pytest.mark.skipif(PHP is None, reason="no PHP here: letters made with it are not tried")

EC_VARIANTS = (
    "xades",
    "xades.prefix",
    "xades.id.inclusive",
    "xades.keyinfo",
    "xades.implied.inclusive.keyinfo",
    "plain",
    "plain.id.inclusive",
    "plain.prefix.implied",
)
RSA_VARIANTS = ("xades.inclusive", "xades.pss", "plain.inclusive.implied", "plain.pss.prefix")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return build.bench_in(tmp_path_factory.mktemp("letters"), NOW, "http://127.0.0.1:9/")


def _unsigned(bench: Bench, folder: Path, **changes: str) -> Path:
    path = folder / "letter.xml"
    path.write_text(bench.letter("jdk", slot="", **changes), "utf-8")
    return path


def _sign_with_java(bench: Bench, folder: Path, holder: str, variants: tuple[str, ...]) -> dict[str, bytes]:
    who = bench.pki[holder]
    store = folder / "key.p12"
    store.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"signer", who.key, who.certificate, None, BestAvailableEncryption(PASSWORD.encode())
        )
    )
    letter = _unsigned(bench, folder, body="Texte d'essai&#13;\n en deux lignes. طلب تجريبي")
    orders = [f"{variant}={folder / variant}.xml" for variant in variants]
    command = [str(JAVA), str(HERE / "java" / "SignLetter.java"), str(store), PASSWORD, str(letter)]
    subprocess.run([*command, letters.stamp(NOW), *orders], check=True, timeout=120)
    return {variant: (folder / f"{variant}.xml").read_bytes() for variant in variants}


@needs_java
@pytest.mark.parametrize(
    ("holder", "variants"), [("ministry", EC_VARIANTS), ("ministry-rsa", RSA_VARIANTS)], ids=["ec", "rsa"]
)
def test_letters_signed_by_the_jdk_are_accepted(
    bench: Bench, tmp_path: Path, holder: str, variants: tuple[str, ...]
) -> None:
    hub = AttackedHub(bench, NOW)
    for variant, raw in _sign_with_java(bench, tmp_path, holder, variants).items():
        assert (variant, hub.judge_submission(raw, letters.XML)) == (variant, "accepted")
        assert hub.level == ("XAdES" if variant.startswith("xades") else "XMLDSig")


@needs_java
def test_a_letter_signed_by_the_jdk_and_changed_is_refused(bench: Bench, tmp_path: Path) -> None:
    signed = _sign_with_java(bench, tmp_path, "ministry", ("xades", "plain"))
    changed = [raw.replace(b"Demande fictive", b"Demande forgee") for raw in signed.values()]
    hub = AttackedHub(bench, NOW)
    assert [hub.judge_submission(raw, letters.XML) for raw in changed] == ["WASL-SIG-012"] * 2


@needs_php
@pytest.mark.parametrize("form", ["exclusive", "inclusive"])
def test_letters_signed_by_php_are_accepted(bench: Bench, tmp_path: Path, form: str) -> None:
    pki, signed = bench.pki, tmp_path / "signed.xml"
    keys = [str(pki.key_path("ministry-rsa")), str(pki.certificate_path("ministry-rsa"))]
    files = [str(_unsigned(bench, tmp_path)), str(signed)]
    script = str(HERE / "php" / "sign_letter.php")
    subprocess.run([str(PHP), script, *keys, *files, form], check=True, timeout=60)
    hub = AttackedHub(bench, NOW)
    assert hub.judge_submission(signed.read_bytes(), letters.XML) == "accepted"
    assert hub.level == "XMLDSig"


@pytest.fixture(scope="module")
def seals(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("seals")
    return build.bench_in(folder, cases_receipts.SEALED_AT, "http://127.0.0.1:9/")


def _verify_with_java(seals: Bench, receipt: bytes, folder: Path) -> int:
    path = folder / "receipt.xml"
    path.write_bytes(receipt)
    moment = str(int(cases_receipts.SEALED_AT.timestamp() * 1000))
    script, anchors = str(HERE / "java" / "VerifyReceipt.java"), str(seals.pki.trust / "seal")
    done = subprocess.run(
        [str(JAVA), script, str(path), anchors, moment], capture_output=True, timeout=120, check=False
    )
    return done.returncode


def _sealed(seals: Bench, holder: str) -> bytes:
    keys = (seals.pki.key_path(holder), seals.pki.certificate_path(holder))
    element = receipt_element(example_values.ACCEPTANCE)
    return sign_xml(element, KeySealer.from_files(*keys), cases_receipts.SEALED_AT)


@needs_java
def test_the_jdk_alone_verifies_a_receipt_that_the_hub_sealed(seals: Bench, tmp_path: Path) -> None:
    assert _verify_with_java(seals, _sealed(seals, "hub-seal"), tmp_path) == 0


@needs_java
def test_the_jdk_alone_refuses_a_receipt_that_a_party_sealed(seals: Bench, tmp_path: Path) -> None:
    assert _verify_with_java(seals, _sealed(seals, "ministry"), tmp_path) == 1


@needs_java
def test_the_jdk_alone_refuses_a_receipt_that_was_changed(seals: Bench, tmp_path: Path) -> None:
    changed = _sealed(seals, "hub-seal").replace(b"Example company portal", b"Example company partal")
    assert _verify_with_java(seals, changed, tmp_path) == 1
