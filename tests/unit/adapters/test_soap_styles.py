"""Operations described in other styles than a document that wraps its parameters."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from lxml import etree

from adapters.describing import Parameter
from adapters.soap import SoapAdapter
from gateway.domain.errors import Permanent, Temporary
from tests.unit.adapters.doubles import PLAN, Sent, context, letter, said, sent
from tests.unit.adapters.test_soap import soap

URL = "http://dms.example/service"
CODED = 'encoded" encodingStyle="http://schemas.xmlsoap.org/soap/encoding/'
TYPES = """\
<xsd:complexType name="Piece"><xsd:sequence><xsd:element name="nom" type="xsd:string"/>
<xsd:element name="contenu" type="xsd:base64Binary"/></xsd:sequence></xsd:complexType>
<xsd:element name="objet" type="xsd:string"/><xsd:element name="fichier" type="xsd:base64Binary"/>
<xsd:element name="numero" type="xsd:string"/>"""
AUTH = """\
<xsd:element name="Auth"><xsd:complexType><xsd:sequence>
<xsd:element name="login" type="xsd:string" form="qualified"/>
<xsd:element name="password" type="xsd:string" form="qualified"/>
</xsd:sequence></xsd:complexType></xsd:element>"""
RPC = '<wsdl:part name="objet" type="xsd:string"/><wsdl:part name="piece" type="tns:Piece"/>'
REPLY = soap('<r:DeposerResponse xmlns:r="urn:r"><numero>7</numero></r:DeposerResponse>')


def described(style: str, use: str, parts: str) -> bytes:
    rpc = style == "rpc"
    body = f'<soap:body use="{use}" namespace="urn:r"/>' if rpc else f'<soap:body use="{use}"/>'
    kind = 'type="xsd:string"' if rpc else 'element="tns:numero"'
    answer = f'<wsdl:part name="numero" {kind}/>'
    return f"""<?xml version="1.0"?>
<wsdl:definitions name="R" targetNamespace="urn:r" xmlns:tns="urn:r"
  xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<wsdl:types><xsd:schema targetNamespace="urn:r">{TYPES}</xsd:schema></wsdl:types>
