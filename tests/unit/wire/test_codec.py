"""The mapping between content models and their two syntaxes loses nothing."""

import dataclasses
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.domain.content import Kind, item
from gateway.domain.evidence.receipt import Receipt
from gateway.domain.transit.envelope import Attachment, AttachmentRole, Envelope, Recipient, Registration
from gateway.wire.codec import from_json, from_xml, to_json, to_xml
from gateway.wire.models import ENVELOPE, RECEIPT, CarriedReceipt
from gateway.wire.scalars import timestamp
from gateway.wire.schema import faults_of_json, faults_of_xml
from gateway.wire.shapes import bounds, models_in, shapes
from tests.unit.wire.content import complete, moments, values

NS = "urn:example"
WIDE = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def exact(value):
    """A value with its offsets: datetimes are equal whatever their zones are."""
    if dataclasses.is_dataclass(value):
        return {field.name: exact(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [exact(entry) for entry in value]
    return value.isoformat() if isinstance(value, datetime) else value


def through_octets(element):
    return etree.fromstring(etree.tostring(element))


@WIDE
@given(
    st.one_of([values(model.root).map(lambda value, m=model: (m, value)) for model in (ENVELOPE, RECEIPT)])
)
def test_any_value_survives_xml_json_and_xml_again_and_is_valid_in_both(case):
    model, value = case
    first = through_octets(to_xml(value, model.namespace, model.name))
    assert faults_of_xml(model, first) == ()
    tree = to_json(from_xml(model.root, first))
    assert faults_of_json(model, tree) == ()
    read = from_json(model.root, tree)
    assert exact(read) == exact(value)
    again = to_xml(read, model.namespace, model.name)
    assert etree.tostring(again, method="c14n") == etree.tostring(first, method="c14n")


@pytest.mark.parametrize("model", [ENVELOPE, RECEIPT], ids=lambda model: model.stem)
def test_every_declared_field_survives_both_syntaxes(model):
    value = complete(model.root)
    element = through_octets(to_xml(value, model.namespace, model.name))
    assert exact(from_xml(model.root, element)) == exact(value)
    assert exact(from_json(model.root, to_json(value))) == exact(value)
    assert faults_of_xml(model, element) == faults_of_json(model, to_json(value)) == ()


def test_names_are_camel_case_in_json_and_pascal_case_in_xml():
    value = complete(Attachment)
    assert {"id", "sha256", "mediaType", "contentId"} <= set(to_json(value))
    tags = [etree.QName(child).localname for child in to_xml(value, NS, "Attachment")]
    assert tags == [
        "Id", "Name", "MediaType", "Size", "Sha256", "Role", "Validity", "Language", "Description",
        "Schema", "Encryption", "ContentId", "Content",
    ]  # fmt: skip


def test_a_list_is_a_wrapper_with_named_entries():
    element = to_xml(complete(Envelope), NS, "Envelope")
    assert [child.tag for child in element.find(f"{{{NS}}}References")] == [f"{{{NS}}}RelatedReference"]


def test_values_equal_to_their_default_are_left_out():
    assert to_json(Recipient()) == {}
    assert len(to_xml(Recipient(), NS, "Recipient")) == 0


def test_a_default_that_is_written_reads_the_same():
    assert from_json(Recipient, {"role": "to"}) == Recipient()


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", "\t x \n", "]]>", "&amp;", "\x85\u2028", "𝄞", " "])
def test_text_survives_xml_octet_by_octet(text):
    element = through_octets(to_xml(dataclasses.replace(complete(Recipient), unit=text), NS, "Recipient"))
    assert from_xml(Recipient, element).unit == text


def test_text_that_xml_cannot_carry_is_an_error():
    with pytest.raises(ValueError, match="XML compatible"):
        to_xml(Recipient(unit="\x00"), NS, "Recipient")


def test_the_namespace_is_declared_once():
    assert etree.tostring(to_xml(complete(Envelope), NS, "Envelope")).count(b"xmlns") == 1


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), "2030-01-02T03:04:05Z"),
        (
            datetime(2030, 1, 2, 3, 4, 5, 60, tzinfo=timezone(timedelta(hours=-3.5))),
            "2030-01-02T03:04:05.000060-03:30",
        ),
    ],
)
def test_a_moment_keeps_its_offset(moment, text):
    assert timestamp(moment) == text


