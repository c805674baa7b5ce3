"""The published schemas: made from the declarations, documented, and alike in both languages."""

import base64
import copy
import functools
import json
import re
import runpy
from datetime import date, datetime
from enum import Enum

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.assets import xsd_dir
from gateway.domain.content import Kind
from gateway.wire.codec import from_json, to_json
from gateway.wire.envelopes import read_envelope_json, read_envelope_xml
from gateway.wire.json_schema import json_schema
from gateway.wire.lexical import accepts
from gateway.wire.models import ENVELOPE, RECEIPT
from gateway.wire.receipts import read_receipt_json, read_receipt_xml
from gateway.wire.schema import faults_of_json, faults_of_xml
from gateway.wire.shapes import bounds, entries
from tests.unit.wire.content import NOT_XML, complete, holder, places, raw_xml

XS = "{http://www.w3.org/2001/XMLSchema}"
MODELS = [ENVELOPE, RECEIPT]
by_stem = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.stem)
WIDE = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@functools.cache
def _complete(model):
    return to_json(complete(model.root))


@functools.cache
def _places(model):
    return places(model.root)


def verdicts(model, tree):
    """Whether XML and JSON Schema accept a tree, and that the fault lists agree with them."""
    element = etree.fromstring(etree.tostring(raw_xml(model.root, model.namespace, model.name, tree)))
    return not faults_of_xml(model, element), not faults_of_json(model, tree)


@functools.cache
def _build():
    return runpy.run_path(str(xsd_dir() / "build.py"))["documents"]()


def test_the_committed_files_are_those_that_the_declarations_make():
    stale = [path for path, content in _build().items() if (xsd_dir() / path).read_bytes() != content]
    assert stale == [], "run: python xsd/build.py"


def test_no_example_is_left_over():
    made = {path for path in _build() if path.startswith("examples/")}
    assert {f"examples/{path.name}" for path in (xsd_dir() / "examples").iterdir()} == made


@pytest.mark.parametrize("stem", sorted({path.stem for path in (xsd_dir() / "examples").iterdir()}))
def test_an_example_says_the_same_in_both_syntaxes(stem):
    xml, tree = [(xsd_dir() / "examples" / f"{stem}.{suffix}").read_bytes() for suffix in ("xml", "json")]
    if stem.startswith("envelope"):
        assert read_envelope_xml(xml) == read_envelope_json(tree)
    else:
        assert read_receipt_xml(xml) == read_receipt_json(tree)


@by_stem
def test_every_element_and_type_is_documented(model):
    root = etree.parse(str(xsd_dir() / f"{model.stem}.xsd")).getroot()
    declared = root.iter(f"{XS}element", f"{XS}complexType", f"{XS}simpleType", f"{XS}attribute", f"{XS}any")
    named = [one for one in declared if one.get("name") or one.tag == f"{XS}any"]
    assert len(named) > 50
    assert [one.get("name") for one in named if one.find(f"{XS}annotation/{XS}documentation") is None] == []


@by_stem
def test_every_member_and_type_is_described(model):
    schema = json.loads((xsd_dir() / f"{model.stem}.schema.json").read_bytes())
    types = [schema, *schema["$defs"].values()]
    members = [member for one in types for member in one.get("properties", {}).values()]
    assert all(one["description"] for one in [*types, *members])
    assert all(one["unevaluatedProperties"] is False for one in types if one["type"] == "object")
    assert schema["examples"]


@by_stem
def test_both_schemas_are_marked_as_draft(model):
    assert etree.parse(str(xsd_dir() / f"{model.stem}.xsd")).getroot().get("version") == "1.0-draft"
    assert "1.0-draft" in json.loads((xsd_dir() / f"{model.stem}.schema.json").read_bytes())["$comment"]


@by_stem
def test_the_only_wildcard_is_a_trailing_signature(model):
    root = etree.parse(str(xsd_dir() / f"{model.stem}.xsd")).getroot()
    (wildcard,) = root.iter(f"{XS}any", f"{XS}anyAttribute")
    assert wildcard.get("namespace") == "http://www.w3.org/2000/09/xmldsig#"
    assert wildcard.getparent()[-1] is wildcard
    assert [one.get("name") for one in root.iter(f"{XS}attribute")] == ["Id"]


@by_stem
def test_the_json_schema_is_one_of_draft_2020_12(model):
    assert jsonschema_rs.meta.is_valid(json.loads(json_schema(model)))


@by_stem
def test_the_json_schema_refers_to_nothing_outside(model):
    assert set(re.findall(r'"\$ref": "([^#"]*)#', json_schema(model).decode())) == {""}


def _wrong(shape):
    """Values that a field must not have, as JSON would hold them."""
    one = _wrong_leaf(shape)
    if not shape.many:
        return one
    return [[], *([value] for value in one)]


def _wrong_leaf(shape):
    if shape.is_model:
        return ["text", {"noSuchMember": "1"}]
    if issubclass(shape.leaf, Enum):
        return ["nope", "", " " + str(next(iter(shape.leaf)).value)]
    if shape.leaf is str:
        longest = bounds(shape)[1]
        wrong = ["", "x" * (longest + 1), {"inner": "1"}]
        return wrong if shape.item.kind is Kind.TEXT else [*wrong, "a\nb", "\r", "\t"]
    return {
        bool: ["yes", "", "1", "TRUE"],
        int: [-1, 2**60, "1.5", "", "01"],
        bytes: ["!", "QQ=", "QR==", "A" * 4],
        date: ["2030-02-30", "2030-2-3", "1899-12-31", "3000-01-01", "2030-01-01Z", "20300101", ""],
        datetime: [
            "2030-01-01T00:00:00",
            "2030-01-01T24:00:00Z",
            "2030-01-01T23:59:60Z",
            "2030-01-01T00:00:00.1234567Z",
            "2030-01-01T00:00:00+14:01",
            "2030-01-01T00:00Z",
            "2030-02-30T00:00:00Z",
            "2030-01-01t00:00:00z",
            "",
        ],
    }[shape.leaf]


