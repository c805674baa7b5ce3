"""Tokens for reads: given for a party's own signed assertion, once, for a short time, for one scope."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway import assets
from gateway.store.registry.models import AccessToken
from gateway.trust import jwsprimitive
from gateway.trust.assertion import make_assertion
from tests.support.hub import (
    COMMUNE,
    MINISTRY,
    HubUnderTest,
    make_hub,
    party_table,
    receipt_of,
    token_form,
)

AUDIENCE = "http://127.0.0.1:8080/oauth2/token"
BAD, REPLAYED = "WASL-AUT-003", "WASL-AUT-004"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


def ask(hub: HubUnderTest, assertion: str, **form: str) -> Any:
    return hub.client.post("/oauth2/token", data=token_form(assertion, **form))


def assertion(hub: HubUnderTest, holder: str = "ministry", party: str = MINISTRY, **changes: Any) -> str:
    values: dict[str, Any] = {
        "audience": AUDIENCE,
        "jti": os.urandom(8).hex(),
        "issued_at": hub.clock(),
        **changes,
    }
    return make_assertion(hub.pki[holder].key, party, **values)


def raw(hub: HubUnderTest, header: Any, claims: dict[str, Any], key: Any = None) -> str:
    """An assertion with any header and claims, signed as the header's algorithm says."""
    now = int(hub.clock().timestamp())
    members = {"iss": MINISTRY, "sub": MINISTRY, "aud": AUDIENCE, "jti": os.urandom(8).hex()}
    claims = {**members, "exp": now + 60, **claims}
    claims = {name: value for name, value in claims.items() if value is not None}
    signing = b".".join(map(_encoded, (header, claims)))
    key = key or hub.pki["ministry"].key
    algorithm = header["alg"]
    signature = jwsprimitive.sign(algorithm, key, signing) if algorithm in jwsprimitive.ALGORITHMS else b""
    return (signing + b"." + _base64(signature)).decode()


def _encoded(members: Any) -> bytes:
    return _base64(json.dumps(members).encode())


def _base64(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def is_refused(answer: Any, code: str = BAD) -> bool:
    """A 401 as RFC 6749 5.2 describes it, with our code in its ASCII description."""
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client"), answer.text
    assert answer.json["error_description"].isascii()
    assert answer.headers["Cache-Control"] == "no-store"
    return bool(answer.json["error_description"].startswith(code))


def test_assertion_of_a_registered_key_gets_a_token(hub: HubUnderTest) -> None:
    answer = ask(hub, assertion(hub))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert {k: v for k, v in answer.json.items() if k != "access_token"} == {
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": "envelopes:read",
    }


@pytest.mark.parametrize("key", ["p384", "rsa", "rsa3072"])
def test_every_key_that_may_sign_letters_may_sign_assertions(hub: HubUnderTest, key: str) -> None:
    hub.issue(f"key-{key}", key=assets.testpki().new_key(key))
    hub.register(f"key-{key}")
    assert ask(hub, assertion(hub, f"key-{key}")).status_code == 200


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_rsa_assertions_may_use_either_padding(hub: HubUnderTest, algorithm: str) -> None:
    hub.issue(f"rsa-{algorithm}", key=assets.testpki().new_key("rsa"))
    hub.register(f"rsa-{algorithm}")
    signed = raw(hub, {"alg": algorithm}, {}, hub.pki[f"rsa-{algorithm}"].key)
    assert ask(hub, signed).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "http://127.0.0.1:8080/oauth2/token/"},
        {"aud": "https://other.example/oauth2/token"},
        {"aud": [AUDIENCE, "https://other.example/"]},
        {"aud": []},
        {"aud": None},
        {"iss": COMMUNE},
        {"sub": COMMUNE},
        {"iss": COMMUNE, "sub": COMMUNE},
        {"iss": "A0000099-X", "sub": "A0000099-X"},
        {"iss": None},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 256},
        {"jti": 7},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 9_000_000_000_000_000},
        {"exp": -9_000_000_000_000_000},
        {"exp": True},
    ],
    ids=str,
)
def test_assertion_with_wrong_claims_is_refused(hub: HubUnderTest, claims: dict[str, Any]) -> None:
    assert is_refused(ask(hub, raw(hub, {"alg": "ES256"}, claims)))


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE]])
def test_the_one_audience_may_stand_in_a_list(hub: HubUnderTest, audience: Any) -> None:
    assert ask(hub, raw(hub, {"alg": "ES256"}, {"aud": audience})).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "NONE"},
        {"alg": ""},
        {"alg": ["ES256"]},
        {"alg": "HS256"},
        {"alg": "ES384x"},
        {"alg": "ES256", "typ": "wasl-envelope+json"},
        {"alg": "ES256", "jwk": {"kty": "EC"}},
        {"alg": "ES256", "jku": "https://other.example/keys"},
        {"alg": "ES256", "crit": ["exp"], "exp": 1},
        {"alg": "ES256", "x5t#S256": "AAAA"},
    ],
    ids=str,
)
def test_assertion_with_a_wrong_header_is_refused(hub: HubUnderTest, header: dict[str, Any]) -> None:
    if not isinstance(header["alg"], str):
        signing = b".".join([_encoded(header), _encoded({})])
        assert is_refused(ask(hub, (signing + b".").decode()))
        return
    assert is_refused(ask(hub, raw(hub, header, {})))


