"""The REST kind, against answers written beforehand."""

from __future__ import annotations

import base64
import tomllib
from datetime import date as Day
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Context, Finds, Previews, Probes, Response
from adapters.rest import RestAdapter
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary
from tests.unit.adapters.doubles import (
    ORIGINAL,
    PLAN,
    attachment,
    context,
    letter,
    said,
    sent,
)

COMMUNE = tomllib.loads(
    (Path(__file__).parents[3] / "examples/systems/commune_rest/route.toml").read_text("utf-8")
)
SINGLE: dict[str, Any] = {
    "base_url": "https://target.example/api/",
    "create": {
        "path": "/letters",
        "body": {"subject": "envelope.subject", "files": "attachments[].{name: name, data: content}"},
        "reads": {"target_reference": "id", "register_number": "number", "register_date": "day"},
    },
}
ADAPTER = RestAdapter()
BROKEN = Ambiguous("WASL-DLV-004", "cut")
NO_CONNECTION = Temporary("WASL-DLV-001", "refused")


def single(**changes: Any) -> dict[str, Any]:
    """The single-call route with other top-level options."""
    return {**SINGLE, **changes}


def created() -> Response:
    return said(201, {"dossier": {"cle": "k/1", "etat": "ebauche"}})


def stored(digest: str) -> Response:
    return said(201, {"document": {"id": 1, "sha256": digest}})


def confirmed() -> Response:
    return said(
        200, {"dossier": {"numero": "C-26-00042", "etat": "enregistre", "enregistre_le": "27/07/2026"}}
    )


def digest(octets: bytes) -> str:
    return attachment(octets).sha256


def whole_recipe(*changes: tuple[int, Response | Exception]) -> Context:
    answers: list[Response | Exception] = [
        created(),
        stored(digest(PLAN)),
        stored(digest(ORIGINAL)),
        confirmed(),
    ]
    for at, answer in changes:
        answers[at] = answer
    return context(COMMUNE, *answers)


def fault(used: Context) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        ADAPTER.deliver(letter(), used)
    return caught.value


def test_kind_offers_every_optional_protocol() -> None:
    assert isinstance(ADAPTER, Finds)
    assert isinstance(ADAPTER, Previews)
    assert isinstance(ADAPTER, Probes)


def test_single_call_carries_the_mapped_letter_and_reads_the_answer() -> None:
    used = context(SINGLE, said(201, {"id": 17, "number": "2026/9", "day": "2026-07-27T10:00:00+01:00"}))
    done = ADAPTER.deliver(letter(), used)
    assert (done.target_reference, done.register_number) == ("17", "2026/9")
    assert done.register_date == Day(2026, 7, 27)
    assert done.answer_media_type == "application/json"
    [call] = sent(used)
    assert (call.method, call.url) == ("POST", "https://target.example/api/letters")
    assert call.json["subject"] == letter().envelope.subject
    assert base64.b64decode(call.json["files"][0]["data"]) == PLAN


@pytest.mark.parametrize("day", ["demain", "31/02/2026", True, None, ["2026-01-01"]])
def test_register_date_in_another_form_is_absent_and_the_letter_delivered(day: Any) -> None:
    done = ADAPTER.deliver(letter(), context(SINGLE, said(201, {"id": "1", "day": day})))
    assert (done.target_reference, done.register_date) == ("1", None)


def test_recipe_creates_uploads_each_file_and_confirms() -> None:
    used = whole_recipe()
    done = ADAPTER.deliver(letter(), used)
    assert (done.register_number, done.register_date) == ("C-26-00042", Day(2026, 7, 27))
    assert done.target_reference == "C-26-00042"
    assert done.digests_confirmed
    calls = sent(used)
    assert [call.url.removeprefix(COMMUNE["base_url"]) for call in calls] == [
        "/dossiers",
        "/dossiers/k%2F1/documents",
        "/dossiers/k%2F1/documents",
        "/dossiers/k%2F1/valider",
    ]
    assert all(call.headers["X-Api-Key"] == "secret of commune-key" for call in calls)


def test_each_call_has_its_own_key_that_is_the_same_in_a_repeat() -> None:
    first, second = whole_recipe(), whole_recipe()
    ADAPTER.deliver(letter(), first)
    ADAPTER.deliver(letter(), second)
    keys = [call.headers["Idempotency-Key"] for call in sent(first)]
    assert keys[0] == letter().delivery_id
    assert len(set(keys)) == 4
    assert sent(first) == sent(second)


