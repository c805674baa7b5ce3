"""What a REST call carries: JSON, XML, forms with several files, a file alone."""

from __future__ import annotations

import base64
from email import message_from_bytes
from typing import Any

import pytest
from lxml import etree

from adapters.contract import Context, Response
from adapters.rest import RestAdapter
from adapters.xml_body import XmlForm
from gateway.domain.errors import DeliveryError, Permanent, Temporary
from tests.unit.adapters.doubles import (
    ORIGINAL,
    PLAN,
    attachment,
    context,
    envelope,
    letter,
    said,
    sent,
)

ADAPTER = RestAdapter()
ARABIC = "طلب رخصة البناء"
XML: dict[str, Any] = {
    "base_url": "https://target.example",
    "create": {
        "path": "/courriers",
        "format": "xml",
        "xml": {"root": "courrier", "namespace": "urn:target:1", "prefixes": {"g": "urn:target:ged"}},
        "body": {
            "@version": "'2'",
            "objet": {"@xml_lang": "envelope.language", "#text": "envelope.subject"},
            "urgent": "envelope.priority == 'urgent'",
            "pieces": {"piece": 'attachments[].{"@taille": size, nom: name, contenu: content}'},
            "#children": [{"g:fin": "'1'"}, {"objet": "'again'"}, {"g:fin": "'2'"}],
        },
        "reads": {"target_reference": "id", "register_number": 'numero."#text"'},
    },
}


def created(**headers: str) -> Response:
    return said(201, {"id": "7"}, **headers)


def form_route(**create: Any) -> dict[str, Any]:
    return {
        "base_url": "https://target.example",
        "create": {"path": "/courriers", "format": "form", "reads": {"target_reference": "id"}, **create},
    }


def failing(options: dict[str, Any], **changes: Any) -> tuple[DeliveryError, Context]:
    used = context(options, created())
    with pytest.raises(DeliveryError) as caught:
        ADAPTER.deliver(letter(**changes), used)
    return caught.value, used


# XML ------------------------------------------------------------------------------------------------


def test_xml_keeps_order_attributes_repeats_namespaces_and_files() -> None:
    assert ADAPTER.check_options(XML) == []
    answer = said(201, '<r><id>9</id><numero livre="ب">12/2026</numero></r>'.encode(), "application/xml")
    used = context(XML, answer)
    done = ADAPTER.deliver(letter(envelope=envelope(subject=ARABIC)), used)
    assert (done.target_reference, done.register_number) == ("9", "12/2026")
    [call] = sent(used)
    assert call.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert call.headers["Accept"].startswith("application/xml")
    root = etree.fromstring(call.body)
    names = [child.tag.replace("{urn:target:1}", "").replace("{urn:target:ged}", "g:") for child in root]
    assert names == ["objet", "urgent", "pieces", "g:fin", "objet", "g:fin"]
    assert root.get("version") == "2"
    assert root[0].text == ARABIC
    [piece] = root.iterfind("{*}pieces/{*}piece")
    assert piece.get("taille") == str(len(PLAN))
    assert base64.b64decode(piece.findtext("{*}contenu") or "") == PLAN


@pytest.mark.parametrize(
    "words",
    ["<!--", "]]>", "</objet><objet>", "&x;", "<![CDATA[x]]>", "\"'", "‮ممنوع", "a\rb"],
    ids=["comment", "cdata-end", "element", "entity", "cdata", "quotes", "bidi", "return"],
)
def test_words_of_a_letter_stay_words_in_xml(words: str) -> None:
    used = context(XML, created())
    ADAPTER.deliver(letter(envelope=envelope(subject=words)), used)
    root = etree.fromstring(sent(used)[0].body)
    assert root[0].text == words
    assert len(root) == 6


def test_characters_that_xml_cannot_have_are_replaced() -> None:
    used = context(XML, created())
    ADAPTER.deliver(letter(envelope=envelope(subject="a\x00b\x0b\ufffe")), used)
    assert etree.fromstring(sent(used)[0].body)[0].text == "a\ufffdb\ufffd\ufffd"


def test_a_name_that_a_letter_makes_and_xml_cannot_have_holds_the_letter() -> None:
    form = XmlForm("r")
    for tree in ({"a b": "1"}, {"@x y": "1"}, {"p:x": "1"}, {"": "1"}, {"a": [[1]]}, {"#children": "x"}):
        with pytest.raises(Permanent, match="WASL-DLV-074"):
            form.write(tree, lambda content: content.name)