def test_public_key_is_no_shared_secret(hub: HubUnderTest) -> None:
    public = hub.pki["ministry"].key.public_key()
    secrets = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        hub.pki.certificate_path("ministry").read_bytes(),
    ]
    signing = raw(hub, {"alg": "HS256"}, {}).rsplit(".", 1)[0]
    for secret in secrets:
        tag = _base64(hmac.new(secret, signing.encode(), hashlib.sha256).digest()).decode()
        assert is_refused(ask(hub, f"{signing}.{tag}"))


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "." * 20_000, "{}", "\x00"])
def test_what_is_no_assertion_is_refused(hub: HubUnderTest, text: str) -> None:
    assert is_refused(ask(hub, text))


def test_assertion_signed_by_another_key_is_refused(hub: HubUnderTest) -> None:
    assert is_refused(ask(hub, assertion(hub, "commune")))  # registered, for somebody else
    assert is_refused(ask(hub, assertion(hub, "office")))  # of the same authority, registered for nobody
    stranger = rsa.generate_private_key(65537, 2048)
    assert is_refused(ask(hub, raw(hub, {"alg": "RS256"}, {}, stranger)))


def test_altered_assertion_is_refused(hub: HubUnderTest) -> None:
    head, claims, signature = assertion(hub).split(".")
    other = assertion(hub).split(".")[1]
    assert is_refused(ask(hub, f"{head}.{other}.{signature}"))
    assert is_refused(ask(hub, f"{head}.{claims}."))


@pytest.mark.parametrize(
    ("issued", "lifetime", "good"),
    [(0, 300, True), (0, 301, False), (0, 1, True), (-60, 60, False), (-60, 61, True), (86400, 60, False)],
)
def test_assertion_lives_at_most_five_minutes_from_now(
    hub: HubUnderTest, issued: int, lifetime: int, good: bool
) -> None:
    moment: datetime = hub.clock() + timedelta(seconds=issued)
    answer = ask(hub, assertion(hub, issued_at=moment, lifetime=lifetime))
    assert answer.status_code == 200 if good else is_refused(answer)


def test_assertion_is_used_once(hub: HubUnderTest) -> None:
    once = assertion(hub)
    assert ask(hub, once).status_code == 200
    assert is_refused(ask(hub, once), REPLAYED)
    assert is_refused(ask(hub.second(), once), REPLAYED)


def test_identifier_of_an_assertion_is_used_once_per_party(hub: HubUnderTest) -> None:
    assert ask(hub, assertion(hub, jti="same")).status_code == 200
    assert is_refused(ask(hub, assertion(hub, jti="same")), REPLAYED)
    assert ask(hub, assertion(hub, "commune", COMMUNE, jti="same")).status_code == 200


def test_replayed_assertion_is_refused_for_as_long_as_it_lives(hub: HubUnderTest) -> None:
    once = assertion(hub, lifetime=120)
    assert ask(hub, once).status_code == 200
    with hub.clock.moved(seconds=119):
        assert is_refused(ask(hub, once), REPLAYED)
    with hub.clock.moved(seconds=120):
        assert is_refused(ask(hub, once), BAD)


def test_refused_assertion_does_not_use_up_its_identifier(hub: HubUnderTest) -> None:
    wrong = raw(hub, {"alg": "ES256"}, {"jti": "kept", "aud": "https://other.example/"})
    assert is_refused(ask(hub, wrong))
    assert ask(hub, assertion(hub, jti="kept")).status_code == 200


def test_expired_certificate_gets_no_token(hub: HubUnderTest) -> None:
    hub.register("expired")
    assert is_refused(ask(hub, assertion(hub, "expired")))


def test_revoked_certificate_gets_no_token(hub: HubUnderTest) -> None:
    hub.register("revoked")
    assert is_refused(ask(hub, assertion(hub, "revoked")))


def test_withdrawn_certificate_gets_no_token(hub: HubUnderTest) -> None:
    hub.issue("withdrawn")
    hub.register("withdrawn")
    assert ask(hub, assertion(hub, "withdrawn")).status_code == 200
    hub.register("withdrawn", active=False)
    assert is_refused(ask(hub, assertion(hub, "withdrawn")))


