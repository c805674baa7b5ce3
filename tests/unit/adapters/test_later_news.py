"""REST and SOAP systems are asked for news as their routes say, against answers written beforehand."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from datetime import date as Day
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Handed, News, Polls, Report, Reports, Response
from adapters.report import ReportReader
from adapters.rest import RestAdapter
from adapters.soap import SoapAdapter
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary
from tests.unit.adapters.doubles import NOW, context, said, sent
from tests.unit.adapters.test_soap import BROKEN, NO_CONNECTION, ROUTE, WSDL, found, refused, soap

COMMUNE = Path(__file__).parents[3] / "examples/systems/commune_rest"
REST, SOAP = RestAdapter(), SoapAdapter()
LETTERS = tuple(
    Handed(f"018f0000-0000-7000-8000-00000000000{at}", f"7K2M-9QXT-4R{at}", NOW, f"k/{at}") for at in range(4)
)
READS = {"register_number": "numero", "register_date": "du", "register_date_format": "%d/%m/%Y"}
BASE: dict[str, Any] = {
    "base_url": "https://target.example/api",
    "idempotency_header": "Idempotency-Key",
    "tables": {"etats": {"ouvert": "IN_PROGRESS", "clos": "CLOSED"}},
    "create": {"path": "/letters", "body": {"subject": "envelope.subject"}},
}
ONE = {"path": "/letters/{handle}", "success": "id", "reads": READS, "absent_status": 404}
MANY = {
    "path": "/news",
    "method": "POST",
    "body": {"ids": "letters[].deliveryId"},
    "success": "items",
    "each": "items",
    "reads": READS | {"delivery_id": "ref", "progress": "code(etat, 'etats')"},
}
NUMBER = {"id": 1, "numero": "C-1", "du": "27/07/2026"}


def rest(poll: dict[str, Any]) -> dict[str, Any]:
    return {**BASE, "poll": poll}


def test_the_kinds_say_by_route_whether_they_can_be_asked_and_call() -> None:
    for adapter in (REST, SOAP):
        assert isinstance(adapter, Polls)
        assert isinstance(adapter, Reports)
        assert not adapter.can_poll({})
        assert not adapter.can_report({})
        assert adapter.can_poll({"poll": {"x": 1}})
        assert adapter.can_report({"report": {"x": 1}})


def test_each_letter_is_looked_up_under_its_own_name() -> None:
    used = context(rest(ONE), said(200, NUMBER), said(404), said(200, {"id": 2}))
    assert REST.poll(LETTERS[:3], used) == [
        News(LETTERS[0].delivery_id, register_number="C-1", register_date=Day(2026, 7, 27))
    ]
    assert [(one.method, one.url) for one in sent(used)] == [
        ("GET", f"https://target.example/api/letters/k%2F{at}") for at in range(3)
    ]


def test_a_letter_that_can_bring_nothing_is_not_asked_about() -> None:
    numbered, nameless = replace(LETTERS[0], register_number="1"), replace(LETTERS[1], target_reference=None)
    used = context(rest(ONE))
    assert REST.poll((numbered, nameless), used) == []
    assert sent(used) == []
    goes_on = {**ONE, "reads": READS | {"progress": "code(etat, 'etats')"}}
    used = context(rest(goes_on), said(200, {"id": 1, "etat": "clos"}))
    assert REST.poll((numbered,), used) == [News(numbered.delivery_id, progress="CLOSED")]


def test_trouble_with_one_letter_keeps_no_other_from_being_asked_about() -> None:
    answers = (said(500), said(200, NUMBER), said(400), said(200, NUMBER))
    used = context(rest(ONE), *answers)
    assert [one.delivery_id for one in REST.poll(LETTERS, used)] == [
        LETTERS[1].delivery_id,
        LETTERS[3].delivery_id,
    ]


def test_a_target_that_is_out_is_asked_twice_and_no_more() -> None:
    used = context(rest(ONE), said(503), said(503), said(200, NUMBER))
    with pytest.raises(Temporary):
        REST.poll(LETTERS, used)
    assert len(sent(used)) == 2


def test_all_letters_are_asked_about_in_one_call_that_no_earlier_answer_stands_for() -> None:
    items = [{"ref": LETTERS[1].delivery_id, **NUMBER, "etat": "clos"}, {"ref": "x"}, "nonsense", None]
    used = context(rest(MANY), said(200, {"items": items}))
    assert REST.poll(LETTERS, used) == [
        News(LETTERS[1].delivery_id, None, None, "C-1", Day(2026, 7, 27), progress="CLOSED")
    ]
    [call] = sent(used)
    assert json.loads(call.body) == {"ids": [one.delivery_id for one in LETTERS]}
    assert "Idempotency-Key" not in call.headers


TROUBLE: dict[str, Response | Exception] = {
    "page": said(200, b"<html>", "text/html"),
    "other": said(200, {"error": "x"}),
    "cut": Ambiguous("WASL-DLV-004", "cut"),
    "down": Temporary("WASL-DLV-001", "refused"),
    "key": said(401),
}


@pytest.mark.parametrize("name", TROUBLE)
@pytest.mark.parametrize("form", ["one", "many"])
def test_an_answer_that_is_none_is_trouble_that_passes(form: str, name: str) -> None:
    used = context(rest(ONE if form == "one" else MANY), *[TROUBLE[name]] * 2)
    with pytest.raises(Temporary):
        REST.poll(LETTERS[:2], used)


def test_what_cannot_be_read_is_not_left_out_but_told_as_what_cannot_be() -> None:
    reads = READS | {"progress": "code(etat, 'etats')"}
    used = context(rest({**ONE, "reads": reads}), said(200, {**NUMBER, "du": "31/02/2026", "etat": "?"}))
    [news] = REST.poll(LETTERS[:1], used)
    assert news.register_date == Day.min
    assert news.progress is not None
    assert "'?'" in news.progress


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no-success": ({k: v for k, v in ONE.items() if k != "success"}, "poll.success"),
    "no-reads": ({k: v for k, v in ONE.items() if k != "reads"}, "poll.reads"),
    "place": ({**ONE, "path": "/x/{secret}"}, "poll.path"),
    "place-of-one": ({**MANY, "path": "/x/{handle}"}, "poll.path"),
    "unnamed": ({**MANY, "reads": READS}, "poll.reads.delivery_id"),
    "says-nothing": ({**ONE, "reads": {"register_book": "x"}}, "poll.reads.register_number"),
    "table": ({**ONE, "reads": {"progress": "code(x, 'none')"}}, "poll.reads.progress"),
    "unknown": ({**ONE, "colour": "red"}, "poll.colour"),
    "method": ({**ONE, "method": "DELETE"}, "poll.method"),
}


@pytest.mark.parametrize("name", WRONG)
def test_options_that_are_wrong_are_named(name: str) -> None:
    poll, key = WRONG[name]
    faults = REST.check_options(rest(poll))
    assert [fault for fault in faults if fault.startswith(f"{key}:")], faults
    with pytest.raises(Temporary, match="WASL-DLV-007"):
        REST.poll(LETTERS, context(rest(poll)))


def test_the_options_of_the_examples_are_good() -> None:
    route, later = (
        tomllib.loads((COMMUNE / name).read_text("utf-8")) for name in ("route.toml", "later.toml")
    )
    assert REST.check_options({**route, **later}) == []


# SOAP --------------------------------------------------------------------------------------------------

LOOK_UP = {
    "operation": "RechercherCourrier",
    "request": {"IdentifiantExterne": "deliveryId"},
    "success": "NombreTrouve",
    "found": "to_array(Courrier) | [0]",
    "absent_fault": "INCONNU",
    "reads": {"register_number": "NumeroOrdre"},
}


def service(**changes: Any) -> dict[str, Any]:
    return {**ROUTE, "poll": {**LOOK_UP, **changes}}


def test_a_service_is_asked_letter_by_letter() -> None:
    options = service()
    assert SOAP.check_options(options) == []
    adapter = SoapAdapter()
    used = context(options, WSDL, found(1), refused("Client", "INCONNU"), found(0))
    assert adapter.poll(LETTERS[:3], used) == [News(LETTERS[0].delivery_id, register_number="2026/000")]
    assert LETTERS[0].delivery_id.encode() in sent(used)[1].body


def test_a_service_is_asked_about_all_in_one_call() -> None:
    options = service(request={"IdentifiantExterne": "letters[0].deliveryId"}, each="Courrier")
    del options["poll"]["found"], options["poll"]["absent_fault"]
    options["poll"]["reads"] = {"delivery_id": "Identifiant", "register_number": "NumeroOrdre"}
    assert SOAP.check_options(options) == []
    entry = "<Courrier><Identifiant>{}</Identifiant><NumeroOrdre>{}</NumeroOrdre></Courrier>"
    entries = "".join(entry.format(LETTERS[at].delivery_id, at) for at in range(2))
    used = context(options, WSDL, soap(f"<r><NombreTrouve>2</NombreTrouve>{entries}</r>"))
    found_news = SoapAdapter().poll(LETTERS, used)
    assert [(one.delivery_id, one.register_number) for one in found_news] == [
        (LETTERS[0].delivery_id, "0"),
        (LETTERS[1].delivery_id, "1"),
    ]


@pytest.mark.parametrize("trouble", [BROKEN, NO_CONNECTION], ids=["cut", "down"])
def test_a_service_that_is_out_is_asked_again_later(trouble: DeliveryError) -> None:
    used = context(service(), WSDL, trouble, trouble, found(1))
    with pytest.raises(Temporary):
        SoapAdapter().poll(LETTERS, used)
    with pytest.raises(Temporary, match="WASL-DLV-007"):
        SoapAdapter().poll(LETTERS, context(service(operation="Nothing"), WSDL))


def test_wrong_options_of_a_service_are_named() -> None:
    faults = SOAP.check_options(service(absent_fault="(", reads={"register_book": "x"}, operation=""))
    keys = {fault.partition(":")[0] for fault in faults}
    assert keys == {"poll.absent_fault", "poll.reads.register_number", "poll.operation"}
    assert SOAP.check_telling({**ROUTE, "poll": LOOK_UP})


# Calls -------------------------------------------------------------------------------------------------

REPORT = {"auth": {"kind": "certificate"}, "reads": READS | {"reference": "ref"}}


def test_a_call_of_no_letter_is_understood_by_nobody() -> None:
    reader = ReportReader.read({"report": REPORT})
    assert reader is not None
    empty = Report({"content-type": "application/json"}, b'{"ref": "x"}', certified=True)
    with pytest.raises(Permanent, match="WASL-DLV-008"):
        reader.news(empty, context({}))
    with pytest.raises(Permanent, match="WASL-DLV-013"):
        reader.news(replace(empty, certified=False), context({}))


@pytest.mark.parametrize(
    ("auth", "key"),
    [
        ({"kind": "none"}, "report.auth.kind"),
        ({"kind": "bearer"}, "report.auth.secret"),
        ({"kind": "header", "secret": "x", "header": "a b"}, "report.auth.header"),
        ({"kind": "hmac", "secret": "x", "header": "X"}, "report.auth.timestamp_header"),
        (
            {
                "kind": "hmac",
                "secret": "x",
                "header": "X",
                "timestamp_header": "Y",
                "tolerance_seconds": 9999,
            },
            "report.auth.tolerance_seconds",
        ),
        ({"kind": "bearer", "secret": "x", "header": "X"}, "report.auth.header"),
    ],
    ids=["none", "no-secret", "header", "no-moment", "tolerance", "foreign"],
)
def test_a_proof_that_proves_nothing_is_no_option(auth: dict[str, Any], key: str) -> None:
    faults = REST.check_options({**BASE, "report": {**REPORT, "auth": auth}})
    assert [fault for fault in faults if fault.startswith(f"{key}:")], faults
