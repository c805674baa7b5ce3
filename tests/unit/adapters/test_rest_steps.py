"""A REST recipe with look-ups before the letter is created and steps between; what trouble in each means."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from adapters.contract import Context, Response
from adapters.mapping import MappingFault
from adapters.rest import RestAdapter
from gateway.domain.errors import Ambiguous, Declined, DeliveryError, Permanent, Temporary
from tests.unit.adapters.doubles import ORIGINAL, PLAN, context, envelope, letter, said, sent

ADAPTER = RestAdapter()
ROUTE: dict[str, Any] = {
    "base_url": "https://target.example",
    "idempotency_header": "Idempotency-Key",
    "before": [
        {
            "name": "folder",
            "method": "GET",
            "path": "/folders",
            "query": {"name": "envelope.recipients[0].unit"},
            "success": "results",
            "reads": {"folder": "results[0].id"},
            "required": True,
        },
        {
            "name": "known",
            "method": "GET",
            "path": "/people/{deliveryId}",
            "absent_status": 404,
            "reads": {"person": "id"},
        },
        {
            "name": "person",
            "path": "/people",
            "when": "!(target.person)",
            "body": {"name": "senderName"},
            "reads": {"person": "id"},
            "rules": [{"status": 409, "outcome": "duplicate"}],
        },
    ],
    "create": {
        "path": "/folders/{folder}/letters",
        "body": {"subject": "envelope.subject", "by": "target.person"},
        "reads": {"handle": "id"},
    },
    "steps": [
        {"name": "lock", "path": "/letters/{handle}/lock", "body": {}, "reads": {"key": "key"}},
        {
            "name": "urgent",
            "path": "/letters/{handle}/urgent",
            "method": "PUT",
            "when": "envelope.priority == 'urgent'",
            "body": {"key": "target.key"},
        },
    ],
    "confirm": {
        "path": "/letters/{handle}/confirm",
        "query": {"key": "target.key"},
        "reads": {"register_number": "number"},
    },
}
FOLDER = said(200, {"results": [{"id": 12}]})
PERSON = said(200, {"id": "p/1"})
CREATED = said(201, {"id": "L1"})
LOCKED = said(200, {"key": "k 1"})
CONFIRMED = said(200, {"number": "2026/4"})
FIVE = (FOLDER, PERSON, CREATED, LOCKED, CONFIRMED)


def using(*answers: Response | Exception, **changes: Any) -> Context:
    return context({**ROUTE, **changes}, *answers)


def fault(used: Context, **changes: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        ADAPTER.deliver(letter(**changes), used)
    return caught.value


def urls(used: Context) -> list[str]:
    return [f"{call.method} {call.url.removeprefix(ROUTE['base_url'])}" for call in sent(used)]


def test_look_ups_come_first_and_what_they_find_is_used_later() -> None:
    assert ADAPTER.check_options(ROUTE) == []
    used = using(*FIVE)
    done = ADAPTER.deliver(letter(), used)
    assert (done.register_number, done.target_reference) == ("2026/4", "L1")
    assert urls(used) == [
        "GET /folders?name=Service+fictif",
        f"GET /people/{letter().delivery_id}",
        "POST /folders/12/letters",
        "POST /letters/L1/lock",
        "POST /letters/L1/confirm?key=k+1",
    ]
    assert sent(used)[2].json["by"] == "p/1"
    keys = [call.headers.get("Idempotency-Key") for call in sent(used)]
    name = letter().delivery_id
    assert keys == [None, None, name, f"{name}:lock", f"{name}:confirm"]


def test_a_step_is_taken_only_where_its_condition_is_true() -> None:
    used = using(FOLDER, said(404), said(201, {"id": "p9"}), CREATED, LOCKED, said(204), CONFIRMED)
    ADAPTER.deliver(letter(envelope=envelope(priority="urgent")), used)
    assert urls(used)[2:] == [
        "POST /people",
        "POST /folders/12/letters",
        "POST /letters/L1/lock",
        "PUT /letters/L1/urgent",
        "POST /letters/L1/confirm?key=k+1",
    ]
    assert sent(used)[3].json["by"] == "p9"
    assert sent(used)[5].json == {"key": "k 1"}


def test_a_duplicate_of_something_before_is_not_the_letter() -> None:
    used = using(FOLDER, said(404), said(409, {"id": "old"}), *FIVE[2:])
    assert ADAPTER.deliver(letter(), used).register_number == "2026/4"
    assert sent(used)[3].json["by"] == "old"
    # nor do the route's own rules, which speak of the letter, speak of what comes before it
    rules = [
        {"status": 409, "outcome": "duplicate"},
        {"status": 400, "outcome": "declined", "ground": "WASL-DLV-031"},
    ]
    assert fault(using(FOLDER, PERSON, said(400), rules=rules)).code == "WASL-DLV-031"
    assert fault(using(said(400), rules=rules)).code == "WASL-DLV-077"


@pytest.mark.parametrize(
    ("answers", "kind", "code"),
    [
        ((said(404),), Permanent, "WASL-DLV-077"),
        ((said(200, {"results": [{}]}),), Permanent, "WASL-DLV-077"),
        ((said(200, {"results": []}),), Temporary, "WASL-DLV-008"),
        ((said(200, b"<html>", "text/html"),), Temporary, "WASL-DLV-008"),
        ((said(500),), Temporary, "WASL-DLV-002"),
        ((said(403),), Temporary, "WASL-DLV-013"),
        ((Ambiguous("WASL-DLV-004", "cut"),), Temporary, "WASL-DLV-004"),
        ((FOLDER, PERSON, Ambiguous("WASL-DLV-004", "cut")), Ambiguous, "WASL-DLV-004"),
        ((FOLDER, PERSON, CREATED, said(400)), Ambiguous, "WASL-DLV-004"),
        ((FOLDER, PERSON, CREATED, LOCKED, said(503)), Ambiguous, "WASL-DLV-004"),
        ((FOLDER, PERSON, said(201, {"odd": 1})), Ambiguous, "WASL-DLV-008"),
    ],
    ids=[
        "404",
        "none",
        "empty",
        "page",
        "500",
        "403",
        "cut",
        "create-cut",
        "lock-400",
        "confirm-503",
        "no-handle",
    ],
)
def test_trouble_means_what_stands_at_the_target_by_then(answers: Any, kind: Any, code: str) -> None:
    found = fault(using(*answers))
    assert (type(found), found.code) == (kind, code)


def test_a_draft_leaves_nothing_in_doubt_before_it_is_confirmed() -> None:
    drafted = {"draft_until_confirm": True}
    assert type(fault(using(FOLDER, PERSON, CREATED, said(500), **drafted))) is Temporary
    assert type(fault(using(*FIVE[:4], Ambiguous("WASL-DLV-004"), **drafted))) is Ambiguous


def test_a_letter_that_a_later_step_does_not_fit_is_held_before_anything_is_sent() -> None:
    steps = [*ROUTE["steps"], {"name": "odd", "path": "/x", "body": {"n": "abs(envelope.subject)"}}]
    used = using(*FIVE, steps=steps)
    found = fault(used)
    assert (type(found), found.code) == (MappingFault, "WASL-DLV-074")
    assert "steps[2].body.n" in found.detail
    assert sent(used) == []
    left_out = [{**steps[2], "when": "envelope.priority == 'urgent'"}]
    assert ADAPTER.deliver(letter(), using(*FIVE, steps=[ROUTE["steps"][0], *left_out])).register_number


@pytest.mark.parametrize("handle", ["..", ".", "", "x" * 3000], ids=["dots", "dot", "empty", "long"])
def test_what_an_answer_puts_into_a_path_cannot_lead_elsewhere(handle: str) -> None:
    used = using(FOLDER, PERSON, said(201, {"id": handle}), LOCKED, CONFIRMED)
    assert type(fault(used)) is Ambiguous
    assert len(sent(used)) == 3
    kept = using(said(200, {"results": [{"id": handle}]}), PERSON)
    assert isinstance(fault(kept), (Permanent, Temporary))
    assert "/letters" not in " ".join(urls(kept))


@pytest.mark.parametrize("handle", ["a/../../admin", "x?y=1#z", "a\r\nb", "%2e%2e", "ملف"])
def test_what_an_answer_puts_into_a_path_is_one_segment(handle: str) -> None:
    used = using(FOLDER, PERSON, said(201, {"id": handle}), LOCKED, CONFIRMED)
    ADAPTER.deliver(letter(), used)
    path = sent(used)[3].url.removeprefix("https://target.example")
    assert path.count("/") == 3
    assert path.isascii()
    assert path.isprintable()
    assert not set(path) & set("?# ")


def test_the_preview_shows_every_call_with_places_for_what_is_answered() -> None:
    shown = ADAPTER.preview(letter(), using())
    assert [f"{call.method} {call.url.removeprefix(ROUTE['base_url'])}" for call in shown] == [
        "GET /folders?name=Service+fictif",
        f"GET /people/{letter().delivery_id}",
        "POST /people",
        "POST /folders/{folder}/letters",
        "POST /letters/{handle}/lock",
        "POST /letters/{handle}/confirm?key={key}",
    ]


# The fault table -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "kind", "code"),
    [
        ({"outcome": "temporary", "retry_after": 9}, Temporary, "WASL-DLV-002"),
        ({"outcome": "permanent"}, Permanent, "WASL-DLV-003"),
        ({"outcome": "ambiguous"}, Ambiguous, "WASL-DLV-004"),
        ({"outcome": "declined", "ground": "WASL-DLV-035"}, Declined, "WASL-DLV-035"),
        ({"outcome": "declined", "ground": "WASL-DLV-039", "words": "why"}, Declined, "WASL-DLV-039"),
        ({"outcome": "declined", "ground": "WASL-DLV-039", "words": "absent"}, Permanent, "WASL-DLV-003"),
    ],
    ids=["temporary", "permanent", "ambiguous", "declined", "other-ground", "wordless"],
)
def test_a_rule_says_what_an_answer_means(outcome: dict[str, Any], kind: Any, code: str) -> None:
    answer = said(200, {"state": "no", "why": "خارج\r\nالاختصاص" + "x" * 600})
    rules = [{"when": "state == 'no'", **outcome}]
    found = fault(using(FOLDER, PERSON, answer, rules=rules))
    assert (type(found), found.code) == (kind, code)
    if isinstance(found, Temporary):
        assert found.retry_after == 9
    if isinstance(found, Declined) and outcome["ground"] == "WASL-DLV-039":
        assert (found.words or "").startswith("خارج الاختصاص")
        assert len(found.words or "") == 500


UPLOAD: dict[str, Any] = {
    "upload": {"path": "/l/{handle}/files", "rules": [{"status": 500, "outcome": "accepted"}]},
    "steps": [
        {
            "name": "stored",
            "method": "GET",
            "path": "/l/{handle}/files",
            "success": "files",
            "reads": {"digests": "files[].sum", "key": "key"},
            "required": True,
        }
    ],
}
PAGE = said(500, b"<html>", "text/html")


@pytest.mark.parametrize("missing", [0, 1, 2], ids=["whole", "one", "all"])
def test_a_step_checks_what_is_really_there_where_uploads_say_nothing(missing: int) -> None:
    sums = [hashlib.sha256(octets).hexdigest() for octets in (PLAN, ORIGINAL)]
    kept = said(200, {"files": [{"sum": one} for one in sums[missing:]] or [{}], "key": "k"})
    used = using(FOLDER, PERSON, CREATED, PAGE, PAGE, kept, CONFIRMED, **UPLOAD)
    assert ADAPTER.check_options(used.options) == []
    if missing:
        assert type(fault(used)) is Ambiguous
    else:
        assert ADAPTER.deliver(letter(), used).digests_confirmed


def test_a_look_up_tells_the_letter_from_others_by_its_own_name() -> None:
    find = {"path": "/s", "success": "r", "found": "r[?id == '{deliveryId}'] | [0]", "reads": {"handle": "n"}}
    name = letter().delivery_id
    others = [{"id": name[:-1], "n": 1}, {"id": name + "0", "n": 2}]
    used = using(said(200, {"r": others}), said(200, {"r": [*others, {"id": name, "n": 3}]}), find=find)
    assert ADAPTER.check_options(used.options) == []
    assert ADAPTER.find(name, "", used) is None
    found = ADAPTER.find(name, "", used)
    assert found is not None
    assert found.target_reference == "3"


def test_a_refusal_once_something_of_the_letter_stands_is_doubt() -> None:
    rules = [{"status": 422, "outcome": "declined", "ground": "WASL-DLV-031"}]
    assert type(fault(using(FOLDER, PERSON, CREATED, said(422), rules=rules))) is Ambiguous


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"before": [{"name": "create", "path": "/x"}]}, "steps"),
        ({"before": [{"name": "A b", "path": "/x"}]}, "before[0].name"),
        ({"before": [{"path": "/x"}]}, "before[0].name"),
        ({"before": [{"name": "a", "path": "/x", "reads": {"handle": "id"}}]}, "before.a.reads.handle"),
        ({"before": [{"name": "a", "path": "/x", "reads": {"unused": "id"}}]}, "before[0].reads.unused"),
        ({"before": [{"name": "a", "path": "/{handle}"}]}, "a.path"),
        ({"before": [{"name": "a", "path": "/x", "when": "["}]}, "before[0].when"),
        ({"before": [{"name": f"a{at}", "path": "/x"} for at in range(21)]}, "steps"),
        ({"steps": [{"name": "a", "path": "/{nowhere}"}]}, "steps[0].path"),
        ({"steps": [{"name": "a", "path": "/x"}, {"name": "a", "path": "/y"}]}, "steps"),
        (
            {"create": {"path": "/x", "body": {}, "reads": {"register_nubmer": "n"}}},
            "create.reads.register_nubmer",
        ),
        ({"confirm": {"path": "/x", "when": "`true`"}}, "confirm.when"),
        ({"create": {"path": "/x", "body": {}, "required": True}}, "create.required"),
        ({"steps": [{"name": "a", "path": "/x", "absent_status": 404}]}, "steps[0].absent_status"),
        ({"probe": {"path": "/x", "rules": [{"status": 400, "outcome": "duplicate"}]}}, "probe.rules"),
        ({"tables": {"t": {"a": "x" * 201}}}, "tables.t"),
        ({"rules": [{"status": 400, "outcome": "declined"}]}, "rules[0].ground"),
        ({"rules": [{"status": 400, "outcome": "declined", "ground": "no"}]}, "rules[0].ground"),
        ({"rules": [{"status": 400, "outcome": "declined", "ground": "WASL-DLV-039"}]}, "rules[0].words"),
        ({"rules": [{"status": 400, "outcome": "permanent", "ground": "WASL-DLV-031"}]}, "rules[0].ground"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_wrong_option_is_named(changes: dict[str, Any], key: str) -> None:
    faults = ADAPTER.check_options({**ROUTE, **changes})
    assert [found for found in faults if found.startswith(f"{key}:")], faults
