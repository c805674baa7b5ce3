"""A recipient's own system calls: it proves itself as its route says, and to all others there is nothing."""

from __future__ import annotations

import base64
import gzip
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from adapters.contract import Context, Delivered, Letter
from adapters.rest import RestAdapter
from gateway.domain.evidence.receipt import Event
from tests.support.hub import AGENCY_OFFICE, COMMUNE, COMMUNE_OFFICE, MINISTRY_OFFICE, HubUnderTest
from tests.support.systems import accept, fresh_hub, receipts, row

SECRET = "a secret of the demonstration"
READS = {
    "delivery_id": "ref",
    "register_number": "numero",
    "register_date": "du",
    "register_date_format": "%d/%m/%Y",
    "progress": "code(etat, 'etats')",
    "at": "quand",
}
HMAC = {
    "kind": "hmac",
    "secret": "target",
    "header": "X-Signature",
    "timestamp_header": "X-Moment",
    "prefix": "sha256=",
}
AUTHS: dict[str, dict[str, Any]] = {
    "bearer": {"kind": "bearer", "secret": "target"},
    "header": {"kind": "header", "secret": "target", "header": "X-Cle"},
    "basic": {"kind": "basic", "secret": "target", "username": "courrier"},
    "hmac": HMAC,
}


class Taking(RestAdapter):
    """The kind ``rest`` whose letters arrive without a call."""

    kind = "taking"

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        return Delivered(b"{}")


def options(auth: dict[str, Any], **report: Any) -> dict[str, Any]:
    return {
        "base_url": "http://127.0.0.1:1",
        "create": {"path": "/x", "body": {}},
        "tables": {"etats": {"enregistre": "REGISTERED", "traite": "CLOSED"}},
        "report": {"auth": auth, "reads": READS, **report},
    }


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    hub = fresh_hub(tmp_path_factory.mktemp("hub"), Taking())  # type: ignore[arg-type]
    secrets = hub.home / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "target").write_text(SECRET)
    (secrets / "short").write_text("short")
    (secrets / "empty").write_text("")
    routed(hub, HMAC)
    return hub


def routed(hub: HubUnderTest, auth: dict[str, Any], **report: Any) -> None:
    """Let the commune's route take calls that prove themselves so."""
    office = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE)
    route = {"kind": "adapter", "adapter": "taking", "options": options(auth, **report)}
    hub.apply({"office": [{**office, "route": route}]})


@pytest.fixture
def delivery(hub: HubUnderTest) -> str:
    [delivery] = accept(hub, COMMUNE_OFFICE)
    hub.dispatch().run_once(100)
    return delivery


def proof(hub: HubUnderTest, kind: str, body: bytes, secret: str = SECRET, **delta: float) -> dict[str, str]:
    """The headers by which a call proves itself."""
    if kind == "bearer":
        return {"Authorization": f"Bearer {secret}"}
    if kind == "header":
        return {"X-Cle": secret}
    if kind == "basic":
        return {"Authorization": "Basic " + base64.b64encode(f"courrier:{secret}".encode()).decode()}
    with hub.clock.moved(**delta):
        moment = str(int(hub.clock().timestamp()))
    signed = hmac.new(secret.encode(), moment.encode() + b"." + body, "sha256").hexdigest()
    return {"X-Moment": moment, "X-Signature": f"sha256={signed}"}


def call(
    hub: HubUnderTest,
    body: bytes,
    headers: dict[str, str],
    office: str = COMMUNE_OFFICE,
    media_type: str = "application/json",
) -> TestResponse:
    path = f"/api/v1/offices/{office}/reports"
    return hub.client.post(path, data=body, headers=headers, content_type=media_type)


def said(delivery: str, **members: Any) -> bytes:
    return json.dumps({"ref": delivery, **members}, ensure_ascii=False).encode()


def told(hub: HubUnderTest, delivery: str) -> list[Event]:
    return [one.event for one in receipts(hub, delivery) if one.event is not Event.TIME_LIMIT]


@pytest.mark.parametrize("kind", AUTHS)
def test_a_number_is_taken_from_a_system_that_proves_itself(
    hub: HubUnderTest, delivery: str, kind: str
) -> None:
    routed(hub, AUTHS[kind])
    day = hub.clock().strftime("%d/%m/%Y")
    body = said(delivery, numero="ج-2026/17", du=day, etat="enregistre")
    answer = call(hub, body, proof(hub, kind, body))
    assert answer.json == {"news": [{"result": "taken", "delivery": delivery, "problem": None}]}
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER, Event.REGISTERED]
    registered = receipts(hub, delivery)[-1].registered or receipts(hub, delivery)[-2].registered
    assert registered is not None
    assert (registered.number, registered.date) == ("ج-2026/17", hub.clock().date())
    again = call(hub, body, proof(hub, kind, body))
    assert [one["result"] for one in again.json["news"]] == ["known"]  # type: ignore[index]


