"""A time-stamp over a receipt's seal changes nothing that was sealed, and only its one form is read."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jwcrypto import jwk
from jwcrypto.jws import JWS
from lxml import etree

from certs.testpki import Pki, build
from gateway.domain.errors import Refused, Unavailable
from gateway.trust.jws import FLATTENED, RECEIPT_TYP, open_jws, sign_jws, verify_jws
from gateway.trust.jwstimestamp import add_jws_timestamp, jws_timestamp
from gateway.trust.local_authority import LocalAuthority
from gateway.trust.seal import KeySealer, sign_xml
from gateway.trust.timestamp import BadToken, Stamp, check_imprint, read_token
from gateway.trust.xmlgate import XmlLimits, open_xml
from gateway.trust.xmlnames import EXC, RECEIPT, ds, xades
from gateway.trust.xmlsig import verify_xml
from gateway.trust.xmltimestamp import add_xml_timestamp, xml_timestamp
from tests.support.tsa import openssl_verifies

NOW = datetime.now(UTC)
PAYLOAD = b'{"receipt":"demonstration"}'


class Kept:
    """Implements TimeSource and keeps what it gave."""

    def __init__(self, source: LocalAuthority) -> None:
        self.source, self.stamps = source, list[Stamp]()

    def stamp(self, digest: bytes) -> Stamp:
        self.stamps.append(self.source.stamp(digest))
        return self.stamps[-1]


class Out:
    """Implements TimeSource; nobody answers."""

    def stamp(self, digest: bytes) -> Stamp:
        raise Unavailable("time-stamps")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return build(tmp_path_factory.mktemp("pki"), NOW)


@pytest.fixture(scope="module")
def sealer(pki: Pki) -> KeySealer:
    return KeySealer.from_files(pki.key_path("hub-seal"), pki.certificate_path("hub-seal"))


@pytest.fixture
def source(pki: Pki) -> Kept:
    holder = pki["tsa"]
    return Kept(LocalAuthority(holder.key, holder.certificate, holder.chain, lambda: NOW, os.urandom))


@pytest.fixture(scope="module")
def xml(sealer: KeySealer) -> bytes:
    text = '<Receipt xmlns="urn:wasl:receipt:1.0"><subject xml:lang="ar">طلب &amp; x</subject>\n</Receipt>'
    return sign_xml(etree.fromstring(text), sealer, NOW)


@pytest.fixture(scope="module")
def compact(sealer: KeySealer) -> bytes:
    return sign_jws(PAYLOAD, sealer, RECEIPT_TYP, NOW)


# --- XAdES


def test_time_stamped_xml_is_the_sealed_document_with_one_element_more(xml: bytes, source: Kept) -> None:
    stamped = add_xml_timestamp(xml, source)
    begin, end = b"<xades:UnsignedProperties>", b"</xades:UnsignedProperties>"
    assert stamped[: stamped.index(begin)] + stamped[stamped.index(end) + len(end) :] == xml
    gated = [open_xml(one, XmlLimits(), RECEIPT, long_term=True) for one in (xml, stamped)]
    assert verify_xml(gated[0]) == verify_xml(gated[1])


def test_token_covers_the_signature_value_in_exclusive_form(
    pki: Pki, xml: bytes, source: Kept, tmp_path: Path
) -> None:
    found = xml_timestamp(add_xml_timestamp(xml, source))
    assert found is not None
    token, covered = found
    (stamp,) = source.stamps
    assert token == stamp.token.octets
    check_imprint(read_token(token), covered)
    assert openssl_verifies(stamp.response, covered, pki.trust / "tsa" / "tsa-ca.pem", tmp_path)
    value = etree.fromstring(xml).find(f"{ds('Signature')}/{ds('SignatureValue')}")
    assert value is not None
    shown = (
        f'<ds:SignatureValue xmlns:ds="http://www.w3.org/2000/09/xmldsig#">{value.text}</ds:SignatureValue>'
    )
    assert covered == shown.encode()


@pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="no xmlsec1 here: nobody else confirms the seal")
def test_xmlsec1_still_verifies_the_document(pki: Pki, xml: bytes, source: Kept, tmp_path: Path) -> None:
    file = tmp_path / "receipt.xml"
    file.write_bytes(add_xml_timestamp(xml, source))
    anchors = ["--trusted-pem", str(pki.trust / "seal" / "seal-ca.pem")]
    names = ["--id-attr:Id", "SignedProperties", "--id-attr:Id", "KeyInfo"]
    command = ["xmlsec1", "--verify", "--enabled-key-data", "x509", *anchors, *names, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "SignedInfo References (ok/all): 3/3" in done.stderr


def test_only_a_receipt_may_carry_a_time_stamp(xml: bytes, source: Kept) -> None:
    with pytest.raises(Refused, match="WASL-SIG-008"):
        open_xml(add_xml_timestamp(xml, source), XmlLimits(), RECEIPT)


def test_document_without_a_time_stamp_has_none(xml: bytes) -> None:
    assert xml_timestamp(xml) is None


def test_document_is_not_stamped_twice(xml: bytes, source: Kept) -> None:
    with pytest.raises(BadToken, match="before"):
        add_xml_timestamp(add_xml_timestamp(xml, source), source)
    assert len(source.stamps) == 1


@pytest.mark.parametrize("raw", [b"", b"<a", b"<Receipt/>", b'<!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>'])
def test_what_has_no_signature_is_not_stamped(raw: bytes, source: Kept) -> None:
    with pytest.raises(BadToken):
        add_xml_timestamp(raw, source)


def test_nothing_is_made_while_nobody_stamps(xml: bytes, compact: bytes) -> None:
    with pytest.raises(Unavailable):
        add_xml_timestamp(xml, Out())
    with pytest.raises(Unavailable):
        add_jws_timestamp(compact, Out())


def _stamp(document: etree._Element) -> Any:
    return next(document.iter(xades("SignatureTimeStamp")))


def _twice(stamp: Any) -> None:
    stamp.getparent().append(etree.fromstring(etree.tostring(stamp)))


def _two_tokens(stamp: Any) -> None:
    stamp.append(etree.fromstring(etree.tostring(stamp[-1])))


def _inclusive(stamp: Any) -> None:
    stamp[0].set("Algorithm", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315")


def _prefixes(stamp: Any) -> None:
    etree.SubElement(stamp[0], f"{{{EXC}}}InclusiveNamespaces", PrefixList="xades")


def _include(stamp: Any) -> None:
    stamp.insert(0, etree.Element(xades("Include"), URI="#x"))


def _no_base64(stamp: Any) -> None:
    stamp[-1].text = "*"


def _cer(stamp: Any) -> None:
    stamp[-1].set("Encoding", "http://uri.etsi.org/01903/v1.2.2#CER")


def _other_element(stamp: Any) -> None:
    stamp[-1].tag = xades("XMLTimeStamp")


def _empty(stamp: Any) -> None:
    for one in list(stamp):
        stamp.remove(one)


@pytest.mark.parametrize(
    "change",
    [_twice, _two_tokens, _inclusive, _prefixes, _include, _no_base64, _cer, _other_element, _empty],
)
def test_time_stamp_of_another_form_is_refused(
    xml: bytes, source: Kept, change: Callable[[Any], None]
) -> None:
    document = etree.fromstring(add_xml_timestamp(xml, source))
    change(_stamp(document))
    with pytest.raises(BadToken) as refused:
        xml_timestamp(etree.tostring(document))
    assert refused.value.code == "malformed"


# --- JAdES


def test_time_stamped_jws_verifies_as_the_compact_one(compact: bytes, source: Kept, pki: Pki) -> None:
    stamped = add_jws_timestamp(compact, source)
    members = json.loads(stamped)
    assert [members[name].encode() for name in ("protected", "payload", "signature")] == compact.split(b".")
    gated = open_jws(stamped, FLATTENED, None, RECEIPT_TYP, frozenset({"etsiU"}))
    assert verify_jws(gated).signed_bytes == PAYLOAD
    other = JWS()
    other.deserialize(stamped.decode())
    other.verify(jwk.JWK.from_pem(pki.certificate_path("hub-seal").read_bytes()))
    assert other.payload == PAYLOAD


def test_token_covers_the_base64url_text_of_the_signature(
    pki: Pki, compact: bytes, source: Kept, tmp_path: Path
) -> None:
    found = jws_timestamp(add_jws_timestamp(compact, source))
    assert found is not None
    token, covered = found
    (stamp,) = source.stamps
    assert (token, covered) == (stamp.token.octets, compact.split(b".")[2])
    check_imprint(read_token(token), covered)
    assert openssl_verifies(stamp.response, covered, pki.trust / "tsa" / "tsa-ca.pem", tmp_path)


def test_jws_without_a_time_stamp_has_none(compact: bytes, sealer: KeySealer) -> None:
    assert jws_timestamp(compact) is None
    assert jws_timestamp(sign_jws(PAYLOAD, sealer, RECEIPT_TYP, NOW, flattened=True)) is None


@pytest.mark.parametrize("raw", [b"", b"a.b", b"a.b.c.d", b"{}"])
def test_what_is_no_compact_jws_is_not_stamped(raw: bytes, source: Kept) -> None:
    with pytest.raises(BadToken):
        add_jws_timestamp(raw, source)


TOKEN = base64.b64encode(b"x").decode()
FORM = [{"sigTst": {"tstTokens": [{"val": TOKEN}]}}]


@pytest.mark.parametrize(
    "unsigned",
    [
        None,
        [],
        {},
        "sigTst",
        FORM * 2,
        [base64.urlsafe_b64encode(json.dumps(FORM[0]).encode()).decode()],
        [{"arcTst": FORM[0]["sigTst"]}],
        [{**FORM[0], "cSig": "x"}],
        [{"sigTst": {"tstTokens": []}}],
        [{"sigTst": {"tstTokens": [{"val": TOKEN}] * 2}}],
        [{"sigTst": {"tstTokens": {"val": TOKEN}}}],
        [{"sigTst": {"tstTokens": [{"val": TOKEN, "encoding": "x"}]}}],
        [{"sigTst": {"tstTokens": [{"val": "*"}]}}],
        [{"sigTst": {"tstTokens": [{"val": 5}]}}],
        [{"sigTst": {"tstTokens": [{"val": "é"}]}}],
        [{"sigTst": {"canonAlg": "x", "tstTokens": [{"val": TOKEN}]}}],
    ],
)
def test_time_stamp_of_another_form_in_json_is_refused(unsigned: object) -> None:
    members = {"payload": "", "protected": "", "signature": "c2ln", "header": {"etsiU": unsigned}}
    with pytest.raises(BadToken) as refused:
        jws_timestamp(json.dumps(members).encode())
    assert refused.value.code == "malformed"


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"{" * 100,
        b'{"header": null}',
        b'{"header": ["etsiU"]}',
        b'{"header": {"etsiU": []}, "header": {}}',
        b'{"a": "' + b"x" * 2 * 1024 * 1024 + b'"}',
    ],
)
def test_hostile_json_is_refused(raw: bytes) -> None:
    with pytest.raises(BadToken):
        jws_timestamp(raw)
