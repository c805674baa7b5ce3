"""Ways to prove who calls, the same for every kind: access tokens and client certificates."""

from __future__ import annotations

import base64
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from adapters.auth import Auth
from adapters.contract import Adapter, Context, Response
from adapters.oauth import Tokens
from adapters.options import Options
from adapters.proof import proving
from adapters.rest import RestAdapter
from adapters.soap import SoapAdapter
from gateway.domain.errors import Ambiguous, Misconfigured, Permanent, Temporary
from tests.unit.adapters.credentials import identity_pem
from tests.unit.adapters.doubles import NOW, context, letter, said, sent
from tests.unit.adapters.test_rest import SINGLE
from tests.unit.adapters.test_soap import ROUTE as SOAP_ROUTE
from tests.unit.adapters.test_soap import WSDL, registered
from tests.unit.adapters.test_telling import NOTICE
from tests.unit.adapters.test_telling import OPTIONS as TELLING

TOKEN_URL = "https://login.example/token"
OAUTH = {
    "kind": "oauth2",
    "token_url": TOKEN_URL,
    "client_id": "wasl:hub",
    "secret": "client",
    "scope": "courrier.write courrier.read",
}
TAKEN = said(201, {"id": "7", "number": "2026/1", "day": "2026-07-27"})


def issued(value: str = "t0ken", seconds: Any = 3600) -> Response:
    return said(200, {"access_token": value, "token_type": "bearer", "expires_in": seconds})


def calling(auth: Any, *answers: Response | Exception, seconds: float = 0) -> Context:
    return context({**SINGLE, "auth": auth}, *answers, now=NOW + timedelta(seconds=seconds))


def shown(used: Context) -> list[str]:
    """What each call but those for a token said who calls."""
    return [call.headers.get("Authorization", "") for call in sent(used) if call.url != TOKEN_URL]


# Access tokens


def test_token_is_asked_with_the_clients_credentials_and_shown() -> None:
    used = calling(OAUTH, issued(), TAKEN)
    assert RestAdapter().deliver(letter(), used).register_number == "2026/1"
    asked, call = sent(used)
    form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    assert (asked.method, asked.url) == ("POST", TOKEN_URL)
    assert form == {"grant_type": "client_credentials", "scope": OAUTH["scope"]}
    # RFC 6749 2.3.1: a colon in the identifier must not end it
    assert asked.headers["Authorization"] == "Basic " + base64.b64encode(
        b"wasl%3Ahub:secret+of+client"
    ).decode("ascii")
    assert call.headers["Authorization"] == "Bearer t0ken"


def test_credentials_may_go_in_the_body_beside_an_audience() -> None:
    auth = {**OAUTH, "client_auth": "client_secret_post", "audience": "urn:courrier"}
    used = calling(auth, issued(), TAKEN)
    RestAdapter().deliver(letter(), used)
    form = {name: values[0] for name, values in parse_qs(sent(used)[0].body.decode()).items()}
    assert (form["client_id"], form["client_secret"]) == ("wasl:hub", "secret of client")
    assert form["audience"] == "urn:courrier"
    assert "Authorization" not in sent(used)[0].headers


@pytest.mark.parametrize(
    ("stated", "after", "again"),
    [
        (3600, 3500, False),
        (3600, 3541, True),
        ("3600", 3500, False),
        (100, 89, False),
        (100, 91, True),
        (None, 50, False),
        (None, 70, True),
        (-5, 70, True),
        ("soon", 70, True),
        (10**9, 23 * 3600, False),
        (10**9, 25 * 3600, True),
        (float("inf"), 23 * 3600, False),
        (10**400, 70, True),
        (3600, -1, True),
    ],
    ids=lambda value: str(value)[:12],
)
def test_token_is_kept_until_shortly_before_its_end(stated: Any, after: int, again: bool) -> None:
    adapter = RestAdapter()
    adapter.deliver(letter(), calling(OAUTH, issued("one", stated), TAKEN))
    later = calling(OAUTH, *([issued("two")] if again else []), TAKEN, seconds=after)
    adapter.deliver(letter(), later)
    assert shown(later) == ["Bearer two" if again else "Bearer one"]


def test_tokens_of_other_credentials_are_others() -> None:
    adapter = RestAdapter()
    adapter.deliver(letter(), calling(OAUTH, issued("one"), TAKEN))
    for change in ({"scope": "autre"}, {"client_id": "autre"}, {"secret": "autre"}):
        used = calling({**OAUTH, **change}, issued("other"), TAKEN)
        adapter.deliver(letter(), used)
        assert shown(used) == ["Bearer other"]


