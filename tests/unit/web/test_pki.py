"""The trust package: everything a verifier must believe, the same octets each time, and never a key."""

from __future__ import annotations

import hashlib
import html
import io
import os
import re
import subprocess
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask

from gateway import assets, home
from gateway.exchange.evidence.trust_package import FOLDERS, TrustPackage, archive
from gateway.trust.note import WITNESS, read_vkeys, verifier_key
from gateway.verifier.seal import Trust
from gateway.web.pki import FOLDERS as TITLES
from tests.support.show import LANGUAGES, make_app, settings_for

BROWSER = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with test keys, as `wasl init` makes it, and one witness."""
    folder = tmp_path_factory.mktemp("home")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home.prepare(settings_for(folder))
    witnesses = folder / "trust" / "witnesses"
    witnesses.mkdir(exist_ok=True)
    key = assets.testpki().new_key("ed25519")
    (witnesses / "w1.vkey").write_text(verifier_key("witness.example/w1", key, WITNESS).line + "\n")
    return folder


@pytest.fixture(scope="module")
def app(made: Path) -> Flask:
    return make_app(settings_for(made))


@pytest.fixture
def trust(made: Path, tmp_path: Path) -> Path:
    """A copy of the trust folder to spoil."""
    for path in (made / "trust").rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(made / "trust")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return tmp_path


def names(octets: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(octets)).namelist()


def test_the_package_unpacks_to_a_folder_that_the_verifier_takes(
    app: Flask, made: Path, tmp_path: Path
) -> None:
    answer = app.test_client().get("/pki/trust.zip")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    (tmp_path / "trust.zip").write_bytes(answer.data)
    with zipfile.ZipFile(tmp_path / "trust.zip") as package:
        assert package.testzip() is None
        package.extractall(tmp_path)
    unpacked, own = Trust.load(tmp_path / "trust"), Trust.load(made / "trust")
    assert unpacked == own
    assert unpacked.seal.roots
    assert unpacked.ledgers
    assert unpacked.witnesses


def test_the_same_folder_makes_the_same_octets(made: Path) -> None:
    package = TrustPackage(made / "trust")
    assert archive(package.files()) == archive(package.files())
    for path in (made / "trust").rglob("*"):
        os.utime(path, (0, 0))
    again = archive(TrustPackage(made / "trust").files())
    assert hashlib.sha256(again).digest() == hashlib.sha256(archive(package.files())).digest()


def test_nothing_but_certificates_lists_and_keys_of_verifiers_is_in_the_package(app: Flask) -> None:
    octets = app.test_client().get("/pki/trust.zip").data
    assert {name.rpartition(".")[2] for name in names(octets)} == {"pem", "crl", "vkey"}
    assert {name.rpartition("/")[0].removeprefix("trust/") for name in names(octets)} <= set(FOLDERS)
    assert names(octets)[0].startswith("trust/seal/")
    assert b"PRIVATE" not in octets


SPOILT: dict[str, tuple[str, Any]] = {
    "a private key": ("seal/mistake.pem", lambda home_: (home_ / "keys" / "hub-seal.pem").read_bytes()),
    "a certificate with its key below": (
        "seal/both.pem",
        lambda home_: (
            (home_ / "trust" / "seal" / "seal-ca.pem").read_bytes()
            + (home_ / "keys" / "hub-seal.pem").read_bytes()
        ),
    ),
    "a key under a list's name": (
        "seal/key.crl",
        lambda home_: (home_ / "keys" / "hub-seal.pem").read_bytes(),
    ),
    "a key under a verifier key's name": (
        "ledger/key.vkey",
        lambda home_: (home_ / "keys" / "ledger.pem").read_bytes(),
    ),
    "an encrypted key": ("seal/x.pem", lambda _: b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"),
    "nonsense": ("tsa/readme.pem", lambda _: b"hello"),
    "an empty file": ("tsa/empty.pem", lambda _: b""),
    "a list that is none": ("tsa/x.crl", lambda _: b"\x30\x03\x02\x01\x01"),
    "another ending": ("seal/notes.txt", lambda _: b"hello"),
    "a hidden file": ("seal/.seal-ca.pem", lambda home_: (home_ / "trust/seal/seal-ca.pem").read_bytes()),
    "a folder": ("seal/folder.pem/x.pem", lambda _: b""),
    "another folder": ("secret/ca.pem", lambda home_: (home_ / "trust/seal/seal-ca.pem").read_bytes()),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_does_not_belong_there_is_left_out(made: Path, trust: Path, what: str) -> None:
    before = {file.path for file in TrustPackage(trust).files()}
    path, content = SPOILT[what]
    (trust / path).parent.mkdir(parents=True, exist_ok=True)
    (trust / path).write_bytes(content(made))
    package = TrustPackage(trust)
    assert {file.path for file in package.files()} == before
    assert package.file(path) is None
    assert before


def test_a_link_out_of_the_folder_is_not_followed(made: Path, trust: Path) -> None:
    outside = made / "certificates" / "hub-seal.pem"
    (trust / "seal" / "link.pem").symlink_to(outside)
    assert outside.exists()
    package = TrustPackage(trust)
    assert package.file("seal/link.pem") is None
    assert "seal/link.pem" not in {file.path for file in package.files()}


def test_a_link_within_the_folder_is_a_file_like_others(trust: Path) -> None:
    (trust / "seal" / "link.pem").symlink_to(trust / "seal" / "seal-ca.pem")
    assert TrustPackage(trust).file("seal/link.pem") is not None


def test_a_folder_that_is_not_there_is_an_empty_package(tmp_path: Path) -> None:
    assert TrustPackage(tmp_path / "none").files() == ()
    assert names(archive(())) == []


def test_single_files_are_served_as_they_are(app: Flask, made: Path) -> None:
    client = app.test_client()
    pem = client.get("/pki/seal/seal-ca.pem")
    assert pem.data == (made / "trust/seal/seal-ca.pem").read_bytes()
    assert pem.mimetype == "application/pem-certificate-chain"
    assert client.get("/pki/ledger/ledger.vkey").mimetype == "text/plain"
    assert client.get("/pki/seal/seal-ca.crl").mimetype == "application/x-pem-file"
    assert client.get("/pki/seal/test/test-seal-ca.pem").status_code == 200
    again = client.get("/pki/seal/seal-ca.crl", headers={"If-None-Match": pem.headers["ETag"]})
    assert again.status_code == 200
    assert (
        client.get("/pki/seal/seal-ca.pem", headers={"If-None-Match": pem.headers["ETag"]}).status_code == 304
    )


def test_a_list_in_der_is_served_as_one(trust: Path) -> None:
    path = trust / "seal" / "seal-ca.crl"
    crl = x509.load_pem_x509_crl(path.read_bytes())
    (trust / "seal" / "der.crl").write_bytes(crl.public_bytes(Encoding.DER))
    settings = settings_for(trust.parent / f"{trust.name}-home", WASL_TRUST_DIRECTORY=str(trust))
    answer = make_app(settings).test_client().get("/pki/seal/der.crl")
    assert (answer.status_code, answer.mimetype) == (200, "application/pkix-crl")


@pytest.mark.parametrize(
    "path",
    [
        "../keys/hub-seal.pem",
        "seal/../../keys/hub-seal.pem",
        "seal/%2e%2e/%2e%2e/keys/hub-seal.pem",
        "seal%2F..%2F..%2Fkeys%2Fhub-seal.pem",
        "/etc/passwd",
        "seal/",
        "seal",
        "seal/nothing.pem",
        "seal/.hidden.pem",
        "seal/seal-ca.pem%00",
        "seal/seal-ca.pem%0A",
        "keys/hub-seal.pem",
        "seal/" + "x" * 300 + ".pem",
    ],
)
def test_nothing_else_of_the_home_can_be_asked_for(app: Flask, path: str) -> None:
    answer = app.test_client().get(f"/pki/{path}")
    assert answer.status_code in (308, 404)
    if answer.status_code == 308:  # a doubled slash is taken out first
        answer = app.test_client().get(f"/pki/{path}", follow_redirects=True)
    assert answer.status_code == 404
    assert b"KEY" not in answer.data


# the page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_states_every_fingerprint_that_others_compute(app: Flask, made: Path, language: str) -> None:
    page = app.test_client().get(f"/pki/?lang={language}", headers=BROWSER).text
    certificates = [
        certificate
        for path in (made / "trust").rglob("*.pem")
        for certificate in x509.load_pem_x509_certificates(path.read_bytes())
    ]
    assert len(certificates) > 4
    for certificate in certificates:
        assert certificate.fingerprint(SHA256()).hex() in page
    for folder in ("ledger", "ledger/test", "witnesses"):
        for key in read_vkeys(made / "trust" / folder):
            assert hashlib.sha256(key.line.encode()).hexdigest() in page
    package = app.test_client().get("/pki/trust.zip").data
    assert hashlib.sha256(package).hexdigest() in page


def test_the_commands_on_the_page_print_the_fingerprints_on_it(app: Flask, made: Path) -> None:
    page = html.unescape(app.test_client().get("/pki/?lang=en").text)
    commands = [line for line in page.splitlines() if line.startswith("for one in ")]
    assert len(commands) == 2
    printed = ""
    for command in commands:
        told = subprocess.run(["sh", "-c", command], cwd=made, capture_output=True, text=True, check=True)
        assert told.stderr == ""
        printed += told.stdout
    found = re.findall(r"\b(?:[0-9A-F]{2}:){31}[0-9A-F]{2}\b|\b[0-9a-f]{64}\b", printed)
    assert len(found) > 5
    assert [one for one in found if one.replace(":", "").lower() not in page] == []


def test_every_folder_of_the_package_has_a_title() -> None:
    assert tuple(TITLES) == FOLDERS


@pytest.mark.parametrize("demonstration", ["true", "false"])
def test_a_hub_that_is_not_in_production_warns_of_its_keys(made: Path, demonstration: str) -> None:
    app = make_app(settings_for(made, WASL_HUB_DEMONSTRATION=demonstration))
    assert "These are test keys." in app.test_client().get("/pki/?lang=en").text


def test_a_hub_without_a_trust_folder_still_has_the_page(tmp_path: Path) -> None:
    answer = make_app(settings_for(tmp_path)).test_client().get("/pki/?lang=fr")
    assert answer.status_code == 200
