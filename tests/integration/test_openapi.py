"""What the interface says of itself is complete, true, and the same in every language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Response

from gateway.assets import xsd_dir
from gateway.exchange.registry.tokens import SCOPES as TOKEN_SCOPES
from gateway.i18n import Translator
from gateway.web.access import public
from gateway.web.openapi import common
from gateway.web.openapi.components import SCOPES, Schemas
from gateway.web.openapi.described import Answer, Described, described
from gateway.web.openapi.document import document
from gateway.web.openapi.routes import Operation, operations, undescribed
from gateway.web.openapi.schema import TEXT, record
from tests.support.described import PLACE, Contract, DescribedClient
from tests.support.hub import AGENCY, COMMUNE_OFFICE, HubUnderTest
from tests.support.scenes import World, make_world, scene_of

PAGES = re.compile(r"[A-Z]+ /(static/.*|docs/.*|verify|demo.*|pki/|soap/v1)?")
"""What people see, and SOAP, which its WSDL describes; all else is for programs and must be described."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def hub(world: World) -> HubUnderTest:
    return world.hub


@pytest.fixture(scope="module")
def contract(hub: HubUnderTest) -> Contract:
    return Contract.of(hub.app)


def test_every_route_for_programs_is_described(hub: HubUnderTest) -> None:
    assert [route for route in undescribed(hub.app) if not PAGES.fullmatch(route)] == []


def test_the_places_of_every_address_are_described(hub: HubUnderTest) -> None:
    for call in operations(hub.app):
        places = re.findall(r"{(.+?)}", call.path)
        told = [one.name for one in call.words.parameters if one.where == "path"]
        assert sorted(told) == sorted(places), call.path
        assert all(one.required for one in call.words.parameters if one.where == "path")


def test_every_call_says_who_may_make_it(hub: HubUnderTest, contract: Contract) -> None:
    for call in operations(hub.app):
        security = contract.operations[call.name, call.method]["security"]
        how, _, scope = call.authentication.partition(" ")
        assert security == ([{"token": [scope]}] if how == "token" else []), call.path


def test_every_scope_is_explained() -> None:
    assert set(SCOPES) == set(TOKEN_SCOPES)


def test_areas_and_names_are_used_as_declared(hub: HubUnderTest) -> None:
    calls = operations(hub.app)
    assert {call.words.area for call in calls} == set(common.AREAS)
    names = [call.name for call in calls]
    assert sorted(names) == sorted(set(names))


def test_the_document_is_openapi(hub: HubUnderTest) -> None:
    import schemathesis

    told = hub.client.get("/api/v1/openapi.json").json
    schemathesis.openapi.from_dict(told).validate()
    broken = json.loads(json.dumps(told))
    broken["paths"]["/health/live"]["get"]["responses"] = []
    with pytest.raises(Exception, match=r"not of type"):
        schemathesis.openapi.from_dict(broken).validate()


def test_every_reference_in_the_document_leads_somewhere(contract: Contract) -> None:
    for name in references(contract.document):
        found: Any = contract.document
        for step in name.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_the_document_is_the_same_in_every_language_but_for_its_words(hub: HubUnderTest) -> None:
    told = {tag: hub.client.get(f"/api/v1/openapi.json?lang={tag}").json for tag in ("ar", "fr", "en")}
    assert len({json.dumps(without_words(one)) for one in told.values()}) == 1
    for one, other in (("ar", "fr"), ("fr", "en"), ("ar", "en")):
        for path, methods in told[one]["paths"].items():
            for method, call in methods.items():
                assert call["summary"] != told[other]["paths"][path][method]["summary"], path


def without_words(value: Any) -> Any:
    if isinstance(value, Mapping):
        words = {"description", "summary", "tags", "title", "scopes"}
        return {name: without_words(one) for name, one in value.items() if name not in words}
    return [without_words(one) for one in value] if isinstance(value, list) else value


def test_the_document_is_asked_for_in_a_language_and_kept_until_it_changes(hub: HubUnderTest) -> None:
    address = "/api/v1/openapi.json"
    french = hub.client.get(address, headers={"Accept-Language": "fr-MA"})
    assert french.headers["Content-Language"] == "fr"
    assert "Set-Cookie" not in french.headers
    assert hub.client.get(f"{address}?lang=en", headers={"Accept-Language": "fr"}).json != french.json
    strange = hub.client.get(f"{address}?lang=%3Cx%3E", headers={"Accept-Language": "fr"})
    assert strange.data == french.data
    kept = hub.client.get(address, headers={"Accept-Language": "fr", "If-None-Match": french.headers["ETag"]})
    assert (kept.status_code, kept.data) == (304, b"")