@pytest.mark.parametrize("kind", AUTHS)
def test_wrong_proofs_and_offices_get_one_and_the_same_answer(
    hub: HubUnderTest, delivery: str, kind: str
) -> None:
    routed(hub, AUTHS[kind])
    body, other = said(delivery, numero="1"), AUTHS["bearer" if kind != "bearer" else "header"]["kind"]
    good = proof(hub, kind, body)
    answers = [
        call(hub, body, {}),
        call(hub, body, proof(hub, kind, body, "another secret of some length")),
        call(hub, body, proof(hub, kind, body, SECRET[:-1])),
        call(hub, body, proof(hub, kind, body, SECRET + "x")),
        call(hub, body, proof(hub, other, body)),
        call(hub, body, good, "B0000999-I"),
        call(hub, body, good, MINISTRY_OFFICE),
        call(hub, body, good, AGENCY_OFFICE),
        call(hub, body, good, "x" * 3000),
        call(hub, body, good, "%00"),
    ]
    assert {one.status_code for one in answers} == {401}
    without_id = [{k: v for k, v in (one.json or {}).items() if k != "instance"} for one in answers]
    assert all(one == without_id[0] for one in without_id)
    assert without_id[0]["code"] == "WASL-DLV-085"
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER]


def test_a_signature_covers_body_and_moment(hub: HubUnderTest, delivery: str) -> None:
    routed(hub, HMAC)
    body = said(delivery, numero="1")
    signed = proof(hub, "hmac", body)
    late = str(int(signed["X-Moment"]) + 1)
    bare = {"X-Signature": signed["X-Signature"].removeprefix("sha256="), "X-Moment": signed["X-Moment"]}
    wrong = [
        (said(delivery, numero="2"), signed),
        (body, signed | {"X-Moment": late}),
        (body, signed | {"X-Moment": ""}),
        (body, signed | {"X-Moment": "9" * 400}),
        (body, signed | {"X-Moment": "yesterday"}),
        (body, signed | {"X-Signature": "sha256="}),
        (body, bare),
        (body, proof(hub, "hmac", body, seconds=301)),
        (body, proof(hub, "hmac", body, seconds=-301)),
    ]
    assert [call(hub, *one).status_code for one in wrong] == [401] * len(wrong)
    assert call(hub, body, proof(hub, "hmac", body, seconds=-299)).status_code == 200


@pytest.mark.parametrize("name", ["short", "empty", "missing"])
def test_a_secret_that_protects_nobody_lets_nobody_in(hub: HubUnderTest, delivery: str, name: str) -> None:
    routed(hub, {"kind": "bearer", "secret": name})
    body = said(delivery, numero="1")
    for secret in ("short", ""):
        assert call(hub, body, {"Authorization": f"Bearer {secret}"}).status_code == 401
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER]


def test_the_certificate_of_the_offices_own_party_proves_it(hub: HubUnderTest, delivery: str) -> None:
    routed(hub, {"kind": "certificate"})
    body = said(delivery, numero="1")
    reporting = hub.gateway.services.reporting
    assert call(hub, body, {}).status_code == 401
    from adapters.contract import Report
    from gateway.domain.errors import NotAuthenticated

    report = Report({"content-type": "application/json"}, body)
    with pytest.raises(NotAuthenticated):
        reporting.take(COMMUNE_OFFICE, report, "A0000001-X")
    [taken] = reporting.take(COMMUNE_OFFICE, report, COMMUNE)
    assert taken.result.value == "taken"


XML_CALL = (
    '<?xml version="1.0" encoding="UTF-8"?><n:rapport xmlns:n="urn:x"><courrier ref="{}"><numero>ج-7</numero>'
    '</courrier><courrier ref="{}"><numero>8</numero></courrier></n:rapport>'
)


def test_a_call_in_xml_tells_of_many(hub: HubUnderTest, delivery: str) -> None:
    [other] = accept(hub, COMMUNE_OFFICE)
    hub.dispatch().run_once(100)
    routed(hub, HMAC, each="courrier", reads={"delivery_id": '"@ref"', "register_number": "numero"})
    body = XML_CALL.format(delivery, other).encode()
    answer = call(hub, body, proof(hub, "hmac", body), media_type="application/xml")
    assert [one["result"] for one in answer.json["news"]] == ["taken", "taken"]  # type: ignore[index]
    assert (row(hub, delivery).register_number, row(hub, other).register_number) == ("ج-7", "8")