def test_threads_share_one_token() -> None:
    tokens, auth = Tokens(), Auth.read(Options(OAUTH))
    used = calling(OAUTH, issued("one"), *[said(200)] * 33)
    proven = proving(used, auth, tokens)
    proven.http.request("GET", "https://target.example/")

    def call() -> None:
        for _ in range(4):
            proven.http.request("GET", "https://target.example/")

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown(used) == ["Bearer one"] * 33


def test_token_that_was_withdrawn_is_renewed_once() -> None:
    adapter = RestAdapter()
    adapter.deliver(letter(), calling(OAUTH, issued("one"), TAKEN))
    used = calling(OAUTH, said(401), issued("two"), TAKEN)
    adapter.deliver(letter(), used)
    assert shown(used) == ["Bearer one", "Bearer two"]
    refused = calling(OAUTH, said(401), issued("three"), said(401))
    with pytest.raises(Temporary, match="WASL-DLV-013"):
        adapter.deliver(letter(), refused)
    assert shown(refused) == ["Bearer two", "Bearer three"]
    # Nothing is kept of a token that was refused when it was new.
    after = calling(OAUTH, issued("four"), TAKEN)
    adapter.deliver(letter(), after)
    assert shown(after) == ["Bearer four"]


def test_stream_is_not_sent_twice_for_a_token() -> None:
    tokens, auth = Tokens(), Auth.read(Options(OAUTH))
    first = calling(OAUTH, issued("one"), said(200))
    proving(first, auth, tokens).http.request("GET", "https://target.example/")
    used = calling(OAUTH, said(401))
    answer = proving(used, auth, tokens).http.request(
        "POST", "https://target.example/", body=iter([b"letter"]), content_length=6
    )
    assert (answer.status, shown(used)) == (401, ["Bearer one"])
    after = calling(OAUTH, issued("two"), said(200))
    proving(after, auth, tokens).http.request("GET", "https://target.example/")
    assert shown(after) == ["Bearer two"]


TROUBLE = {
    "down": Temporary("WASL-DLV-001", "refused"),
    "cut": Ambiguous("WASL-DLV-004", "cut"),
    "not-allowed": Permanent("WASL-DLV-006", "inside"),
    "wrong-client": said(401, {"error": "invalid_client"}),
    "bad-request": said(400, {"error": "invalid_scope"}),
    "redirect": said(302, location="http://169.254.169.254/"),
    "page": said(200, b"<html>log in</html>", "text/html"),
    "nothing": said(200, {"token_type": "bearer"}),
    "other-type": said(200, {"access_token": "s3cr3t", "token_type": "mac"}),
    "header-injection": said(200, {"access_token": "s3cr3t\r\nX: y", "token_type": "bearer"}),
    "number": said(200, {"access_token": 7, "token_type": "bearer"}),
    "list": said(200, ["s3cr3t"]),
    "deep": said(200, b"[" * 100_000),
    "broken": said(500),
}


@pytest.mark.parametrize("answer", TROUBLE.values(), ids=TROUBLE.keys())
@pytest.mark.parametrize("kind", ["rest", "soap", "telling"])
def test_trouble_with_the_token_says_nothing_about_a_letter(kind: str, answer: Any) -> None:
    options = {"rest": SINGLE, "soap": SOAP_ROUTE, "telling": TELLING}[kind]
    used = context({**options, "auth": OAUTH}, answer)
    adapter: Any = SoapAdapter() if kind == "soap" else RestAdapter()
    with pytest.raises(Temporary) as caught:
        adapter.tell(NOTICE, used) if kind == "telling" else adapter.deliver(letter(), used)
    assert caught.value.code == "WASL-DLV-070"
    assert "s3cr3t" not in str(caught.value)
    assert len(sent(used)) == 1


def test_token_address_may_ask_to_wait() -> None:
    with pytest.raises(Temporary) as caught:
        RestAdapter().deliver(letter(), calling(OAUTH, said(503, retry_after="7")))
    assert caught.value.retry_after == 7


def test_page_that_repeats_the_secret_does_not_make_us_keep_it() -> None:
    with pytest.raises(Temporary) as caught:
        RestAdapter().deliver(letter(), calling(OAUTH, said(400, b"no client has secret of client, sorry")))
    assert caught.value.detail == "HTTP 400: no client has •••, sorry"


