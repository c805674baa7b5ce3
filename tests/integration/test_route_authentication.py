"""Every route says how it knows who calls, and keeps to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from lxml import etree
from werkzeug.routing import Rule

from gateway.assets import xsd_dir
from gateway.web.soap_operations import operations
from tests.support import soap
from tests.support.hub import AGENCY_OFFICE, HubUnderTest, make_hub

KINDS = ("public", "signature", "cosignature", "message", "report")
"""What a view may declare, besides ``token`` with a scope."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"), WASL_HUB_DEMONSTRATION="true")


def routes(app: Flask) -> Iterator[tuple[Rule, str, str | None]]:
    """Each route with one of its methods and what its view declares."""
    for rule in app.url_map.iter_rules():
        declared = getattr(app.view_functions[rule.endpoint], "authentication", None)
        methods = (rule.methods or set()) - {"OPTIONS"}
        for method in sorted(methods - ({"HEAD"} if "GET" in methods else set())):
            yield rule, method, declared


def address(rule: Rule) -> str:
    """An address under the rule."""
    return str(rule.build(dict.fromkeys(rule.arguments, "x"), append_unknown=False)[1])  # type: ignore[index]


def test_every_route_declares_its_authentication(hub: HubUnderTest) -> None:
    silent = [str(rule) for rule, _, how in routes(hub.app) if how is None]
    assert silent == []


def test_every_declaration_is_a_known_one(hub: HubUnderTest) -> None:
    strange = [
        (str(rule), how)
        for rule, _, how in routes(hub.app)
        if how not in KINDS and not (how or "").startswith("token ")
    ]
    assert strange == []


def test_api_has_no_public_route_but_its_own_description(hub: HubUnderTest) -> None:
    api = [(str(rule), how) for rule, _, how in routes(hub.app) if str(rule).startswith("/api/")]
    assert api
    # the description of the interface is for whoever wants to connect
    assert [entry for entry in api if entry[1] == "public"] == [("/api/v1/openapi.json", "public")]


def test_routes_that_take_signatures_are_the_doors_of_letters_only(hub: HubUnderTest) -> None:
    signed = {str(rule) for rule, _, how in routes(hub.app) if how == "signature"}
    assert signed == {"/api/v1/envelopes", "/api/v1/envelopes/check", "/api/v1/batches"}


def test_routes_that_take_cosignatures_are_those_of_the_ledgers_only(hub: HubUnderTest) -> None:
    cosigned = {(str(rule), method) for rule, method, how in routes(hub.app) if how == "cosignature"}
    door = "/cosignatures/<size:size>"
    assert cosigned == {(f"/ledger{door}", "POST"), (f"/ledger/test{door}", "POST")}


def test_the_one_route_whose_calls_are_told_apart_by_their_message_is_soap(hub: HubUnderTest) -> None:
    doors = {(str(rule), method) for rule, method, how in routes(hub.app) if how == "message"}
    assert doors == {("/soap/v1", "POST")}


def test_the_one_route_that_a_recipients_own_system_calls_refuses_strangers(hub: HubUnderTest) -> None:
    doors = [(str(rule), method) for rule, method, how in routes(hub.app) if how == "report"]
    assert doors == [("/api/v1/offices/<office>/reports", "POST")]
    for office in (AGENCY_OFFICE, "x"):
        answer = hub.client.post(f"/api/v1/offices/{office}/reports", json={"numero": "1"})
        assert (answer.status_code, answer.json["code"]) == (401, "WASL-DLV-085")


def test_every_call_over_soap_without_a_letter_refuses_a_caller_whom_nobody_knows(hub: HubUnderTest) -> None:
    known = set(operations(hub.gateway.services))
    assert known | {"SubmitEnvelope", "CheckEnvelope"} == set(described())
    for name in sorted(known):
        answer = soap.post(hub, soap.message(soap.call(name)))
        assert soap.fault(answer) == ("Client", "WASL-SOP-011"), name


def test_every_call_over_soap_with_a_letter_refuses_one_without_a_signature(hub: HubUnderTest) -> None:
    for name in ("SubmitEnvelope", "CheckEnvelope"):
        body = soap.call(name, octets=b"<Envelope/>", mediaType="application/xml")
        assert soap.fault(soap.post(hub, soap.message(body))) == ("Client", "WASL-XML-012"), name


def described() -> list[str]:
    """The calls of the service description."""
    port_type = etree.parse(str(xsd_dir() / "soap-1.0.wsdl")).find("{*}portType")
    return [str(one.get("name")) for one in port_type]


def test_the_route_that_takes_letters_back_has_a_scope_of_its_own(hub: HubUnderTest) -> None:
    scoped = {(str(rule), method) for rule, method, how in routes(hub.app) if how == "token envelopes:cancel"}
    assert scoped == {("/api/v1/envelopes/<reference>", "DELETE")}


def test_the_routes_of_uploads_have_a_scope_of_their_own(hub: HubUnderTest) -> None:
    scoped = {(str(rule), method) for rule, method, how in routes(hub.app) if how == "token envelopes:submit"}
    assert scoped == {("/api/v1/attachments/<digest>", method) for method in ("HEAD", "PUT")}


def test_every_public_route_that_takes_something_is_known(hub: HubUnderTest) -> None:
    # the token door judges a signed assertion, /verify keeps nothing, and the demonstration's buttons
    # are guarded by a form's own secret
    taking = {str(rule) for rule, method, how in routes(hub.app) if how == "public" and method != "GET"}
    assert {rule for rule in taking if not rule.startswith("/demo/")} <= {"/oauth2/token", "/verify"}


def test_every_route_that_asks_for_a_token_refuses_a_call_without_one(hub: HubUnderTest) -> None:
    asked = [(rule, method) for rule, method, how in routes(hub.app) if (how or "").startswith("token ")]
    assert len(asked) >= 4
    for rule, method in asked:
        for authorization in ({}, {"Authorization": "Bearer wrong"}):
            answer = hub.client.open(address(rule), method=method, headers=authorization)
            assert answer.status_code == 401, (rule, method)


def test_every_route_that_takes_signatures_refuses_a_call_without_one(hub: HubUnderTest) -> None:
    for rule, method, how in routes(hub.app):
        if how == "signature":
            answer = hub.client.open(
                address(rule), method=method, data=b"<Envelope/>", content_type="application/xml"
            )
            assert answer.status_code in (415, 422), rule  # 415: one envelope alone is no batch