def test_the_preview_shows_the_document_with_placeholders_for_files() -> None:
    [shown] = ADAPTER.preview(letter(), context(XML))
    assert "‹plan" in shown.body
    assert "</courrier>" in shown.body


# Forms and files ------------------------------------------------------------------------------------


def parts(call: Any) -> list[Any]:
    head = f"Content-Type: {call.headers['Content-Type']}\r\n\r\n".encode()
    return list(message_from_bytes(head + call.body).get_payload())


def test_a_form_creates_with_fields_and_several_files_in_one_call() -> None:
    options = form_route(
        body={"objet": "envelope.subject", "meta": {"langue": "envelope.language"}},
        types={"meta": "application/json"},
        files=[{"field": "piece", "each": "attachments"}, {"field": "enveloppe", "each": "[original]"}],
    )
    assert ADAPTER.check_options(options) == []
    used = context(options, created())
    done = ADAPTER.deliver(letter(envelope=envelope(subject=ARABIC)), used)
    assert done.target_reference == "7"
    objet, meta, piece, original = parts(sent(used)[0])
    assert objet.get_payload(decode=True).decode() == ARABIC
    assert meta.get_content_type() == "application/json"
    assert (piece.get_param("name", header="content-disposition"), piece.get_payload(decode=True)) == (
        "piece",
        PLAN,
    )
    assert original.get_payload(decode=True) == ORIGINAL


def test_a_form_of_files_alone_needs_no_body() -> None:
    options = form_route(files=[{"each": "files"}])
    assert ADAPTER.check_options(options) == []
    used = context(options, created())
    ADAPTER.deliver(letter(), used)
    assert [part.get_payload(decode=True) for part in parts(sent(used)[0])] == [PLAN, ORIGINAL]


@pytest.mark.parametrize(
    "name", ['a"; x="y', "a\r\nX-Evil: 1", "../../etc/passwd", "صورة.pdf", "a\x00b", "‮fdp.exe"]
)
def test_no_file_name_becomes_a_header_of_a_form(name: str) -> None:
    options = form_route(files=[{"each": "attachments"}])
    used = context(options, created())
    ADAPTER.deliver(letter(envelope=envelope(attachments=(attachment(PLAN, name=name),))), used)
    body = sent(used)[0].body
    head = body.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert len(head) == 3  # boundary, disposition, type
    assert "Evil: 1" not in head[2]
    assert head[1].count('"') == 4


def test_no_media_type_becomes_a_header_of_its_own() -> None:
    options = form_route(files=[{"each": "attachments"}])
    used = context(options, created())
    evil = attachment(PLAN, media_type="text/plain\r\nX-Evil: 1")
    ADAPTER.deliver(letter(envelope=envelope(attachments=(evil,))), used)
    assert b"Evil" not in sent(used)[0].body


def test_an_upload_may_put_the_octets_alone_with_their_media_type() -> None:
    options = {
        "base_url": "https://target.example",
        "create": {"path": "/d", "body": {"s": "envelope.subject"}, "reads": {"handle": "id"}},
        "upload": {
            "path": "/d/{handle}/{fileNumber}/{fileName}",
            "method": "PUT",
            "body": "content",
            "each": "attachments",
            "headers": {"X-Sha256": "file.sha256", "X-Nom": "url(file.name)"},
        },
    }
    assert ADAPTER.check_options(options) == []
    used = context(options, created(), said(204))
    named = attachment(PLAN, name="مخطط.pdf")
    ADAPTER.deliver(letter(envelope=envelope(attachments=(named,))), used)
    call = sent(used)[1]
    assert (call.method, call.body) == ("PUT", PLAN)
    assert call.headers["Content-Type"] == "application/pdf"
    assert call.headers["X-Sha256"] == named.sha256
    assert call.headers["X-Nom"] == "%D9%85%D8%AE%D8%B7%D8%B7.pdf"
    assert call.url == "https://target.example/d/7/1/%D9%85%D8%AE%D8%B7%D8%B7.pdf"


