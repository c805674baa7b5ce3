"""The directory tells where letters can be sent: found by name, page by page, with what each office takes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.domain.errors import Misconfigured
from gateway.domain.identifiers import directory_id
from tests.support.hub import (
    AGENCY,
    AGENCY_OFFICE,
    COMMUNE,
    COMMUNE_OFFICE,
    MINISTRY,
    MINISTRY_OFFICE,
    TEST_OFFICE,
    Clock,
    HubUnderTest,
    make_hub,
    party_table,
    registry_table,
)
from tests.support.shapes import Shape
from tests.support.systems import Simulator

OFFICES = "/api/v1/directory/offices"
ALL = [MINISTRY_OFFICE, COMMUNE_OFFICE, AGENCY_OFFICE, TEST_OFFICE]
ROUTE = {"kind": "adapter", "adapter": "simulator", "max_bytes": 5000, "fallback_seconds": 3600}


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


def found(hub: HubUnderTest, query: str = "", party: str = MINISTRY) -> list[str]:
    """The offices of every page."""
    address, offices = f"{OFFICES}?{query}", []
    while address:
        answer = hub.get(address, party)
        assert answer.status_code == 200, answer.text
        offices += [one["id"] for one in answer.json["offices"]]
        address = answer.json["next"]
    return offices


def declared(hub: HubUnderTest, office: str, **changes: Any) -> dict[str, Any]:
    [entry] = [one for one in registry_table(hub.pki)["office"] if one["id"] == office]
    return {"office": [entry | changes]}


def test_every_party_sees_every_office(hub: HubUnderTest) -> None:
    assert found(hub) == found(hub, party=COMMUNE) == ALL


@pytest.mark.parametrize("limit", [1, 3, 4, 200])
def test_pages_follow_each_other(hub: HubUnderTest, limit: int) -> None:
    assert found(hub, f"limit={limit}") == ALL
    assert found(hub, f"limit={limit}&q=office&party={AGENCY}") == [AGENCY_OFFICE, TEST_OFFICE]


def test_an_office_says_what_it_takes(tmp_path: Path) -> None:
    hub = make_hub(tmp_path, {COMMUNE_OFFICE: ROUTE}, {"simulator": Simulator()})
    [listed] = hub.get(f"{OFFICES}?party={COMMUNE}").json["offices"]
    assert listed == {
        "id": COMMUNE_OFFICE,
        "party": COMMUNE,
        "names": {
            "ar": "office of the commune (ar)",
            "fr": "office of the commune (fr)",
            "en": "office of the commune",
        },
        "partyNames": {
            "ar": "DEMONSTRATION commune (ar)",
            "fr": "DEMONSTRATION commune (fr)",
            "en": "DEMONSTRATION commune",
        },
        "default": True,
        "documentTypes": ["request"],
        "formats": ["application/jose", "application/jose+json", "application/xml"],
        "maxBytes": 5000,
        "maxAttachmentBytes": 5 * 1024**3,
        "closesAt": None,
        "successor": None,
        "forwards": None,
        "acceptsTest": False,
        "health": "works",
        "encryptionCertificate": None,
        "href": f"{OFFICES}/{COMMUNE_OFFICE}",
    }
    assert hub.get(listed["href"]).json == listed


@pytest.mark.parametrize(
    ("query", "offices"),
    [
        ("commune", [COMMUNE_OFFICE]),
        ("COMMÚNE  office", [COMMUNE_OFFICE]),
        ("(fr)", ALL),
        ("demonstration agency", [AGENCY_OFFICE, TEST_OFFICE]),
        ("nowhere", []),
        ("%", []),
        ("' OR 1=1 --", []),
        ("\u202e\x00", []),
    ],
)
def test_words_of_a_name_find_an_office_in_any_language(
    hub: HubUnderTest, query: str, offices: list[str]
) -> None:
    answer = hub.client.get(
        OFFICES, query_string={"q": query}, headers={"Authorization": f"Bearer {hub.token()}"}
    )
    assert [one["id"] for one in answer.json["offices"]] == offices


def test_arabic_is_found_without_its_vowel_marks(tmp_path: Path) -> None:
    hub = make_hub(tmp_path)
    names = {"ar": "مكتب الضَّبط لإقليم تجريبي", "fr": "Bureau d’ordre à l’essai", "en": "Trial office"}
    hub.apply(declared(hub, COMMUNE_OFFICE, names=names))
    for query in ("الضبط", "لاقليم", "تجـــريبي", "essai a", "trial"):
        assert found(hub, f"q={query}") == [COMMUNE_OFFICE], query


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("party=x", "party"),
        ("after=B0000001-X", "after"),
        ("after=", "after"),
        ("q=" + "x" * 201, "q"),
        ("q=a&q=b", "q"),
    ],
)
def test_what_cannot_be_read_is_refused(hub: HubUnderTest, query: str, where: str) -> None:
    answer = hub.get(f"{OFFICES}?{query}")
    assert (answer.status_code, answer.json["faults"][0]["where"]) == (422, where)


@pytest.mark.parametrize("office", ["x", directory_id("B", 99), MINISTRY, "%00"])
def test_an_office_that_does_not_receive_is_not_there(hub: HubUnderTest, office: str) -> None:
    assert hub.get(f"{OFFICES}/{office}").status_code == 404


def test_closed_offices_and_those_of_closed_parties_are_not_told(tmp_path: Path) -> None:
    hub = make_hub(tmp_path)
    assert found(hub) == ALL
    hub.apply(declared(hub, COMMUNE_OFFICE, active=False))
    hub.apply({"party": [party_table(hub.pki, AGENCY) | {"active": False}]})
    assert found(hub) == [MINISTRY_OFFICE]
    assert hub.get(f"{OFFICES}/{COMMUNE_OFFICE}").status_code == 404


def test_who_has_the_present_directory_is_told_so(hub: HubUnderTest) -> None:
    first = hub.get(OFFICES)
    again = hub.get(OFFICES, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_health_of_a_route_follows_what_happens_on_it(tmp_path: Path) -> None:
    from adapters.contract import Delivered
    from gateway.domain.errors import Temporary
    from gateway.domain.transit.envelope import Recipient

    system, clock = Simulator(), Clock()
    hub = make_hub(tmp_path, {COMMUNE_OFFICE: ROUTE}, {"simulator": system}, clock)

    def health() -> str:
        return str(hub.get(f"{OFFICES}/{COMMUNE_OFFICE}").json["health"])

    assert health() == "works"
    system.script = [Temporary("WASL-DLV-001")]
    hub.post(hub.signed(hub.envelope(recipients=(Recipient(office=COMMUNE_OFFICE),))))
    hub.dispatch().run_once()
    assert health() == "slow"
    clock.forward(hours=1)
    assert health() == "hub"
    system.script = [Delivered(b"{}", "application/json", "C-1")]
    hub.dispatch().run_once()
    assert health() == "works"
    hub.gateway.registry.pause(COMMUNE_OFFICE, True, "tests")
    assert health() == "slow"
    assert hub.get(f"{OFFICES}/{AGENCY_OFFICE}").json["health"] == "hub"


# Certificates to encrypt for ------------------------------------------------------------------------


def certificate(
    key: Any, now: datetime, days: int = 30, usage: str | None = "key_agreement", since: int = -1
) -> x509.Certificate:
    flags = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "DEMONSTRATION order office")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now + timedelta(days=since))
        .not_valid_after(now + timedelta(days=days))
    )
    if usage is not None:
        made = made.add_extension(x509.KeyUsage(**flags | {usage: True}), critical=True)
    return made.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def pem(made: x509.Certificate) -> dict[str, str]:
    return {"pem": made.public_bytes(Encoding.PEM).decode()}


def test_an_offices_certificate_is_told_exported_and_taken_back(tmp_path: Path) -> None:
    hub = make_hub(tmp_path)
    made = certificate(ec.generate_private_key(ec.SECP256R1()), hub.clock(), days=1)
    table = declared(hub, COMMUNE_OFFICE, encryption_certificate=pem(made))
    assert hub.apply(table) == [f"changed office {COMMUNE_OFFICE}"]
    told = hub.get(f"{OFFICES}/{COMMUNE_OFFICE}").json["encryptionCertificate"]
    assert base64.b64decode(told) == made.public_bytes(Encoding.DER)
    assert hub.apply(hub.gateway.registry.export()) == []
    hub.clock.forward(hours=24)
    assert hub.get(f"{OFFICES}/{COMMUNE_OFFICE}").json["encryptionCertificate"] is None
    assert hub.apply(hub.gateway.registry.export()) == []  # what was there may stay, and is told to nobody
    assert hub.apply(declared(hub, COMMUNE_OFFICE)) == [f"changed office {COMMUNE_OFFICE}"]


P256: Callable[[], Any] = lambda: ec.generate_private_key(ec.SECP256R1())  # noqa: E731


@pytest.mark.parametrize(
    ("key", "options", "fault"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), {"usage": "key_encipherment"}, "3072 bits"),
        (lambda: rsa.generate_private_key(65537, 3072), {"usage": "key_agreement"}, "keyEncipherment"),
        (P256, {"usage": "digital_signature"}, "keyAgreement"),
        (P256, {"usage": None}, "keyAgreement"),
        (lambda: ec.generate_private_key(ec.SECP256K1()), {}, "P-256"),
        (ed25519.Ed25519PrivateKey.generate, {}, "an RSA or EC key"),
        (P256, {"days": 0}, "valid now"),
        (P256, {"since": 1}, "valid now"),
    ],
)
def test_a_certificate_that_nobody_should_encrypt_for_is_refused(
    hub: HubUnderTest, key: Callable[[], Any], options: dict[str, Any], fault: str
) -> None:
    made = certificate(key(), hub.clock(), **options)
    with pytest.raises(Misconfigured, match=fault):
        hub.apply(declared(hub, COMMUNE_OFFICE, encryption_certificate=pem(made)))


@pytest.mark.parametrize("usage", ["key_encipherment"])
def test_an_rsa_certificate_of_3072_bits_will_do(tmp_path: Path, usage: str) -> None:
    hub = make_hub(tmp_path)
    made = certificate(rsa.generate_private_key(65537, 3072), datetime.now(UTC), usage=usage)
    assert hub.apply(declared(hub, COMMUNE_OFFICE, encryption_certificate=pem(made)))


@pytest.mark.parametrize(
    "entry", [{}, {"pem": 5}, {"pem": "x"}, {"file": "nowhere.pem"}, {"pem": "x", "more": 1}, 7]
)
def test_what_is_no_certificate_is_refused(hub: HubUnderTest, entry: Any) -> None:
    with pytest.raises(Misconfigured, match="encryption_certificate"):
        hub.apply(declared(hub, COMMUNE_OFFICE, encryption_certificate=entry))