@given(moments())
def test_a_moment_is_read_as_it_was_written(moment):
    assert datetime.fromisoformat(timestamp(moment)).isoformat() == moment.isoformat()


@pytest.mark.parametrize("zone", [None, timezone(timedelta(seconds=2088))])
def test_a_moment_without_a_zone_of_whole_minutes_is_an_error(zone):
    with pytest.raises(ValueError, match="RFC 3339"):
        timestamp(datetime(2030, 1, 1, tzinfo=zone))


def test_white_space_around_values_that_are_no_text_is_ignored_in_xml():
    element = to_xml(complete(Attachment), NS, "Attachment")
    element.find(f"{{{NS}}}Size").text = "\n 12 \t"
    element.find(f"{{{NS}}}Content").text = "YWJj\r\n ZGVm\n"
    read = from_xml(Attachment, element)
    assert (read.size, read.content) == (12, b"abcdef")


def test_white_space_around_a_code_is_an_error():
    element = to_xml(complete(Attachment), NS, "Attachment")
    element.find(f"{{{NS}}}Role").text = " main "
    with pytest.raises(ValueError, match=AttachmentRole.__name__):
        from_xml(Attachment, element)


@pytest.mark.parametrize("tree", [{"bogus": 1}, {"number": "1"}, {"number": "1", "date": "no"}])
def test_json_that_is_no_value_of_the_model_is_an_error(tree):
    with pytest.raises(ValueError, match=r"\w"):
        from_json(Registration, tree)


@pytest.mark.parametrize(
    "xml",
    [
        '<E xmlns="urn:example"><Bogus/></E>',
        '<E xmlns="urn:other"><Unit>a</Unit><Role>x</Role></E>',
        "<E><Nothing/></E>",
    ],
)
def test_xml_that_is_no_value_of_the_model_is_an_error(xml):
    with pytest.raises(ValueError, match=r"\w"):
        from_xml(Recipient, etree.fromstring(xml))


def test_a_foreign_entry_in_a_list_is_an_error():
    element = to_xml(complete(Envelope), NS, "Envelope")
    etree.SubElement(element.find(f"{{{NS}}}References"), f"{{{NS}}}Other")
    with pytest.raises(ValueError, match="only"):
        from_xml(Envelope, element)


def test_neither_true_nor_false_is_an_error():
    element = to_xml(complete(Envelope), NS, "Envelope")
    element.find(f"{{{NS}}}Test").text = "1"
    with pytest.raises(ValueError, match="neither"):
        from_xml(Envelope, element)


def test_a_carried_receipt_is_the_receipt_and_its_digest():
    carried = complete(CarriedReceipt)
    assert carried.content() == complete(Receipt)
    assert shapes(CarriedReceipt)[-1].name == "content_digest"


def test_models_below_a_root_are_found_once():
    found = models_in(Envelope)
    assert found[0] is Envelope
    assert len(found) == len(set(found)) > 10


class Odd(Enum):
    ONE = "one"


@dataclasses.dataclass
class WithoutKind:
    text: str = item("No kind.")


@dataclasses.dataclass
class WithFloat:
    number: float = item("No such type.")


@dataclasses.dataclass
class WithLeastOctets:
    octets: bytes = item("Base64 cannot state it.", minimum=1)


@dataclasses.dataclass
class WithoutEntryName:
    odd: tuple[Odd, ...] = item("No name for one.", default=())


@pytest.mark.parametrize("model", [WithoutKind, WithFloat, WithLeastOctets])
def test_a_declaration_outside_the_vocabulary_is_an_error(model):
    with pytest.raises(TypeError):
        shapes(model)


def test_a_list_without_a_name_for_its_entries_is_an_error():
    with pytest.raises(TypeError, match="each"):
        to_xml(WithoutEntryName((Odd.ONE,)), NS, "X")


@dataclasses.dataclass(frozen=True)
class Plain:
    low: int = item("Unbounded.", default=0)
    optional: date | None = item("A day.", default=None)
    code: str = item("Longer than its kind.", kind=Kind.CODE, minimum=2, maximum=500, default="aa")


def test_an_integer_without_bounds_stays_where_json_readers_agree():
    low, _, code = shapes(Plain)
    assert bounds(low) == (-(2**53) + 1, 2**53 - 1)
    assert bounds(code) == (2, 128)
