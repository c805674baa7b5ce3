"""Mappings, their functions, and the view of a letter that they choose from."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from adapters.inline import check_size, inline, placeholder
from adapters.mapping import Expression, Mapping, MappingFault
from adapters.view import Content, letter_view, plain
from gateway.domain.errors import Misconfigured, Permanent, Temporary, Unavailable
from gateway.domain.transit.envelope import Encryption as Encrypted
from gateway.domain.transit.envelope import EncryptionForm
from tests.unit.adapters.doubles import ORIGINAL, PLAN, attachment, envelope, letter

TABLES = {"natures": {"letter": "LET", "bill": "FAC"}, "open": {"letter": "L", "*": "X"}}


def over(expression: str, view: object) -> object:
    return Expression.compile(expression, "there", TABLES).over(view)


def test_tree_of_expressions_takes_the_targets_structure() -> None:
    spec = {
        "Objet": "envelope.subject",
        "Suivi": {"Numero": "reference", "Fois": 1, "Test": False},
        "Liste": ["'so'", "office"],
        "Pieces": "attachments[].{Nom: name, Octets: size}",
    }
    assert Mapping.compile(spec).apply(letter_view(letter())) == {
        "Objet": "Demande fictive <d'essai> & طلب تجريبي",
        "Suivi": {"Numero": "7K2M-9QXT-4RB", "Fois": 1, "Test": False},
        "Liste": ["so", "B0000001-V"],
        "Pieces": [{"Nom": 'plan "été".pdf', "Octets": len(PLAN)}],
    }


def test_what_is_absent_in_the_letter_is_left_out() -> None:
    spec = {"a": "envelope.summary", "b": "files[].{nom: name, langue: language}"}
    filled = Mapping.compile(spec).apply(letter_view(letter()))
    assert "a" not in filled
    assert all("langue" not in file for file in filled["b"])


def test_every_wrong_expression_is_reported_with_its_path() -> None:
    spec = {"a": "foo(", "b": ["len(x)", {"c": "code(x, 'none')"}], "d": "length(a, b)", "e": None}
    with pytest.raises(Misconfigured) as caught:
        Mapping.compile(spec, TABLES, "request")
    paths = [fault.partition(":")[0] for fault in caught.value.faults]
    assert paths == ["request.a", "request.b[0]", "request.b[1].c", "request.d", "request.e"]


@pytest.mark.parametrize("expression", ["not_null(a, b, c)", "map(&date(@, '%Y'), days)", "merge(a)"])
def test_known_functions_with_right_arguments_compile(expression: str) -> None:
    assert Expression.compile(expression, "there").source == expression


def test_unknown_function_inside_an_expression_reference_is_found() -> None:
    with pytest.raises(Misconfigured, match="unknown function 'wrong'"):
        Expression.compile("map(&wrong(@), days)", "there")


def test_failing_expression_is_permanent_and_tells_place_and_type_but_no_content() -> None:
    mapping = Mapping.compile({"x": {"y": "length(secret)"}})
    with pytest.raises(MappingFault) as caught:
        mapping.apply({"secret": 12345})
    assert isinstance(caught.value, Permanent)
    assert caught.value.code == "WASL-DLV-074"
    assert caught.value.path == "mapping.x.y"
    assert "length() found number, takes string or array or object" in caught.value.detail
    assert "12345" not in caught.value.detail


def test_expression_that_does_not_fit_an_answer_reads_as_absent() -> None:
    assert Expression.compile("length(number)", "there").over_answer({"number": 5}) is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("date(day, '%d/%m/%Y')", "31/12/2026"),
        ("date(moment, '%d/%m/%Y %H:%M')", "31/12/2026 23:30"),
        ("date_in(moment, '%d/%m/%Y %H:%M', 'Asia/Tokyo')", "01/01/2027 08:30"),
        ("date_in(day, '%d/%m/%Y', 'Asia/Tokyo')", "31/12/2026"),
        ("date(nothing, '%Y')", None),
        ("date_in(nothing, '%Y', 'UTC')", None),
        ("default(nothing, 'so')", "so"),
        ("default(empty, 'so')", ""),
        ("code(kind, 'natures')", "LET"),
        ("code(nothing, 'natures')", None),
        ("code(nothing, 'open')", "X"),
        ("code(day, 'open')", "X"),
        ("cut(day, `20`)", "2026-12-31"),
        ("cut(day, `5`)", "2026…"),
        ("cut(nothing, `5`)", None),
    ],
)
def test_functions(expression: str, expected: object) -> None:
    view = {"day": "2026-12-31", "moment": "2026-12-31T23:30:00+00:00", "empty": "", "kind": "letter"}
    assert over(expression, view) == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("code(kind, 'natures')", "code table 'natures' has no entry 'strange'"),
        ("code(kind, kind)", "KeyError"),
        ("date(kind, '%Y')", "ValueError"),
        ("date_in('2026-01-01T00:00:00Z', '%Y', 'Nowhere/Land')", "ZoneInfoNotFoundError"),
    ],
)
def test_function_that_fails_names_its_trouble(expression: str, said: str) -> None:
    with pytest.raises(MappingFault, match="there") as caught:
        over(expression, {"kind": "strange"})
    assert said in caught.value.detail


def test_view_has_the_envelope_in_json_names_and_the_hubs_own_facts() -> None:
    view = letter_view(letter(document_type="DEM", possible_duplicate=True))
    assert view["envelope"]["messageId"] == "018f0000-0000-7000-8000-000000000001"
    assert view["envelope"]["purpose"] == "letter"
    assert view["envelope"]["createdAt"] == "2026-07-27T09:30:00+00:00"
    assert view["envelope"]["sender"]["onBehalfOf"] is None
    assert view["documentType"] == "DEM"
    assert view["possibleDuplicate"] is True


def test_view_lists_the_signed_original_after_the_attachments() -> None:
    files = letter_view(letter())["files"]
    assert [file["id"] for file in files] == ["a1", "original"]
    assert files[0]["content"].octets() == PLAN
    assert files[1]["content"].octets() == ORIGINAL
    assert files[1]["name"] == "enveloppe-7K2M-9QXT-4RB.xml"
    assert letter_view(letter(original_media_type="x/y"))["original"]["name"].endswith(".bin")


def test_inline_octets_are_not_copied_into_the_view_of_an_attachment() -> None:
    view = letter_view(letter(envelope=envelope(attachments=(attachment(content=PLAN),))))
    assert isinstance(view["attachments"][0]["content"], Content)


def test_plain_writes_nested_models_lists_and_octets() -> None:
    found = plain(attachment(content=b"\x00\x01", encryption=Encrypted(EncryptionForm.CMS, ("0" * 64,))))
    assert found["content"] == "AAE="
    assert found["encryption"] == {"form": "CMS", "recipients": ["0" * 64]}


@pytest.mark.parametrize("stored", [PLAN[:-1], PLAN + b"x", b"x" * len(PLAN)])
def test_content_that_is_not_as_declared_is_our_trouble_for_now(stored: bytes) -> None:
    content = letter_view(letter({"a1": stored}))["attachments"][0]["content"]
    with pytest.raises(Temporary, match="WASL-DLV-015"):
        content.octets()


@pytest.mark.parametrize("trouble", [OSError("gone"), Unavailable("store")])
def test_store_that_fails_is_our_trouble_for_now(trouble: Exception) -> None:
    def fail() -> io.BytesIO:
        raise trouble

    content = replace(letter_view(letter())["original"]["content"], open=fail)
    with pytest.raises(Temporary, match="WASL-DLV-015"):
        content.octets()


def test_contents_are_put_where_the_mapping_wants_them_within_a_limit() -> None:
    tree = Mapping.compile({"all": "files[].content", "one": "original.content"}).apply(letter_view(letter()))
    filled = inline(tree, Content.octets)
    assert filled == {"all": [PLAN, ORIGINAL], "one": ORIGINAL}
    total = len(PLAN) + 2 * len(ORIGINAL)
    check_size(tree, total)
    with pytest.raises(Permanent, match="WASL-DLV-017"):
        check_size(tree, total - 1)
    assert placeholder(tree["one"]) == "‹enveloppe-7K2M-9QXT-4RB.xml, application/xml, 34 octets›"