def statuses(contract: Contract, call: Operation) -> list[int]:
    told = contract.operations[call.name, call.method]["responses"]
    return [int(status) for status in told if status != "5XX"]


def test_every_documented_status_comes_from_a_real_call(world: World, contract: Contract) -> None:
    wrong = []
    for call in operations(world.hub.app):
        for status in statuses(contract, call):
            scene = scene_of(call, status)
            if scene is None:
                wrong.append(f"{call.name} {status}: no scene in tests/support/scenes.py")
                continue
            answer = scene(world, call)
            if answer.status_code != status:
                wrong.append(f"{call.name} {status}: {answer.status_code} {answer.data[:80]!r}")
    assert not wrong, "\n".join(wrong)


def examples(hub: HubUnderTest) -> Iterator[tuple[Operation, str, Any]]:
    for call in operations(hub.app):
        for media_type, every in (call.words.body.examples if call.words.body else {}).items():
            for example in every:
                yield call, media_type, example


def test_every_example_is_taken_as_the_document_says(world: World, contract: Contract) -> None:
    live = {
        "client_assertion": lambda: world.form()["client_assertion"],
        "office": lambda: COMMUNE_OFFICE,
        "at": lambda: world.hub.clock().isoformat(),
    }
    sent = 0
    for call, media_type, example in examples(world.hub):
        told = contract.operations[call.name, call.method]["requestBody"]["content"][media_type]
        assert told["examples"][example.name].get("value") == example.value
        if example.file is not None:
            data: Any = (xsd_dir() / example.file).read_bytes()
        else:
            value = {**example.value, **{name: live[name]() for name in example.live}}
            data = value if media_type.endswith("form-urlencoded") else json.dumps(value)
        answer = world.ask(call, address_for(world, call), data=data, content_type=media_type)
        assert answer.status_code == example.gives, (call.name, example.name, answer.text)
        sent += 1
    assert sent >= 7


def address_for(world: World, call: Operation) -> str:
    if "{delivery}" not in call.path:
        return call.path
    delivery = world.lying()
    if call.name == "inbox.progress":
        headers = world.token(AGENCY, "inbox")
        taken = {"registerNumber": "1"}
        world.hub.client.post(f"/api/v1/inbox/{delivery}/acknowledge", json=taken, headers=headers)
    return call.path.replace("{delivery}", delivery)


# The checks themselves


def answering(hub: HubUnderTest, view: Any, words: Described) -> Any:
    """The answer of a hub that has one more route, to a client that believes nothing undocumented."""
    from gateway.web.app import create_app

    gateway = hub.gateway
    app = create_app(gateway.settings, gateway.services, gateway.languages, gateway.pack)
    app.test_client_class = DescribedClient
    app.add_url_rule("/more", "more", public(described(words)(view)))
    return app.test_client().get("/more")


MORE = Described(common.STATE, "More", (Answer(200, "So.", {"application/json": record("More", name=TEXT)}),))


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: Response('{"name": "x"}', content_type="application/json"), None),
        (lambda: Response('{"name": "x", "more": 1}', content_type="application/json"), "more"),
        (lambda: Response('{"name": 1}', content_type="application/json"), "not of type"),
        (lambda: Response("{}", content_type="application/json"), "required"),
        (lambda: Response("x", content_type="text/plain"), "text/plain"),
        (lambda: Response(status=202), "202"),
    ],
)
def test_the_client_of_tests_sees_what_is_not_documented(
    hub: HubUnderTest, answer: Any, complaint: str | None
) -> None:
    if complaint is None:
        assert answering(hub, answer, MORE).status_code == 200
    else:
        with pytest.raises(AssertionError, match=complaint):
            answering(hub, answer, MORE)


def test_two_schemas_of_one_name_are_refused() -> None:
    schemas = Schemas()
    assert schemas.write(record("One", a=TEXT)) == {"$ref": "#/components/schemas/One"}
    schemas.write(record("One", a=TEXT))
    with pytest.raises(ValueError, match="One"):
        schemas.write(record("One", b=TEXT))


def test_a_document_needs_no_call(tmp_path: Path) -> None:
    told = document((), Translator("en"), PLACE, ("en",))
    assert (told["paths"], told["tags"]) == ({}, [])