def test_upload_is_a_form_with_escaped_file_name_and_untouched_octets() -> None:
    used = whole_recipe()
    ADAPTER.deliver(letter(), used)
    form = sent(used)[1]
    boundary = form.headers["Content-Type"].partition("boundary=")[2].encode()
    parts = form.body.split(b"--" + boundary)
    assert parts[0] == b""
    assert parts[-1] == b"--\r\n"
    assert b'name="designation"' in parts[1]
    assert 'filename="plan %22été%22.pdf"'.encode() in parts[2]
    assert parts[2].endswith(b"Content-Type: application/pdf\r\n\r\n" + PLAN + b"\r\n")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (said(429, retry_after="7"), Temporary, "WASL-DLV-012"),
        (said(503), Temporary, "WASL-DLV-002"),
        (said(401), Temporary, "WASL-DLV-013"),
        (said(403), Temporary, "WASL-DLV-013"),
        (said(408), Temporary, "WASL-DLV-002"),
        (said(404), Permanent, "WASL-DLV-003"),
        (said(422, {"error": "no"}), Permanent, "WASL-DLV-003"),
        (said(500), Ambiguous, "WASL-DLV-002"),
        (said(504), Ambiguous, "WASL-DLV-002"),
        (said(302), Ambiguous, "WASL-DLV-008"),
        (said(200, b"<html>Welcome</html>", "text/html"), Ambiguous, "WASL-DLV-008"),
        (said(200, b"[" * 100_000), Ambiguous, "WASL-DLV-008"),
        (said(200, {"error": "not a success"}), Ambiguous, "WASL-DLV-008"),
        (said(200), Ambiguous, "WASL-DLV-008"),
        (NO_CONNECTION, Temporary, "WASL-DLV-001"),
        (BROKEN, Ambiguous, "WASL-DLV-004"),
        (Permanent("WASL-DLV-006"), Permanent, "WASL-DLV-006"),
    ],
)
def test_trouble_with_the_call_that_hands_over(answer: Any, kind: type, code: str) -> None:
    found = fault(context(SINGLE, answer))
    assert type(found) is kind
    assert found.code == code


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said(500), Temporary),
        (said(429), Temporary),
        (said(422), Permanent),
        (said(200, b"<html>", "text/html"), Temporary),
        (BROKEN, Temporary),
        (NO_CONNECTION, Temporary),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_while_only_a_draft_stands_nothing_is_ambiguous(at: int, answer: Any, kind: type) -> None:
    assert type(fault(whole_recipe((at, answer)))) is kind


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(said(500), Ambiguous), (BROKEN, Ambiguous), (said(503), Temporary), (said(422), Permanent)],
)
def test_confirming_a_draft_is_the_call_that_hands_over(answer: Any, kind: type) -> None:
    assert type(fault(whole_recipe((3, answer)))) is kind


@pytest.mark.parametrize(
    "answer", [said(500), said(422), said(503), BROKEN, NO_CONNECTION, said(200, b"<p>")]
)
@pytest.mark.parametrize("at", [1, 3])
def test_once_an_earlier_call_had_effect_everything_is_ambiguous(at: int, answer: Any) -> None:
    options = {**COMMUNE, "draft_until_confirm": False}
    answers: list[Any] = [created(), stored(digest(PLAN)), stored(digest(ORIGINAL)), confirmed()]
    answers[at] = answer
    found = fault(context(options, *answers))
    assert type(found) is Ambiguous
    assert found.code == "WASL-DLV-004"


def test_draft_without_a_handle_is_no_answer() -> None:
    options = {**COMMUNE, "create": {**COMMUNE["create"], "success": "`true`"}}
    found = fault(context(options, said(201, {})))
    assert (type(found), found.code) == (Temporary, "WASL-DLV-008")


@pytest.mark.parametrize("handle", [".", ".."])
def test_handle_that_would_climb_out_of_the_path_is_no_answer(handle: str) -> None:
    assert fault(whole_recipe((0, said(201, {"dossier": {"cle": handle}})))).code == "WASL-DLV-008"


def test_target_that_stored_something_else_is_not_believed() -> None:
    found = fault(whole_recipe((1, stored("0" * 64))))
    assert (type(found), found.code) == (Temporary, "WASL-DLV-008")
    assert "file a1" in found.detail