BOMB = (
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><r><ref>{}</ref>'
    "<numero>&b;</numero></r>"
)
STRANGE: dict[str, tuple[bytes, str]] = {
    "no-json": (b"{", "application/json"),
    "deep": (b"[" * 60_000, "application/json"),
    "big-number": (b"9" * 60_000, "application/json"),
    "text": (b'"text"', "application/json"),
    "null": (b"null", "application/json"),
    "list": (b"[1, 2, 3]", "application/json"),
    "utf-16": ('{"ref": 1}'.encode("utf-16"), "application/json"),
    "binary": (bytes(range(256)), "application/json"),
    "no-xml": (b"<r>", "application/xml"),
    "entities": (BOMB.encode(), "application/xml"),
    "outside": (b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', "text/xml"),
    "deep-xml": (b"<r>" * 300 + b"</r>" * 300, "application/xml"),
    "wide-xml": (b"<r>" + b"<a/>" * 15_000 + b"</r>", "application/xml"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_not_understood_is_refused(hub: HubUnderTest, delivery: str, name: str) -> None:
    routed(hub, HMAC)
    body, media_type = STRANGE[name]
    answer = call(hub, body, proof(hub, "hmac", body), media_type=media_type)
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-DLV-084")  # type: ignore[index]
    assert call(hub, body, {}, media_type=media_type).status_code == 401


def test_other_media_and_sizes_are_refused_whoever_calls(hub: HubUnderTest, delivery: str) -> None:
    body = said(delivery, numero="1")
    for office in (COMMUNE_OFFICE, "B0000999-I"):
        headers = proof(hub, "hmac", body)
        assert call(hub, body, headers, office, "text/csv").status_code == 415
        packed = headers | {"Content-Encoding": "gzip"}
        assert call(hub, gzip.compress(body), packed, office).status_code == 415
        assert call(hub, b" " * 70_000, headers, office).status_code == 413


def test_another_partys_letter_is_not_there(hub: HubUnderTest, delivery: str) -> None:
    routed(hub, HMAC)
    [foreign] = accept(hub, AGENCY_OFFICE)
    hub.dispatch().run_once(100)
    body = said(foreign, numero="1", etat="traite")
    before = told(hub, foreign)
    answer = call(hub, body, proof(hub, "hmac", body))
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-DLV-082")  # type: ignore[index]
    nowhere = said("01950000-0000-7000-8000-00000000ffff", numero="1", etat="traite")
    same = call(hub, nowhere, proof(hub, "hmac", nowhere))
    assert {**(same.json or {}), "instance": 0} == {**(answer.json or {}), "instance": 0}
    assert told(hub, foreign) == before


def test_a_call_about_several_says_what_became_of_each(hub: HubUnderTest, delivery: str) -> None:
    routed(hub, HMAC, each="lettres")
    lettres = [
        {"ref": delivery, "numero": "1"},
        {"ref": delivery, "numero": "2"},
        {"ref": "x", "numero": "3"},
    ]
    lettres += [{"ref": delivery, "etat": "inconnu"}, {"autre": True}]
    body = json.dumps({"lettres": lettres}).encode()
    answer = call(hub, body, proof(hub, "hmac", body) | {"Accept-Language": "ar"})
    found = answer.json["news"]  # type: ignore[index]
    assert [one["result"] for one in found] == ["taken", "refused", "refused", "refused"]
    codes = [one["problem"]["code"] for one in found[1:]]
    assert codes == ["WASL-DLV-083", "WASL-DLV-082", "WASL-DLV-084"]
    assert "inconnu" in found[3]["problem"]["found"]
    assert answer.headers["Content-Language"] == "ar"


def test_a_call_that_comes_before_the_handover_is_to_be_made_again(hub: HubUnderTest) -> None:
    routed(hub, HMAC)
    [delivery] = accept(hub, COMMUNE_OFFICE)
    body = said(delivery, numero="1")
    answer = call(hub, body, proof(hub, "hmac", body))
    assert (answer.status_code, answer.json["code"]) == (409, "WASL-DLV-019")  # type: ignore[index]
    hub.dispatch().run_once(100)
    assert call(hub, body, proof(hub, "hmac", body)).status_code == 200


def test_nothing_of_a_call_is_written_in_the_log(
    hub: HubUnderTest, delivery: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    routed(hub, {"kind": "bearer", "secret": "target"})
    capfd.readouterr()
    call(hub, said(delivery, numero="x" * 200, objet="طلب سري"), {"Authorization": f"Bearer {SECRET}"})
    call(hub, said(delivery, numero="1"), {"Authorization": f"Bearer {SECRET}-wrong"})
    written = "".join(capfd.readouterr())
    assert "WASL-DLV-084" in written
    assert SECRET not in written
    assert "سري" not in written