def test_missing_secret_is_a_fault_of_the_hub() -> None:
    def missing(reference: str) -> str:
        raise Misconfigured([f"no secret {reference}"])

    for auth in (OAUTH, {"client_certificate": "client"}, {"kind": "bearer", "secret": "client"}):
        used = replace(calling(auth), secret=missing)
        with pytest.raises(Misconfigured, match="client"):
            RestAdapter().deliver(letter(), used)
        assert sent(used) == []


def test_preview_shows_that_a_token_goes_and_asks_for_none() -> None:
    used = calling(OAUTH)
    [call] = RestAdapter().preview(letter(), used)
    assert call.headers["Authorization"] == "•••"
    assert sent(used) == []


# Client certificates


@pytest.mark.parametrize("more", [{}, {"kind": "basic", "username": "u", "secret": "word"}, OAUTH])
@pytest.mark.parametrize("kind", ["rest", "soap", "telling"])
def test_client_certificate_is_shown_at_every_call(kind: str, more: dict[str, Any]) -> None:
    pem = identity_pem()
    auth = {**more, "client_certificate": "pem"}
    options = {"rest": SINGLE, "soap": SOAP_ROUTE, "telling": TELLING}[kind]
    answers = {"rest": [TAKEN], "soap": [WSDL, registered()], "telling": [said(200)]}[kind]
    used = context({**options, "auth": auth}, *([issued()] if more is OAUTH else []), *answers)
    used = replace(used, secret={"pem": pem, "word": "word", "client": "x"}.__getitem__)
    adapter: Adapter = SoapAdapter() if kind == "soap" else RestAdapter()
    if kind == "telling":
        adapter.tell(NOTICE, used)  # type: ignore[attr-defined]
    else:
        adapter.deliver(letter(), used)
    assert [call.identity for call in sent(used)] == [pem] * (len(answers) + (more is OAUTH))
    assert not any("PRIVATE KEY" in str((call.headers, call.body)) for call in sent(used))


def test_other_routes_show_no_certificate() -> None:
    used = calling({"kind": "bearer", "secret": "word"}, TAKEN)
    RestAdapter().deliver(letter(), used)
    assert [call.identity for call in sent(used)] == [None]


@pytest.mark.parametrize(
    ("auth", "key"),
    [
        ({}, "auth.kind"),
        ({"kind": "oauth2"}, "auth.token_url"),
        ({"kind": "oauth2"}, "auth.client_id"),
        ({"kind": "oauth2"}, "auth.secret"),
        ({**OAUTH, "token_url": "file:///etc/passwd"}, "auth.token_url"),
        ({**OAUTH, "client_auth": "private_key_jwt"}, "auth.client_auth"),
        ({**OAUTH, "username": "u"}, "auth.username"),
        ({"kind": "bearer", "secret": "s", "scope": "x"}, "auth.scope"),
        ({"client_certificate": 7}, "auth.client_certificate"),
        ({"kind": "basic", "username": "u", "secret": "s", "password": "digest"}, "auth.password"),
    ],
)
@pytest.mark.parametrize("kind", ["rest", "soap", "telling"])
def test_wrong_option_is_named(kind: str, auth: Any, key: str) -> None:
    if kind == "telling":
        faults = RestAdapter().check_telling({**TELLING, "auth": auth})
    else:
        adapter = RestAdapter() if kind == "rest" else SoapAdapter()
        faults = adapter.check_options({**(SINGLE if kind == "rest" else SOAP_ROUTE), "auth": auth})
    assert any(fault.startswith(f"{key}:") for fault in faults), faults


@pytest.mark.parametrize(
    ("auth", "key"),
    [
        ({"kind": "x509"}, "auth.secret"),
        ({"kind": "wsse", "secret": "s"}, "auth.username"),
        ({"kind": "wsse", "username": "u", "secret": "s", "password": "md5"}, "auth.password"),
        ({"kind": "wsse", "username": "u", "secret": "s", "timestamp": 1}, "auth.timestamp"),
    ],
)
def test_wrong_option_of_a_message_is_named(auth: Any, key: str) -> None:
    faults = SoapAdapter().check_options({**SOAP_ROUTE, "auth": auth})
    assert any(fault.startswith(f"{key}:") for fault in faults), faults
    assert any("auth.kind" in fault for fault in RestAdapter().check_options({**SINGLE, "auth": auth}))