def test_digests_count_only_when_all_attachments_are_confirmed() -> None:
    silent = said(201, {"document": {"id": 1}})
    assert not ADAPTER.deliver(letter(), whole_recipe((1, silent))).digests_confirmed


def test_upload_of_attachments_alone_leaves_the_original_out() -> None:
    options = {**COMMUNE, "upload": {**COMMUNE["upload"], "each": "attachments"}}
    used = context(options, created(), stored(digest(PLAN)), confirmed())
    ADAPTER.deliver(letter(), used)
    assert len(sent(used)) == 3


def test_upload_that_chooses_no_files_is_a_wrong_mapping() -> None:
    options = {**COMMUNE, "upload": {**COMMUNE["upload"], "each": "attachments[].name"}}
    assert fault(context(options, created())).code == "WASL-DLV-074"


@pytest.mark.parametrize("octets", [PLAN[:-1], PLAN + b"x", b"y" * len(PLAN)])
def test_content_that_is_not_as_declared_never_completes_a_form(octets: bytes) -> None:
    used = whole_recipe()
    with pytest.raises(Temporary, match="WASL-DLV-015"):
        ADAPTER.deliver(letter({"a1": octets}), used)
    assert len(sent(used)) == 1


def test_store_that_fails_during_an_upload_is_our_trouble() -> None:
    def fail(_: object) -> Any:
        raise OSError("disk")

    with pytest.raises(Temporary, match="WASL-DLV-015"):
        ADAPTER.deliver(letter(open=fail), whole_recipe())


def test_files_over_the_inline_limit_are_never_sent() -> None:
    used = context(single(max_inline_bytes=len(PLAN) - 1))
    assert fault(used).code == "WASL-DLV-017"
    assert sent(used) == []


def test_failing_mapping_is_permanent_before_anything_is_sent() -> None:
    used = context(single(create={"path": "/", "body": {"x": "length(`5`)"}}))
    found = fault(used)
    assert isinstance(found, Permanent)
    assert found.code == "WASL-DLV-074"
    assert sent(used) == []


def test_wrong_options_wait_for_an_operator() -> None:
    found = fault(context({"base_url": "ftp://x"}))
    assert type(found) is Temporary
    assert "base_url" in found.detail


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 27 Jul 2026 09:31:30 GMT", 90.0),
        ("Mon, 27 Jul 2026 09:31:30", 90.0),
        ("Mon, 27 Jul 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("9" * 400, None),
        ("", None),
    ],
)
def test_wait_that_the_target_asks_for(value: str, seconds: float | None) -> None:
    found = fault(context(SINGLE, said(503, retry_after=value)))
    assert isinstance(found, Temporary)
    assert found.retry_after == seconds


RULES = [
    {"status": 409, "when": "code == 'KNOWN'", "outcome": "duplicate"},
    {"status": 500, "outcome": "temporary", "retry_after": 9},
    {"when": "code == 'BUSY'", "outcome": "temporary"},
    {"when": "code == 'NEVER'", "outcome": "permanent"},
    {"when": "code == 'HM'", "outcome": "ambiguous"},
    {"when": "code == 'FINE'", "outcome": "accepted"},
]


@pytest.mark.parametrize(
    ("answer", "kind", "wait"),
    [
        (said(500, b"<html>"), Temporary, 9),
        (said(200, {"code": "BUSY"}), Temporary, None),
        (said(503, {"code": "NEVER"}), Permanent, None),
        (said(400, {"code": "HM"}), Ambiguous, None),
        (said(409, {"code": "OTHER"}), Permanent, None),
    ],
)
def test_rules_decide_before_the_status_does(answer: Any, kind: type, wait: float | None) -> None:
    found = fault(context(single(rules=RULES), answer))
    assert type(found) is kind
    assert getattr(found, "retry_after", None) == wait


def test_rule_can_accept_an_unusual_answer() -> None:
    done = ADAPTER.deliver(letter(), context(single(rules=RULES), said(418, {"code": "FINE", "id": "z"})))
    assert done.target_reference == "z"


def test_duplicate_is_a_delivery_read_from_the_same_answer() -> None:
    used = context(single(rules=RULES), said(409, {"code": "KNOWN", "id": "7"}))
    assert ADAPTER.deliver(letter(), used).target_reference == "7"
    by_status = context(single(rules=[{"status": 409, "outcome": "duplicate"}]), said(409, b"<p>known</p>"))
    assert ADAPTER.deliver(letter(), by_status).target_reference is None


