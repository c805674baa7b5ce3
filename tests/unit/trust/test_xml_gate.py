"""Each rule of the gate, on letters that a trusted party signed validly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.errors import Refused
from gateway.domain.evidence.verdict import Level
from gateway.trust.xmlgate import open_xml
from gateway.trust.xmlnames import RECEIPT, child
from tests.assets import rawsign
from tests.assets.rawsign import C14N, ENVELOPED, EXC_C14N, PROPERTIES, ROOT, Reference, Transform
from tests.unit.trust.xmlkit import (
    LETTER,
    LIMITS,
    MOMENT,
    SIGNED_AT,
    SLOT,
    certificate,
    key,
    opened,
    plain,
    properties,
    refusal,
    sign,
    xades,
)

XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"


def body(inside: str) -> str:
    return LETTER.replace("Texte d'essai.", inside)


def signature_of(raw: bytes) -> str:
    text = raw.decode()
    return text[text.index("<ds:Signature ") : text.index("</ds:Signature>") + 15]


def test_a_xades_letter_is_opened() -> None:
    gated = opened(sign(xades()))
    assert (gated.level, gated.references, gated.claimed_time) == (Level.XADES, 2, MOMENT)
    assert (gated.certificate, gated.chain) == (certificate(), ())
    assert gated.method == "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"


def test_a_plain_letter_is_opened_without_a_claimed_time() -> None:
    gated = opened(sign(plain()))
    assert (gated.level, gated.references, gated.claimed_time) == (Level.XMLDSIG, 1, None)


def test_certificates_of_authorities_may_come_along() -> None:
    authority = certificate("p384", ca=True, name="Autorité d'essai")
    gated = opened(sign(plain(certificates=(certificate(), authority))))
    assert (gated.certificate, gated.chain) == (certificate(), (authority,))


def test_another_root_is_refused() -> None:
    assert refusal(sign(plain(), LETTER.replace("Envelope", "Letter"))) == "WASL-XML-012"
    assert refusal(sign(plain(), LETTER.replace("envelope:1.0", "envelope:9"))) == "WASL-XML-012"
    assert refusal(sign(plain()), root=RECEIPT) == "WASL-XML-012"


def test_a_receipt_is_opened_where_a_receipt_is_expected() -> None:
    receipt = LETTER.replace("Envelope", "Receipt").replace("envelope", "receipt")
    assert refusal(sign(xades(), receipt), root=RECEIPT) == "XAdES"


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ('<b xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>', "WASL-XML-006"),
        ('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="a"/>', "WASL-XML-011"),
        ('<i:fallback xmlns:i="http://www.w3.org/2003/XInclude"/>', "WASL-XML-011"),
        ('<b Id="letter"/>', "WASL-XML-010"),
        ('<b ID="letter"/>', "WASL-XML-010"),
        ('<b id=" letter "/>', "WASL-XML-010"),
        ('<b xml:id="letter"/>', "WASL-XML-010"),
        ('<b xmlns:o="urn:other" o:Id="letter"/>', "WASL-XML-010"),
        (f'<m:Manifest xmlns:m="{rawsign.DS}"/>', "WASL-SIG-009"),
    ],
)
def test_forbidden_content_is_refused_though_validly_signed(inside: str, code: str) -> None:
    assert refusal(sign(plain(), body(inside))) == code


def test_declaring_the_schema_instance_prefix_without_use_is_harmless() -> None:
    declared = LETTER.replace(" Id=", ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" Id=')
    assert refusal(sign(plain(), declared)) == "XMLDSig"


def test_an_unsigned_letter_is_refused() -> None:
    assert refusal(LETTER.replace(SLOT, "").encode()) == "WASL-SIG-001"


def test_a_second_signature_is_refused_wherever_it_stands() -> None:
    other = signature_of(sign(plain()))
    assert refusal(sign(plain(), LETTER.replace(SLOT, other + SLOT))) == "WASL-SIG-002"
    assert refusal(sign(plain(), body(other))) == "WASL-SIG-002"


@pytest.mark.parametrize(
    "place",
    [f"{SLOT}<b/>", f"{SLOT}text", f"<b>{SLOT}</b>"],
)
def test_the_signature_must_be_the_last_child_of_the_root(place: str) -> None:
    assert refusal(sign(plain(), LETTER.replace(SLOT, place))) == "WASL-SIG-003"


def test_white_space_after_the_signature_is_harmless() -> None:
    assert refusal(sign(xades(), LETTER.replace(SLOT, f"\n {SLOT}\n"))) == "XAdES"


@pytest.mark.parametrize(
    ("references", "code"),
    [
        ((), "WASL-SIG-004"),
        ((ROOT, PROPERTIES, ROOT, ROOT), "WASL-SIG-004"),
        ((Reference("", (ENVELOPED, EXC_C14N, EXC_C14N)), PROPERTIES), "WASL-SIG-004"),
        ((Reference("", (EXC_C14N,)), PROPERTIES), "WASL-SIG-004"),
        ((PROPERTIES, ROOT), "WASL-SIG-005"),
        ((Reference("#sig"), PROPERTIES), "WASL-SIG-005"),
        ((Reference("#nowhere", octets=b""), PROPERTIES), "WASL-SIG-005"),
        ((Reference("letter.xml", octets=b""), PROPERTIES), "WASL-SIG-005"),
        ((Reference("#xpointer(/)", octets=b""), PROPERTIES), "WASL-SIG-005"),
        ((Reference(None), PROPERTIES), "WASL-SIG-005"),
        ((Reference("", (EXC_C14N, ENVELOPED)), PROPERTIES), "WASL-SIG-006"),
        ((Reference("", (ENVELOPED, Transform(XPATH)), octets=b""), PROPERTIES), "WASL-SIG-006"),
        (
            (Reference("", (ENVELOPED, Transform(XPATH, "<ds:XPath>1</ds:XPath>"))), PROPERTIES),
            "WASL-SIG-006",
        ),
        ((Reference("", (ENVELOPED, rawsign.DS + "base64")), PROPERTIES), "WASL-SIG-006"),
        ((Reference("", (ENVELOPED, EXC_C14N + "WithComments")), PROPERTIES), "WASL-SIG-006"),
        ((ROOT, Reference("#props", (ENVELOPED,), type=rawsign.PROPERTIES_TYPE)), "WASL-SIG-006"),
        ((ROOT, Reference("#props", (EXC_C14N, C14N), type=rawsign.PROPERTIES_TYPE)), "WASL-SIG-006"),
        ((Reference("", digest=rawsign.DS + "sha1"), PROPERTIES), "WASL-SIG-007"),
        ((Reference("", type=rawsign.PROPERTIES_TYPE), PROPERTIES), "WASL-SIG-008"),
        ((ROOT,), "WASL-SIG-008"),
        ((ROOT, Reference("#props", (EXC_C14N,))), "WASL-SIG-008"),
        ((Reference("", type=rawsign.DS + "Manifest"), PROPERTIES), "WASL-SIG-009"),
        ((ROOT, ROOT), "WASL-SIG-017"),
        ((ROOT, PROPERTIES, PROPERTIES), "WASL-SIG-017"),
        ((ROOT, PROPERTIES, Reference("http://127.0.0.1:9/", octets=b"")), "WASL-SIG-017"),
    ],
)
def test_references_out_of_profile_are_refused_though_validly_signed(
    references: tuple[Reference, ...], code: str
) -> None:
    assert refusal(sign(xades(references=references))) == code


def test_a_plain_signature_has_one_reference() -> None:
    covers = Reference("#ki", (EXC_C14N,))
    plan = plain(references=(ROOT, covers))
    assert refusal(sign(plan.but(key_info=rawsign.key_info_of(plan, "ki")))) == "WASL-SIG-004"


def test_a_reference_by_another_spelling_of_id_is_refused() -> None:
    other = LETTER.replace(' Id="letter"', ' xml:id="letter"')
    assert refusal(sign(plain(references=(Reference("#letter"),)), other)) == "WASL-SIG-005"


def prefixes(text: str) -> str:
    return f'<ec:InclusiveNamespaces xmlns:ec="{EXC_C14N}" {text}/>'


@pytest.mark.parametrize(
    "step",
    [
        Transform(C14N, prefixes('PrefixList="ds"')),
        Transform(EXC_C14N, prefixes('PrefixList="a  b"')),
        Transform(EXC_C14N, prefixes(f'PrefixList="{" ".join(["a"] * 33)}"')),
        Transform(EXC_C14N, prefixes('PrefixList="a" Other="b"')),
        Transform(EXC_C14N, prefixes('PrefixList="a"') * 2),
        Transform(EXC_C14N, "text"),
    ],
)
def test_odd_prefix_lists_are_refused(step: Transform) -> None:
    code = refusal(sign(plain(references=(Reference("", (ENVELOPED, step)),))))
    assert code in {"WASL-SIG-006", "WASL-SIG-017"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"method": rawsign.MORE + "ecdsa-sha224"}, "WASL-SIG-007"),
        ({"method": rawsign.MORE + "hmac-sha256", "key": b"shared"}, "WASL-SIG-007"),
        ({"method_inner": "<ds:HMACOutputLength>8</ds:HMACOutputLength>"}, "WASL-SIG-007"),
        ({"c14n": EXC_C14N + "WithComments"}, "WASL-SIG-007"),
        ({"key_info": ""}, "WASL-SIG-010"),
        ({"key_info": "<ds:KeyInfo><ds:KeyName>a</ds:KeyName></ds:KeyInfo>"}, "WASL-SIG-010"),
        ({"certificates": ()}, "WASL-SIG-010"),
        ({"signed_info_extra": "<ds:Other/>"}, "WASL-SIG-017"),
        ({"signed_info_extra": "text"}, "WASL-SIG-017"),
        ({"attributes": ' Other="a"'}, "WASL-SIG-017"),
        ({"tail": "<Other/>"}, "WASL-SIG-017"),
    ],
)
@pytest.mark.parametrize("make", [xades, plain])
def test_signatures_out_of_shape_are_refused(make: object, changes: dict[str, object], code: str) -> None:
    assert refusal(sign(make(**changes))) == code  # type: ignore[operator]


def test_children_out_of_order_are_refused() -> None:
    info = rawsign.key_info_of(plain())
    assert refusal(sign(plain(before_value=info, key_info=""))) == "WASL-SIG-017"


@pytest.mark.parametrize("value", ["", "a", "!!!!", "QUJD<b/>", "QUJ", "é==="])
def test_base64_that_is_none_is_refused(value: str) -> None:
    assert refusal(sign(plain(references=(Reference(value=value),)))) == "WASL-SIG-017"


def key_info(inside: str) -> str:
    carried = rawsign.b64(rawsign.der(certificate()))
    data = f"<ds:X509Data><ds:X509Certificate>{carried}</ds:X509Certificate></ds:X509Data>"
    return f"<ds:KeyInfo>{data}{inside}</ds:KeyInfo>"


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("<ds:KeyName>a</ds:KeyName>", "XMLDSig"),
        ('<ds:RetrievalMethod URI="http://127.0.0.1:9/"/>', "WASL-SIG-017"),
        ("<ds:X509Data/>", "WASL-SIG-010"),
        ("<ds:KeyValue/>", "WASL-SIG-017"),
        ("<ds:KeyValue><ds:Other/></ds:KeyValue>", "WASL-SIG-017"),
    ],
)
def test_key_information_beside_the_certificate(inside: str, code: str) -> None:
    assert refusal(sign(plain(key_info=key_info(inside)))) == code


def ec_value(kind: str) -> str:
    numbers = key(kind).public_key().public_numbers()
    length = numbers.curve.key_size // 8
    point = b"\x04" + numbers.x.to_bytes(length) + numbers.y.to_bytes(length)
    inside = f"<d:PublicKey>{rawsign.b64(point)}</d:PublicKey>"
    return (
        '<ds:KeyValue><d:ECKeyValue xmlns:d="http://www.w3.org/2009/xmldsig11#">'
        f"{inside}</d:ECKeyValue></ds:KeyValue>"
    )


def der_value(kind: str) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    spki = key(kind).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    name = 'd:DEREncodedKeyValue xmlns:d="http://www.w3.org/2009/xmldsig11#"'
    return f"<{name}>{rawsign.b64(spki)}</d:DEREncodedKeyValue>"


@pytest.mark.parametrize("value", [ec_value, der_value])
def test_a_key_value_must_be_the_certificates_key(value: object) -> None:
    assert refusal(sign(plain(key_info=key_info(value("p256"))))) == "XMLDSig"  # type: ignore[operator]
    assert refusal(sign(plain(key_info=key_info(value("p384"))))) == "WASL-SIG-017"  # type: ignore[operator]


def rsa_value(kind: str, more: int = 0) -> str:
    numbers = key(kind).public_key().public_numbers()
    modulus = rawsign.b64(b"\x00" + numbers.n.to_bytes(256))
    exponent = rawsign.b64((numbers.e + more).to_bytes(3))
    inside = f"<ds:Modulus>{modulus}</ds:Modulus><ds:Exponent>{exponent}</ds:Exponent>"
    return f"<ds:KeyValue><ds:RSAKeyValue>{inside}</ds:RSAKeyValue></ds:KeyValue>"


def test_an_rsa_key_value_must_be_the_certificates_key() -> None:
    own = key_info("").replace(
        rawsign.b64(rawsign.der(certificate())), rawsign.b64(rawsign.der(certificate("rsa2048")))
    )

    def beside(value: str) -> bytes:
        return sign(plain("rsa2048", key_info=own.replace("</ds:KeyInfo>", f"{value}</ds:KeyInfo>")))

    assert refusal(beside(rsa_value("rsa2048"))) == "XMLDSig"
    assert refusal(beside(rsa_value("rsa2048", more=2))) == "WASL-SIG-017"
    assert refusal(beside(ec_value("p256"))) == "WASL-SIG-017"


def test_a_certificate_without_readable_constraints_is_no_authoritys() -> None:
    bare = certificate("p384", bare=True)
    assert refusal(sign(plain(certificates=(certificate(), bare)))) == "WASL-SIG-017"


def test_what_was_not_checked_before_is_a_defect_of_ours() -> None:
    with pytest.raises(LookupError):
        child(opened(sign(plain())).root, "Nothing")


def test_a_key_value_of_several_points_is_refused() -> None:
    inside = ec_value("p256")
    point = inside[inside.index("<d:PublicKey") : inside.index("</d:ECKeyValue")]
    assert refusal(sign(plain(key_info=key_info(inside.replace(point, point * 2))))) == "WASL-SIG-017"


def test_an_unreadable_certificate_is_refused() -> None:
    info = "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>QUJD</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
    assert refusal(sign(plain(key_info=info))) == "WASL-CRT-009"


def test_a_second_certificate_that_is_no_authoritys_is_refused() -> None:
    both = (certificate(), certificate("p384", name="Autre bureau"))
    assert refusal(sign(plain(certificates=both))) == "WASL-SIG-017"


LEGACY = rawsign.signing_certificate(rawsign.cert_v2(certificate())).replace("CertificateV2", "Certificate")
OTHER = rawsign.signing_certificate(rawsign.cert_v2(certificate("p384")))
BOTH = rawsign.signing_certificate(rawsign.cert_v2(certificate()) + rawsign.cert_v2(certificate("p384")))
SHA1 = rawsign.signing_certificate(rawsign.cert_v2(certificate(), rawsign.DS + "sha1"))
POLICY = "<xades:SignaturePolicyIdentifier><xades:SignaturePolicyImplied/></xades:SignaturePolicyIdentifier>"
UNSIGNED = (
    "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>{}"
    "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
)
STAMP = UNSIGNED.format("<xades:SignatureTimeStamp><a/></xades:SignatureTimeStamp>")


def data(inside: str) -> str:
    return f"<xades:SignedDataObjectProperties>{inside}</xades:SignedDataObjectProperties>"


@pytest.mark.parametrize(
    ("objects", "code"),
    [
        (properties() + "<ds:Object/>", "WASL-SIG-008"),
        (properties().replace("<ds:Object>", "<ds:Object><Other/>"), "WASL-SIG-008"),
        (properties().replace("<ds:Object>", '<ds:Object Encoding="a">'), "WASL-SIG-008"),
        (properties(target=""), "WASL-SIG-008"),
        (properties(target=' Target="#other"'), "WASL-SIG-008"),
        (properties(target=' Target="sig"'), "WASL-SIG-008"),
        (properties(unsigned=STAMP), "WASL-SIG-008"),
        (properties(more=POLICY), "WASL-SIG-008"),
        (properties(certs=""), "WASL-SIG-008"),
        (properties(certs=LEGACY), "WASL-SIG-008"),
        (properties(certs=rawsign.signing_certificate("")), "WASL-SIG-008"),
        (properties(data=data('<xades:DataObjectFormat ObjectReference="#x"/>')), "WASL-SIG-008"),
        (properties(data=data("<xades:AllDataObjectsTimeStamp/>")), "WASL-SIG-008"),
        (properties(certs=OTHER), "WASL-SIG-011"),
        (properties(certs=BOTH), "WASL-SIG-011"),
        (properties(certs=SHA1), "WASL-SIG-007"),
        (properties(time=""), "WASL-SIG-015"),
        (properties(time=rawsign.signing_time(SIGNED_AT) * 2), "WASL-SIG-015"),
        (properties(more="<xades:SignerRole/>"), "XAdES"),
        (properties(data=data("<xades:CommitmentTypeIndication/>")), "XAdES"),
    ],
)
def test_properties_validly_signed_are_judged(objects: str, code: str) -> None:
    assert refusal(sign(xades(objects=objects))) == code


@pytest.mark.parametrize("inside", ["", "text", "<Other/>"])
def test_an_object_that_is_not_xades_is_refused(inside: str) -> None:
    gone = replace(PROPERTIES, octets=b"")
    plan = plain(references=(ROOT, gone), objects=f"<ds:Object>{inside}</ds:Object>")
    assert refusal(sign(plan)) == "WASL-SIG-008"
    assert refusal(sign(plan.but(references=(ROOT,)))) == "WASL-SIG-008"


def test_properties_of_a_signature_without_id_are_refused() -> None:
    assert refusal(sign(xades(id=None, objects=properties(target=' Target="#"')))) == "WASL-SIG-008"


def test_a_reference_to_properties_that_were_taken_away_is_refused() -> None:
    gone = Reference("#props", (EXC_C14N,), type=rawsign.PROPERTIES_TYPE, octets=b"")
    assert refusal(sign(plain(references=(ROOT, gone)))) == "WASL-SIG-008"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-13-02T03:04:05Z",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-01-02T03:04:05Z",
    ],
)
def test_a_signing_time_without_meaning_is_refused(text: str) -> None:
    objects = properties(rawsign.signing_time(text))
    assert refusal(sign(xades(objects=objects))) == "WASL-SIG-015"


@pytest.mark.parametrize("text", ["2026-01-02T04:04:05+01:00", " 2026-01-02T03:04:05.0000000001Z\n"])
def test_the_claimed_time_is_read_in_utc(text: str) -> None:
    assert opened(sign(xades(objects=properties(rawsign.signing_time(text))))).claimed_time == MOMENT


def test_a_timestamp_over_the_signature_is_taken_where_it_may_stand() -> None:
    stamped = sign(xades(objects=properties(unsigned=STAMP)))
    assert refusal(stamped, long_term=True) == "XAdES"
    other = sign(xades(objects=properties(unsigned=UNSIGNED.format("<xades:Other/>"))))
    assert refusal(other, long_term=True) == "WASL-SIG-008"


def test_a_refusal_says_where() -> None:
    with pytest.raises(Refused) as refused:
        open_xml(sign(plain(signed_info_extra="<ds:Other/>")), LIMITS)
    fault = refused.value.faults[0]
    assert (fault.where, fault.line) == ("/Envelope/Signature/SignedInfo", 1)
    assert fault.found == f"{{{rawsign.DS}}}Other"