def _mutations(model):
    for place in _places(model):
        for value in _wrong(place.shape):
            if place.shape.leaf is bytes and value == "A" * 4:
                value = "A" * (4 * (bounds(place.shape)[1] // 3) + 4)  # three octets where one is left
            yield place, value


@by_stem
def test_every_wrong_value_of_every_field_is_refused_by_both(model):
    tree = copy.deepcopy(_complete(model))
    accepted = []
    for place, value in _mutations(model):
        inside, last = holder(tree, place.path), place.path[-1]
        right, inside[last] = inside[last], value
        if verdicts(model, tree) != (False, False):
            accepted.append((place.path, value, verdicts(model, tree)))
        inside[last] = right
    assert accepted == []


@by_stem
def test_a_missing_field_is_refused_by_both_exactly_if_it_is_required(model):
    tree = copy.deepcopy(_complete(model))
    for place in _places(model):
        inside, last = holder(tree, place.path), place.path[-1]
        right = inside.pop(last)
        optional = not place.shape.required
        assert verdicts(model, tree) == (optional, optional), place.path
        inside[last] = right


@by_stem
def test_a_field_that_is_not_declared_is_refused_by_both_at_every_level(model):
    tree = copy.deepcopy(_complete(model))
    for path in {place.path[:-1] for place in _places(model)}:
        inside = holder(tree, (*path, "x"))
        inside["noSuchMember"] = "1"
        assert verdicts(model, tree) == (False, False), path
        del inside["noSuchMember"]


@by_stem
def test_a_list_may_have_as_many_entries_as_declared_and_no_more(model):
    tree = copy.deepcopy(_complete(model))
    for place in _places(model):
        if not place.shape.many:
            continue
        inside, last = holder(tree, place.path), place.path[-1]
        right, most = inside[last], entries(place.shape)[1]
        inside[last] = right * most
        assert verdicts(model, tree) == (True, True), place.path
        inside[last] = right * (most + 1)
        assert verdicts(model, tree) == (False, False), place.path
        inside[last] = right


NEARLY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters=NOT_XML), max_size=8),
    st.from_regex(r"[0-9]{3,5}-[0-9]{1,2}-[0-9]{2}", fullmatch=True),
    st.from_regex(
        r"(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9]"
        r"T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,7})?(Z|[+-][01][0-9]:[0-6][0-9])?",
        fullmatch=True,
    ),
    st.from_regex(r"[A-Za-z0-9+/]{0,9}={0,3}", fullmatch=True),
    st.from_regex(r"[A-Z][0-9]{7}-[0-9A-Z]|[a-z]{2,4}(-[a-zA-Z0-9]{1,9}){0,2}", fullmatch=True),
    st.from_regex(r"[a-z0-9!.]{1,5}/[a-z0-9+.]{1,5}", fullmatch=True),
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.stem)
@WIDE
@given(data=st.data())
def test_both_schemas_and_the_fault_finder_agree_on_any_text(model, data):
    texts = [one for one in _places(model) if not one.shape.is_model and one.shape.leaf not in (bool, int)]
    place, text = data.draw(st.sampled_from(texts)), data.draw(NEARLY)
    if place.shape.leaf in (bytes, date, datetime):
        text = "".join(text.split(" "))
        text = text.translate(dict.fromkeys(map(ord, "\t\r\n")))  # white space there is XML's own
    tree = copy.deepcopy(_complete(model))
    holder(tree, place.path)[place.path[-1]] = [text] if place.shape.many else text
    told = accepts(place.shape, text)
    assert verdicts(model, tree) == (told, told)
    if told:
        from_json(model.root, tree)  # what the schemas accept can be decoded


@WIDE
@given(number=st.integers(-(2**54), 2**54))
def test_both_schemas_agree_on_any_integer(number):
    tree = copy.deepcopy(_complete(ENVELOPE))
    tree["attachments"][0]["size"] = number
    fits = 0 <= number <= 5 * 1024**3
    assert verdicts(ENVELOPE, tree) == (fits, fits)


@pytest.mark.parametrize("surplus", [0, 1, 2, 3])
def test_inline_content_is_limited_to_the_octet(surplus):
    tree = copy.deepcopy(_complete(ENVELOPE))
    content = b"\0" * (1024**2 + surplus)
    tree["attachments"][0]["content"] = base64.b64encode(content).decode()
    assert verdicts(ENVELOPE, tree) == (not surplus, not surplus)


def test_length_is_counted_in_characters_by_both():
    tree = copy.deepcopy(_complete(ENVELOPE))
    tree["subject"] = "𝄞" * 240
    assert verdicts(ENVELOPE, tree) == (True, True)
    tree["subject"] = "𝄞" * 241
    assert verdicts(ENVELOPE, tree) == (False, False)


def test_characters_that_xml_cannot_hold_are_refused_in_json():
    for field in ("subject", "body"):
        for character in "\x00\x08\x0b\x1f\ufffe\uffff":
            tree = {**_complete(ENVELOPE), field: f"a{character}"}
            assert faults_of_json(ENVELOPE, tree), (field, character)
    tree = copy.deepcopy(_complete(ENVELOPE))
    tree["attachments"][0]["name"] = "a\x01b"
    assert faults_of_json(ENVELOPE, tree)