FIND = {
    "path": "/letters?key={deliveryId}&ref={reference}",
    "success": "items != null",
    "found": "items[0]",
    "reads": {"register_number": "number"},
    "absent_status": 404,
}


def test_duplicate_is_looked_up_where_the_route_can() -> None:
    options = single(rules=RULES, find=FIND)
    used = context(options, said(409, {"code": "KNOWN"}), said(200, {"items": [{"number": "9"}]}))
    assert ADAPTER.deliver(letter(), used).register_number == "9"


@pytest.mark.parametrize("answer", [said(200, {"items": []}), said(500), BROKEN, NO_CONNECTION])
def test_duplicate_that_the_look_up_does_not_show_is_ambiguous(answer: Any) -> None:
    used = context(single(rules=RULES, find=FIND), said(409, {"code": "KNOWN"}), answer)
    assert type(fault(used)) is Ambiguous


def test_find_gives_the_earlier_delivery() -> None:
    used = context(single(find=FIND), said(200, {"items": [{"number": "2026/9"}]}))
    found = ADAPTER.find("d 1", "7K2M-9QXT-4RB", used)
    assert found is not None
    assert found.register_number == "2026/9"
    [call] = sent(used)
    assert (call.method, call.url) == (
        "GET",
        "https://target.example/api/letters?key=d%201&ref=7K2M-9QXT-4RB",
    )
    assert "Idempotency-Key" not in call.headers


@pytest.mark.parametrize("answer", [said(200, {"items": []}), said(404, b"<html>")])
def test_find_is_sure_of_an_absence_only_by_the_answer_agreed(answer: Response) -> None:
    assert ADAPTER.find("d", "r", context(single(find=FIND), answer)) is None


@pytest.mark.parametrize(
    "answer", [said(200, {"error": "no"}), said(200, b"<html>"), said(200), said(500), BROKEN, NO_CONNECTION]
)
def test_find_that_got_no_answer_says_so(answer: Any) -> None:
    with pytest.raises(Temporary):
        ADAPTER.find("d", "r", context(single(find=FIND), answer))


def test_find_without_a_look_up_cannot_tell() -> None:
    with pytest.raises(Ambiguous, match="no look-up"):
        ADAPTER.find("d", "r", context(SINGLE))


def test_preview_shows_every_call_without_secrets_contents_or_sending() -> None:
    def never(_: object) -> Any:
        raise AssertionError("a preview read a content")

    used = context(COMMUNE)
    shown = ADAPTER.preview(letter(open=never), used)
    assert [request.url.rpartition("/")[2] for request in shown] == [
        "dossiers",
        "documents",
        "documents",
        "valider",
    ]
    assert shown[0].headers["X-Api-Key"] == "•••"
    assert "secret" not in str(shown)
    assert '"deposant": "Ministère fictif du Plan"' in shown[0].body
    assert "document=‹" in shown[1].body
    assert sent(used) == []
    [one] = ADAPTER.preview(letter(open=never), context(SINGLE))
    assert f"{len(PLAN)} octets›" in one.body


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ({"kind": "bearer", "secret": "s"}, "Bearer secret of s"),
        (
            {"kind": "basic", "secret": "s", "username": "u"},
            "Basic " + base64.b64encode(b"u:secret of s").decode(),
        ),
        ({"kind": "none"}, None),
    ],
)
def test_credentials(auth: dict[str, str], expected: str | None) -> None:
    used = context(single(auth=auth, headers={"X-Room": "7"}), said(201, {"id": "1"}))
    ADAPTER.deliver(letter(), used)
    assert sent(used)[0].headers.get("Authorization") == expected
    assert sent(used)[0].headers["X-Room"] == "7"


def test_secret_that_would_break_a_header_is_not_sent() -> None:
    used = context(single(auth={"kind": "bearer", "secret": "a\r\nX-Evil: 1"}))
    assert fault(used).code == "WASL-DLV-013"
    assert sent(used) == []