def test_content_that_the_store_does_not_give_as_declared_is_no_letter_sent() -> None:
    options = {
        "base_url": "https://target.example",
        "create": {"path": "/d", "format": "content", "content": "attachments[0].content", "method": "PUT"},
    }
    assert ADAPTER.check_options(options) == []
    used = context(options, said(204))
    ADAPTER.deliver(letter(), used)
    assert sent(used)[0].body == PLAN
    with pytest.raises(Temporary, match="WASL-DLV-015"):
        ADAPTER.deliver(letter({"a1": PLAN[:-1]}), context(options, said(204)))


@pytest.mark.parametrize("name", [".", "..", ""], ids=["dot", "dots", "empty"])
def test_a_file_name_that_would_leave_its_folder_holds_the_letter(name: str) -> None:
    options = {
        "base_url": "https://target.example",
        "create": {"path": "/d", "format": "content", "method": "PUT"},
        "upload": {"path": "/d/{fileName}", "method": "PUT", "body": "content", "each": "attachments"},
    }
    with pytest.raises(DeliveryError):
        ADAPTER.deliver(
            letter(envelope=envelope(attachments=(attachment(PLAN, name=name),))),
            context(options, said(204), said(204)),
        )
    kept = context(options, said(204), said(204))
    ADAPTER.deliver(letter(envelope=envelope(attachments=(attachment(PLAN, name="../a/..%2f"),))), kept)
    assert sent(kept)[1].url == "https://target.example/d/..%2Fa%2F..%252f"


# What stands in headers and queries -----------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    ["a\r\nX-Evil: 1", "a\nb", "\x00", ARABIC, " a", "x" * 2001],
    ids=["crlf", "lf", "nul", "arabic", "space", "long"],
)
def test_a_header_that_a_letter_would_break_holds_it_and_nothing_is_sent(subject: str) -> None:
    options = form_route(files=[], headers={"X-Objet": "envelope.subject"})
    fault, used = failing(options, envelope=envelope(subject=subject))
    assert (type(fault), fault.code) == (Permanent, "WASL-DLV-076")
    assert "create.headers.X-Objet" in fault.detail
    assert sent(used) == []


def test_a_query_is_encoded_whatever_it_holds() -> None:
    options = form_route(query={"q": "envelope.subject", "n": "`7`", "none": "nothing"})
    used = context(options, created())
    ADAPTER.deliver(letter(envelope=envelope(subject="a&b=c#d ?\r\n")), used)
    assert sent(used)[0].url == "https://target.example/courriers?q=a%26b%3Dc%23d+%3F%0D%0A&n=7"


def test_a_body_beyond_measure_holds_the_letter() -> None:
    doubled = "[" + ",".join(["envelope.body"] * 200) + "]"
    options = {
        "base_url": "https://target.example",
        "create": {"path": "/d", "body": {f"f{at}": doubled for at in range(40)}},
    }
    fault, used = failing(options, envelope=envelope(body="x" * 4000))
    assert (type(fault), fault.code) == (Permanent, "WASL-DLV-076")
    assert sent(used) == []


# Options --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("create", "key"),
    [
        ({"format": "yaml"}, "create.format"),
        ({"body": "file"}, "create.body"),
        ({"format": "xml", "body": {}}, "create.xml"),
        ({"format": "xml", "xml": {"root": "a b"}, "body": {}}, "create.xml.prefixes"),
        ({"format": "xml", "xml": {"root": "a"}, "body": {"p:x": "`1`"}}, "create.xml.prefixes"),
        ({"format": "xml", "xml": {"root": "a"}, "body": {"x y": "`1`"}}, "create.xml.prefixes"),
        ({"format": "content", "body": {"x": "`1`"}}, "create.body"),
        ({"types": {"x": "no type"}}, "create.types.x"),
        ({"files": [{"each": "["}]}, "create.files[0].each"),
        ({"headers": {"Host": "'x'"}}, "create.headers.Host"),
        ({"headers": {"X Y": "'x'"}}, "create.headers.X Y"),
        ({"path": "/{fileName}"}, "create.path"),
        ({"media_type": "a\r\nb"}, "create.media_type"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_wrong_option_is_named(create: dict[str, Any], key: str) -> None:
    options = form_route(**create)
    if key == "create.media_type":
        options["create"]["format"] = "json"
        options["create"]["body"] = {}
    faults = ADAPTER.check_options(options)
    assert [fault for fault in faults if fault.startswith(f"{key}:")], faults