def test_stale_revocation_lists_are_not_the_clients_fault(hub: HubUnderTest) -> None:
    module, asked = assets.testpki(), assertion(hub)
    module.write_crls(hub.pki, hub.clock() - timedelta(days=40), days=30)
    try:
        answer = ask(hub, asked)
        stranger = ask(hub, assertion(hub, "commune"))
    finally:
        module.write_crls(hub.pki, hub.clock())
    assert (answer.status_code, answer.json["code"]) == (503, "WASL-CRT-008")
    assert int(answer.headers["Retry-After"]) > 0
    assert is_refused(stranger)  # whose key is no business of the lists
    assert ask(hub, asked).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "unsupported_grant_type"),
        ({"client_assertion_type": "urn:other"}, "invalid_request"),
        ({"scope": "envelopes:write"}, "invalid_scope"),
        ({"scope": "envelopes:read admin"}, "invalid_scope"),
    ],
)
def test_wrong_form_is_told_as_oauth_tells_it(hub: HubUnderTest, form: dict[str, str], error: str) -> None:
    answer = ask(hub, assertion(hub), **form)
    assert (answer.status_code, answer.json["error"]) == (400, error)
    assert answer.headers["Cache-Control"] == "no-store"


def test_form_of_a_token_request_is_bounded(hub: HubUnderTest) -> None:
    assert is_refused(ask(hub, "x" * 60_000))
    answer = ask(hub, "x" * 70_000)
    assert (answer.status_code, answer.json["code"]) == (413, "WASL-REQ-002")
    assert answer.json["faults"][0]["expected"] == "65536"


def test_parameter_of_a_token_request_stands_once(hub: HubUnderTest) -> None:
    form = {**token_form(assertion(hub)), "scope": ["envelopes:read", "envelopes:read"]}
    answer = hub.client.post("/oauth2/token", data=form)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def read(hub: HubUnderTest, authorization: str | None) -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    return hub.client.get("/api/v1/envelopes?messageId=none", headers=headers)


def test_token_opens_reads_until_it_ends(hub: HubUnderTest) -> None:
    bearer = f"Bearer {hub.token()}"
    assert read(hub, bearer).status_code == 404  # let in; there is no such letter
    with hub.clock.moved(seconds=599):
        assert read(hub, bearer).status_code == 404
    with hub.clock.moved(seconds=600):
        ended = read(hub, bearer)
    assert (ended.status_code, ended.json["code"]) == (401, "WASL-AUT-002")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "WASL-AUT-001"),
        ("", "WASL-AUT-001"),
        ("Bearer", "WASL-AUT-001"),
        ("Bearer  ", "WASL-AUT-001"),
        ("Basic bWluaXN0cnk6eA==", "WASL-AUT-001"),
        ("Bearer nonsense", "WASL-AUT-002"),
        ("Bearer \xe9\xff", "WASL-AUT-002"),
        ("Bearer a b", "WASL-AUT-002"),
    ],
)
def test_call_without_a_good_token_is_unauthenticated(
    hub: HubUnderTest, authorization: str | None, code: str
) -> None:
    answer = read(hub, authorization)
    assert (answer.status_code, answer.json["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_scheme_is_known_in_any_case(hub: HubUnderTest) -> None:
    assert read(hub, f"bEARER {hub.token()}").status_code == 404


def test_token_counts_in_every_process(hub: HubUnderTest) -> None:
    assert read(hub.second(), f"Bearer {hub.token()}").status_code == 404


def test_token_of_one_party_does_not_show_anothers_letter(hub: HubUnderTest) -> None:
    accepted = hub.post(hub.signed())
    assert receipt_of(accepted).sender.party == MINISTRY
    assert hub.get(accepted.headers["Location"], COMMUNE).status_code == 404
    assert hub.get(accepted.headers["Location"], MINISTRY).status_code == 200


def test_token_without_the_scope_is_not_allowed(hub: HubUnderTest) -> None:
    token = hub.token()
    with hub.gateway.store.write() as session:
        row = session.get_one(AccessToken, hashlib.sha256(token.encode()).hexdigest())
        row.scope = "inbox:read"
    answer = read(hub, f"Bearer {token}")
    assert (answer.status_code, answer.json["code"]) == (403, "WASL-AUT-005")


def test_database_knows_tokens_by_their_digest_only(hub: HubUnderTest) -> None:
    token = hub.token()
    for path in hub.home.glob("wasl.sqlite3*"):
        assert token.encode() not in path.read_bytes()


def test_closed_party_gets_no_token_and_its_tokens_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    hub = make_hub(tmp_path_factory.mktemp("closed"))
    bearer = f"Bearer {hub.token(COMMUNE)}"
    hub.apply({"party": [{**party_table(hub.pki, COMMUNE), "active": False}]})
    assert read(hub, bearer).json["code"] == "WASL-AUT-002"
    assert is_refused(ask(hub, assertion(hub, "commune", COMMUNE)))