def test_form_fields_that_are_no_text_are_written_as_json() -> None:
    fields = {"n": "file.size", "ok": "`true`", "c": "original.content", "id": "target.handle"}
    options = {**COMMUNE, "upload": {**COMMUNE["upload"], "fields": fields}}
    used = context(options, created(), stored(digest(PLAN)), stored(digest(ORIGINAL)), confirmed())
    ADAPTER.deliver(letter(), used)
    body = sent(used)[1].body
    for line in (f"{len(PLAN)}\r\n", "true\r\n", "enveloppe-7K2M-9QXT-4RB.xml\r\n", "k/1\r\n"):
        assert f"\r\n\r\n{line}".encode() in body


def test_probe_asks_the_probe_address() -> None:
    used = context(COMMUNE, said(200, {"etat": "en service"}))
    assert "HTTP 200" in ADAPTER.probe(used)
    assert sent(used)[0].url.endswith("/etat")
    with pytest.raises(Temporary, match="WASL-DLV-008"):
        ADAPTER.probe(context(COMMUNE, said(200, {"etat": "fermé"})))


def test_probe_without_an_address_says_how_little_it_tested() -> None:
    assert "no probe step" in ADAPTER.probe(context(SINGLE, said(404)))


def test_route_that_sends_a_key_can_be_repeated() -> None:
    assert ADAPTER.honours_repeats(COMMUNE)
    assert not ADAPTER.honours_repeats(SINGLE)


def test_options_of_the_examples_are_good() -> None:
    assert ADAPTER.check_options(COMMUNE) == []
    assert ADAPTER.check_options(SINGLE) == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"base_url": ""}, "base_url"),
        ({"base_url": "https://user:pw@host/"}, "base_url"),
        ({"base_url": "https://host/#x"}, "base_url"),
        ({"base_url": "https://host:port/"}, "base_url"),
        ({"base_url": "https:///nowhere"}, "base_url"),
        ({"base_url": 5}, "base_url"),
        ({"create": None}, "create"),
        ({"create": []}, "create"),
        ({"create": {"path": "/x"}}, "create.body"),
        ({"create": {"path": "/x", "body": []}}, "create.body"),
        ({"create": {"body": {}}}, "create.path"),
        ({"create": {"path": "x", "body": {}}}, "create.path"),
        ({"create": {"path": "/{who}", "body": {}}}, "create.path"),
        ({"create": {"path": "/{handle}", "body": {}}}, "create.path"),
        ({"create": {"path": "/", "body": {"a": "b("}}}, "create.body.a"),
        ({"create": {"path": "/", "body": {}, "method": "GET"}}, "create.method"),
        ({"create": {"path": "/", "body": {}, "reads": {"colour": "x"}}}, "create.reads.colour"),
        ({"create": {"path": "/", "body": {}, "reads": {"handle": 5}}}, "create.reads.handle"),
        ({"upload": {"path": "/", "each": "a("}}, "upload.each"),
        ({"find": {"path": "/", "found": "x"}}, "find.success"),
        ({"find": {"path": "/", "success": "x"}}, "find.found"),
        ({"find": {**FIND, "method": "POST"}}, "find.method"),
        ({"draft_until_confirm": True}, "draft_until_confirm"),
        ({"draft_until_confirm": "yes"}, "draft_until_confirm"),
        ({"max_inline_bytes": -1}, "max_inline_bytes"),
        ({"max_inline_bytes": True}, "max_inline_bytes"),
        ({"auth": {"kind": "wsse", "secret": "x"}}, "auth.kind"),
        ({"auth": {"kind": "header", "secret": "x"}}, "auth.header"),
        ({"auth": {"kind": "basic", "secret": "x"}}, "auth.username"),
        ({"auth": {"kind": "bearer"}}, "auth.secret"),
        ({"headers": {"X Y": "z"}}, "headers.X Y"),
        ({"headers": {"X": "a\r\nb"}}, "headers.X"),
        ({"headers": {"X": 5}}, "headers"),
        ({"rules": [{"outcome": "temporary"}]}, "rules[0].when"),
        ({"rules": [{"status": 1, "outcome": "perhaps"}]}, "rules[0].outcome"),
        ({"rules": {"status": 1}}, "rules"),
        ({"colour": "blue"}, "colour"),
        ({"tables": {"t": {"a": 5}}}, "tables.t"),
    ],
)
def test_wrong_option_is_named(changes: dict[str, Any], key: str) -> None:
    options = {name: value for name, value in single(**changes).items() if value is not None}
    faults = ADAPTER.check_options(options)
    assert [fault for fault in faults if fault.startswith(f"{key}:")], faults