<wsdl:message name="In">{parts}</wsdl:message><wsdl:message name="Out">{answer}</wsdl:message>
<wsdl:portType name="P"><wsdl:operation name="Deposer"><wsdl:input message="tns:In"/>
<wsdl:output message="tns:Out"/></wsdl:operation></wsdl:portType>
<wsdl:binding name="B" type="tns:P"><soap:binding style="{style}"
transport="http://schemas.xmlsoap.org/soap/http"/><wsdl:operation name="Deposer">
<soap:operation soapAction="x"/><wsdl:input>{body}</wsdl:input><wsdl:output>{body}</wsdl:output>
</wsdl:operation></wsdl:binding>
<wsdl:service name="S"><wsdl:port name="Q" binding="tns:B"><soap:address location="{URL}"/></wsdl:port>
</wsdl:service></wsdl:definitions>""".encode()


def called(wsdl: bytes, request: dict[str, Any], reply: Any = REPLY) -> Sent:
    options = {"wsdl_url": f"{URL}?wsdl", "operation": "Deposer", "request": request, "success": "`true`"}
    used = context(options, said(200, wsdl), reply)
    SoapAdapter().deliver(letter(), used)
    return sent(used)[1]


def takes(wsdl: bytes) -> tuple[Parameter, ...]:
    [offer] = SoapAdapter().describe(context({"wsdl_url": f"{URL}?wsdl"}, said(200, wsdl)))
    assert [one.name for one in offer.answers] == ["numero"]
    return offer.takes


@pytest.mark.parametrize("use", ["literal", CODED], ids=["literal", "encoded"])
def test_parts_of_a_remote_procedure_are_parameters(use: str) -> None:
    wsdl = described("rpc", use, RPC)
    names = [(one.name, one.type, [inner.name for inner in one.parameters]) for one in takes(wsdl)]
    assert names == [("objet", "string", []), ("piece", "Piece", ["nom", "contenu"])]
    request = {"objet": "envelope.subject", "piece": "{nom: files[0].name, contenu: files[0].content}"}
    root = etree.fromstring(called(wsdl, request).body)
    assert root.findtext(".//objet") == letter().envelope.subject
    assert base64.b64decode(root.findtext(".//piece/contenu") or "") == PLAN


def test_bare_element_is_the_one_parameter() -> None:
    wsdl = described("document", "literal", '<wsdl:part name="p" element="tns:fichier"/>')
    assert takes(wsdl) == (Parameter("fichier", "base64Binary", required=True),)
    root = etree.fromstring(called(wsdl, {"fichier": "files[0].content"}).body)
    assert base64.b64decode(root.findtext(".//{urn:r}fichier") or "") == PLAN


def test_bare_element_may_be_a_text() -> None:
    wsdl = described("document", "literal", '<wsdl:part name="p" element="tns:objet"/>')
    root = etree.fromstring(called(wsdl, {"objet": "envelope.subject"}).body)
    assert root.findtext(".//{urn:r}objet") == letter().envelope.subject


WITH_HEADER = (
    described("document", "literal", '<wsdl:part name="p" element="tns:objet"/>')
    .decode()
    .replace(
        "<wsdl:portType",
        '<wsdl:message name="H"><wsdl:part name="auth" element="tns:Auth"/></wsdl:message><wsdl:portType',
    )
    .replace('<xsd:element name="objet"', f'{AUTH}<xsd:element name="objet"')
    .replace(
        "<wsdl:input><soap:body",
        '<wsdl:input><soap:header message="tns:H" part="auth" use="literal"/><soap:body',
    )
).encode()


def test_header_that_an_operation_declares_is_mapped_and_sees_the_secret() -> None:
    [offer] = SoapAdapter().describe(context({"wsdl_url": f"{URL}?wsdl"}, said(200, WITH_HEADER)))
    [block] = offer.headers
    assert [one.name for one in block.parameters] == ["login", "password"]
    name = block.name
    options = {
        "wsdl_url": f"{URL}?wsdl",
        "operation": "Deposer",
        "request": {"objet": "envelope.subject"},
        "success": "`true`",
        "auth": {"kind": "soap_header", "secret": "word"},
        "headers": {name: "{login: 'wasl', password: secret}"},
    }
    used = context(options, said(200, WITH_HEADER), REPLY)
    SoapAdapter().deliver(letter(), used)
    root = etree.fromstring(sent(used)[1].body)
    assert root.findtext(".//{*}Header/{urn:r}Auth/{urn:r}login") == "wasl"
    assert root.findtext(".//{*}Header/{urn:r}Auth/{urn:r}password") == "secret of word"
    [shown] = SoapAdapter().preview(letter(), context(options, said(200, WITH_HEADER)))
    assert "secret of word" not in shown.body
    assert "•••" in shown.body
    wrong = {**options, "headers": {"Autre": "secret"}}
    with pytest.raises(Temporary, match="no header Autre"):
        SoapAdapter().deliver(letter(), context(wrong, said(200, WITH_HEADER)))


def test_secret_is_no_part_of_what_a_request_sees() -> None:
    wsdl = described("document", "literal", '<wsdl:part name="p" element="tns:objet"/>')
    options = {
        "wsdl_url": f"{URL}?wsdl",
        "operation": "Deposer",
        "request": {"objet": "default(secret, 'none')"},
        "success": "`true`",
        "auth": {"kind": "soap_header", "secret": "word"},
    }
    used = context(options, said(200, wsdl), REPLY)
    SoapAdapter().deliver(letter(), used)
    assert b"secret of word" not in sent(used)[1].body


def test_bare_element_takes_no_second_value() -> None:
    wsdl = described("document", "literal", '<wsdl:part name="p" element="tns:objet"/>')
    with pytest.raises(Permanent, match="WASL-DLV-074"):
        called(wsdl, {"objet": "envelope.subject", "autre": "reference"})
