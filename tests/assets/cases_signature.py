"""Signatures that a trusted party made validly, in ways that no profile allows, or that are void."""

from __future__ import annotations

from lxml import etree

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases
from tests.assets.rawsign import C14N, ENVELOPED, EXC_C14N, SHA256, SLOT, Reference, Transform

XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XPATH_FILTER = "http://www.w3.org/2002/06/xmldsig-filter2"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
BASE64 = rs.DS + "base64"
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def cases(bench: Bench) -> Cases:
    """Every case about the signature element itself."""
    yield from _counting(bench)
    yield from _identifiers(bench)
    yield from _references(bench)
    yield from _transforms(bench)
    yield from _floods(bench)
    yield from _algorithms(bench)
    yield from _values(bench)
    yield from _key_info(bench)
    yield from _structure(bench)
    yield from _changed(bench)


def _root(*transforms: str | Transform, octets: object = None, **changes: object) -> Reference:
    return Reference("", transforms, octets=octets, **changes)  # type: ignore[arg-type]


def _counting(bench: Bench) -> Cases:
    """None, several, and in the wrong place."""
    yield Case("unsigned", bench.letter("unsigned", slot="").encode())
    yield Case("unsigned-empty-signature", bench.letter("unsigned-empty-signature", slot=f'<ds:Signature xmlns:ds="{rs.DS}"/>').encode())
    for lookalike in ("http://www.w3.org/2000/09/xmldsig", "http://www.w3.org/2009/xmldsig11#", "urn:wasl:envelope:1.0"):
        case = f"lookalike-{lookalike.rpartition('/')[2].strip('#').replace(':', '-')}"
        yield Case(case, bench.xades(case).raw.replace(f'xmlns:ds="{rs.DS}"'.encode(), f'xmlns:ds="{lookalike}"'.encode()))
    for profile, make in (("", bench.xades), ("-basic", bench.plain)):
        first = f"signature-first{profile}"
        yield make(first, bench.letter(first, first=SLOT, slot=""))
        after = f"signature-then-element{profile}"
        yield make(after, bench.letter(after, slot=SLOT + "<Body>ajout</Body>"))
        inside = f"signature-in-body{profile}"
        yield make(inside, bench.letter(inside, body=SLOT, slot=""))
        deeper = f"signature-in-wrapper{profile}"
        yield make(deeper, bench.letter(deeper, slot=f'<x:Sig xmlns:x="urn:example:x">{SLOT}</x:Sig>'))
    yield from _two_signatures(bench)


def _two_signatures(bench: Bench) -> Cases:
    for profile, make in (("", bench.xades), ("-basic", bench.plain)):
        inner = make("", bench.letter("two", declaration="")).raw.decode()
        signature = inner[inner.index("<ds:Signature ") : inner.index("</ds:Signature>") + 15]
        yield Case(f"two-copies{profile}", inner.replace("</Envelope>", f"{signature}</Envelope>").encode())
        renamed = signature.replace('"sig"', '"sig2"').replace("#sig", "#sig2").replace("props", "props2")
        for place, text in (
            ("valid-second", bench.letter("two", declaration="", slot=renamed + SLOT)),
            ("valid-in-body", bench.letter("two", declaration="", body=renamed)),
        ):
            yield make(f"two-{place}{profile}", text)
        nested = inner.replace("</ds:Signature>", f"<ds:Object>{renamed}</ds:Object></ds:Signature>")
        yield Case(f"two-nested-in-object{profile}", nested.encode())
        in_key = inner.replace("</ds:KeyInfo>", f"{renamed}</ds:KeyInfo>")
        yield Case(f"two-nested-in-key-info{profile}", in_key.encode())
    counter = inner.replace("</ds:Signature>", "") and bench.xades("", bench.letter("countersigned")).raw.decode()
    block = (
        "<xades:UnsignedProperties><xades:UnsignedSignatureProperties><xades:CounterSignature>"
        f"{renamed}</xades:CounterSignature></xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
    )
    yield Case("countersigned", counter.replace("</xades:QualifyingProperties>", f"{block}</xades:QualifyingProperties>").encode())


def _identifiers(bench: Bench) -> Cases:
    """One identifier on two elements; every one of these is validly signed."""
    for spelling in ("Id", "ID", "id", "xml:id"):
        case = f"duplicate-id-{spelling.replace(':', '-')}" + ("-caps" if spelling == "ID" else "")
        extra = f'<x:Note xmlns:x="urn:example:x" {spelling}="letter">deux</x:Note>'
        yield bench.xades(case, bench.letter(case, extra=extra), references=(Reference("#letter"), rs.PROPERTIES))
        other = f"duplicate-props-{spelling.replace(':', '-')}" + ("-caps" if spelling == "ID" else "")
        fake = rs.signed_properties(rs.signing_time(bench.at()), "").replace(' Id="props"', f' {spelling}="props"')
        fake = fake.replace("<xades:SignedProperties", f'<xades:SignedProperties xmlns:xades="{rs.XADES}"')
        yield bench.xades(other, bench.letter(other, extra=fake))
    yield bench.xades("duplicate-root-and-signature", bench.letter("duplicate-root-and-signature", attributes=' Id="sig"'))
    yield bench.plain("duplicate-root-and-signature-basic", bench.letter("duplicate-root-and-signature-basic", attributes=' Id="sig"'), id="sig")
    padded = bench.letter("identifier-padded", attributes=' Id=" letter "')
    yield bench.xades("identifier-padded", padded, references=(Reference("#letter", octets=lambda tree: rs.covered(tree, rs.ROOT)), rs.PROPERTIES))
    key_info = rs.key_info_of(bench.xades_plan(), "letter")
    yield bench.xades("duplicate-root-and-key-info", key_info=key_info)
    for spelling in ("id", "xml:id", "ID"):
        case = f"root-spelling-{spelling.replace(':', '-')}" + ("-caps" if spelling == "ID" else "")
        text = bench.letter(case, attributes=f' {spelling}="letter"')
        yield bench.xades(case, text, references=(Reference("#letter"), rs.PROPERTIES))


def _references(bench: Bench) -> Cases:
    """A valid signature over less than the root, or over something else."""
    for profile, make in (("", bench.xades), ("-basic", bench.plain)):
        also = (rs.PROPERTIES,) if not profile else ()
        for part in ("Sender", "Subject", "Body"):
            case = f"part-{part.lower()}{profile}"
            text = bench.letter(case).replace(f"<{part}>", f'<{part} Id="part">')
            yield make(case, text, references=(Reference("#part", (EXC_C14N,)), *also))
        case = f"part-first-then-root{profile}"
        text = bench.letter(case).replace("<Body>", '<Body Id="part">')
        yield make(case, text, references=(Reference("#part", (EXC_C14N,)), rs.ROOT, *also))
        yield make(f"root-then-part{profile}", text.replace(case, case), references=(rs.ROOT, Reference("#part", (EXC_C14N,)), *also))
        yield make(f"no-references{profile}", references=())
        whole = lambda tree: rs.covered(tree, rs.ROOT)  # noqa: E731
        odd: dict[str, str | None] = {
            "null": None,
            "hash": "#",
            "xpointer-root": "#xpointer(/)",
            "xpointer-id": "#xpointer(id('letter'))",
            "xpointer-child": "#xpointer(/*)",
            "bare-element": "#element(/1)",
            "query": "?",
            "dot": ".",
            "file-name": "letter.xml",
            "http": bench.trap + "letter.xml",
            "http-fragment": bench.trap + "letter.xml#letter",
            "file": "file:///etc/hostname",
            "cid": "cid:letter@example.test",
            "space": " ",
            "encoded": "#%6Cetter",
            "unknown-id": "#nowhere",
        }
        for name, uri in odd.items():
            yield make(f"uri-{name}{profile}", references=(Reference(uri, octets=whole), *also))
    yield bench.xades("root-not-first", references=(rs.PROPERTIES, rs.ROOT))
    key_info = rs.key_info_of(bench.xades_plan(), "ki")
    covers = Reference("#ki", (EXC_C14N,))
    yield bench.xades("root-not-first-key-info", key_info=key_info, references=(covers, rs.ROOT, rs.PROPERTIES))
    yield bench.xades("root-missing", key_info=key_info, references=(rs.PROPERTIES, covers))
    yield bench.plain("basic-with-key-info", key_info=key_info, references=(rs.ROOT, covers))
    yield bench.plain("basic-root-twice", references=(rs.ROOT, rs.ROOT))
    yield bench.xades("root-twice", references=(rs.ROOT, rs.ROOT, rs.PROPERTIES))
    yield bench.xades("properties-twice", references=(rs.ROOT, rs.PROPERTIES, rs.PROPERTIES))


def _transforms(bench: Bench) -> Cases:
    """Transforms that let a signer sign one thing and show another; the digests are right."""
    whole = lambda tree: rs.covered(tree, rs.ROOT)  # noqa: E731
    xpath = Transform(XPATH, f'<ds:XPath xmlns:ds="{rs.DS}" xmlns:e="urn:wasl:envelope:1.0">not(ancestor-or-self::ds:Signature) and not(ancestor-or-self::e:Subject)</ds:XPath>')
    filter2 = Transform(XPATH_FILTER, f'<f:XPath xmlns:f="{XPATH_FILTER}" Filter="intersect">/*/*[1]</f:XPath>')
    sheet = '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/">constant</xsl:template></xsl:stylesheet>'
    fetching = sheet.replace("constant", f'<xsl:copy-of select="document(\'{bench.trap}x\')"/>')
    spoilt: dict[str, tuple[tuple[str | Transform, ...], object]] = {
        "xpath": ((ENVELOPED, xpath), _without_subject),
        "xpath-alone": ((xpath,), _without_subject),
        "xpath-filter": ((filter2, EXC_C14N), _first_child),
        "xslt": ((ENVELOPED, Transform(XSLT, sheet)), b'<?xml version="1.0"?>\nconstant'),
        "xslt-fetching": ((ENVELOPED, Transform(XSLT, fetching)), b'<?xml version="1.0"?>\n'),
        "base64": ((ENVELOPED, BASE64), b""),
        "c14n-comments": ((ENVELOPED, C14N + "#WithComments"), None),
        "exc-c14n-comments": ((ENVELOPED, EXC_C14N + "WithComments"), None),
        "c14n11-comments": ((ENVELOPED, rs.C14N_11 + "#WithComments"), None),
        "decrypt": ((ENVELOPED, "http://www.w3.org/2002/07/decrypt#XML"), whole),
        "str-transform": ((ENVELOPED, "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform"), whole),
        "unknown": ((ENVELOPED, "urn:example:transform"), whole),
        "empty-algorithm": ((ENVELOPED, ""), whole),
        "c14n2": ((ENVELOPED, "http://www.w3.org/2010/xml-c14n2"), whole),
        "c14n-then-enveloped": ((EXC_C14N, ENVELOPED), whole),
        "enveloped-twice": ((ENVELOPED, ENVELOPED), lambda tree: rs.covered(tree, _root(ENVELOPED))),
    }
    for name, (transforms, octets) in spoilt.items():
        reference = _root(*transforms, octets=octets)
        yield bench.xades(f"transform-{name}", references=(reference, rs.PROPERTIES))
        yield bench.plain(f"transform-{name}-basic", references=(reference,))
    for name, transform, data in (
        ("xslt", Transform(XSLT, sheet), b'<?xml version="1.0"?>\nconstant'),
        ("comments", EXC_C14N + "WithComments", None),
        ("base64", BASE64, b""),
        ("xpath", xpath, b""),
    ):
        properties = Reference("#props", (transform,), type=rs.PROPERTIES_TYPE, octets=data)
        yield bench.xades(f"transform-properties-{name}", references=(rs.ROOT, properties))
    for form in (C14N + "#WithComments", EXC_C14N + "WithComments", "urn:example:c14n", "", XPATH, ENVELOPED):
        name = form.rpartition("/")[2].replace("#", "-").replace(":", "-") or "empty"
        yield bench.xades(f"canonicalization-{name}", c14n=form)
        yield bench.plain(f"canonicalization-{name}-basic", c14n=form)


def _without_subject(tree: etree._ElementTree) -> bytes:
    copied = rs.parse(etree.tostring(tree))
    for name in (f"{{{rs.DS}}}Signature", "{urn:wasl:envelope:1.0}Subject"):
        rs.cut_out(next(copied.iter(name)))
    return rs.canonical(copied, C14N)


def _first_child(tree: etree._ElementTree) -> bytes:
    return rs.canonical(tree.getroot()[0], EXC_C14N)


def _floods(bench: Bench) -> Cases:
    for count in (4, 100, 5000):
        many = (rs.ROOT, rs.PROPERTIES, *(Reference("", value="AAAA") for _ in range(count - 2)))
        yield bench.xades(f"flood-references-{count}", references=many)
    four = (rs.ROOT, rs.PROPERTIES, rs.ROOT, rs.ROOT)
    yield bench.xades("flood-references-valid", references=four)
    for count in (3, 1000, 20000):
        deep = Reference("", (ENVELOPED, *([EXC_C14N] * (count - 1))), octets=lambda tree: rs.covered(tree, rs.ROOT))
        yield bench.xades(f"flood-transforms-{count}", references=(deep, rs.PROPERTIES))
        yield bench.plain(f"flood-transforms-{count}-basic", references=(deep,))
    certificates = bench.xades_plan().certificates * 1000
    yield bench.xades("flood-certificates", certificates=certificates)
    yield bench.plain("flood-certificates-basic", certificates=certificates)
    prefixes = " ".join(f"p{n}" for n in range(20000))
    listed = Transform(EXC_C14N, f'<ec:InclusiveNamespaces xmlns:ec="{EXC_C14N}" PrefixList="{prefixes}"/>')
    yield bench.plain("flood-prefix-list", references=(_root(ENVELOPED, listed),))


def _algorithms(bench: Bench) -> Cases:
    """Algorithms that are no signature, or no longer one."""
    spki = bench.pki["ministry-rsa"].certificate.public_key().public_bytes
    public, pem = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.PEM
    encodings = {
        "spki-der": spki(serialization.Encoding.DER, public),
        "spki-pem": spki(pem, public),
        "spki-pem-stripped": spki(pem, public).strip(),
        "pkcs1-pem": spki(pem, serialization.PublicFormat.PKCS1),
        "certificate-der": rs.der(bench.pki["ministry-rsa"].certificate),
        "certificate-pem": bench.pki["ministry-rsa"].certificate.public_bytes(pem),
        "empty": b"",
    }
    for profile, make in (("", bench.xades), ("-basic", bench.plain)):
        for name, secret in encodings.items():
            forge = _hmac(secret)
            yield make(f"hmac-{name}{profile}", holder="ministry-rsa", method=rs.MORE + "hmac-sha256", value=forge)
        for bits in (0, 1, 8, 256):
            inner = f"<ds:HMACOutputLength>{bits}</ds:HMACOutputLength>"
            cut = lambda data, n=bits: _hmac(b"")(data)[: n // 8]  # noqa: E731
            yield make(f"hmac-truncated-{bits}{profile}", method=rs.MORE + "hmac-sha256", method_inner=inner, value=cut)
        inner = "<ds:HMACOutputLength>0</ds:HMACOutputLength>"
        yield make(f"hmac-length-on-ecdsa{profile}", method_inner=inner, value=lambda data: b"")
        void = lambda data: b"\x00" * 64  # noqa: E731
        for method in ("", "none", rs.DS + "dsa-sha1", rs.DS + "hmac-sha1", "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519", (rs.MORE + "ecdsa-sha256").upper(), rs.MORE + "ecdsa-sha256 "):
            name = method.rpartition("#")[2].replace(" ", "-space") or "empty"
            yield make(f"method-{name}{profile}", method=method or "  ", value=void)
        for method in (rs.DS + "rsa-sha1", rs.MORE + "rsa-md5", rs.MORE + "rsa-sha224", rs.MORE_2007 + "sha1-rsa-MGF1"):
            yield make(f"weak-{method.rpartition('#')[2]}{profile}", holder="ministry-rsa", method=method)
        for method in ("ecdsa-sha1", "ecdsa-sha224"):
            yield make(f"weak-{method}{profile}", method=rs.MORE + method)
        for weak in (rs.DS + "sha1", rs.MORE + "md5", rs.MORE + "sha224"):
            name = weak.rpartition("#")[2]
            reference = Reference(digest=weak)
            yield make(f"weak-digest-{name}{profile}", references=(reference, *(() if profile else (rs.PROPERTIES,))))
        for curve in ("p521", "k256", "p224"):
            yield make(f"weak-key-{curve}{profile}", holder=f"ministry-{curve}")
        yield make(f"weak-key-rsa1024{profile}", holder="weak-rsa")
    yield bench.plain("weak-key-rsa-huge-basic", holder="ministry-rsa-huge", key=bench.pki["ministry-rsa"].key)
    sha1 = Reference("#props", (EXC_C14N,), digest=rs.DS + "sha1", type=rs.PROPERTIES_TYPE)
    yield bench.xades("weak-digest-properties", references=(rs.ROOT, sha1))
    ed = bench.pki["ministry-ed25519"]
    yield bench.plain("ed25519-as-ecdsa", holder="ministry-ed25519", method=rs.MORE + "ecdsa-sha256", value=ed.key.sign)
    yield bench.plain("ed25519", holder="ministry-ed25519", method="http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519", value=ed.key.sign)
    yield bench.xades("rsa-key-ecdsa-method", holder="ministry-rsa", method=rs.MORE + "ecdsa-sha256", value=lambda data: b"\x01" * 64)
    yield bench.xades("ec-key-rsa-method", method=rs.MORE + "rsa-sha256", value=lambda data: b"\x01" * 256)
    parameters = f'<p:RSAPSSParams xmlns:p="{rs.MORE_2007}"><ds:DigestMethod Algorithm="{rs.DS}sha1"/><p:SaltLength>0</p:SaltLength></p:RSAPSSParams>'
    yield bench.xades("pss-weak-parameters", holder="ministry-rsa", method=rs.MORE_2007 + "rsa-pss", method_inner=parameters, value=lambda data: b"\x01" * 256)


def _hmac(secret: bytes):  # type: ignore[no-untyped-def]
    return lambda data: rs.sign_octets(rs.MORE + "hmac-sha256", secret, data)


def _values(bench: Bench) -> Cases:
    """Signature values that sloppy decoders take."""
    key = bench.pki["ministry"].key
    n = ORDER_P256

    def encoded(data: bytes) -> bytes:
        return bytes(key.sign(data, ec.ECDSA(hashes.SHA256())))

    def raw(data: bytes) -> bytes:
        return rs.raw_ecdsa(key, encoded(data))

    def padded(data: bytes) -> bytes:
        r, s = utils.decode_dss_signature(encoded(data))
        return r.to_bytes(33, "big") + s.to_bytes(33, "big")

    def over_order(data: bytes) -> bytes:
        r, s = utils.decode_dss_signature(encoded(data))
        return r.to_bytes(40, "big") + (s + n).to_bytes(40, "big")

    wrong = {
        "der": encoded,
        "zero": lambda data: bytes(64),
        "zero-r": lambda data: bytes(32) + raw(data)[32:],
        "zero-s": lambda data: raw(data)[:32] + bytes(32),
        "order": lambda data: n.to_bytes(32, "big") * 2,
        "one-one": lambda data: (1).to_bytes(32, "big") * 2,
        "der-zero": lambda data: utils.encode_dss_signature(0, 0),
        "padded": padded,
        "over-order": over_order,
        "short": lambda data: raw(data)[:63],
        "long": lambda data: raw(data) + b"\x00",
        "empty": lambda data: b"",
        "one-octet": lambda data: b"\x00",
        "of-another-text": lambda data: raw(data + b" "),
        "huge": lambda data: b"\x01" * 500_000,
    }
    for name, value in wrong.items():
        yield bench.xades(f"value-{name}", value=value)
        yield bench.plain(f"value-{name}-basic", value=value)
    modulus = bench.pki["ministry-rsa"].certificate.public_key().public_numbers().n
    for name, number in {"zero": 0, "one": 1, "modulus": modulus, "modulus-minus-one": modulus - 1}.items():
        yield bench.plain(f"value-rsa-{name}", holder="ministry-rsa", value=lambda data, v=number: v.to_bytes(256, "big"))
    yield bench.plain("value-rsa-long", holder="ministry-rsa", value=lambda data: b"\x00" + rs.sign_octets(rs.MORE + "rsa-sha256", bench.pki["ministry-rsa"].key, data))
    yield bench.plain("value-rsa-pkcs1-as-pss", holder="ministry-rsa", method=rs.MORE_2007 + "sha256-rsa-MGF1", value=lambda data: rs.sign_octets(rs.MORE + "rsa-sha256", bench.pki["ministry-rsa"].key, data))
    yield bench.plain("value-rsa-cube-root", holder="ministry-rsa-e3", value=_cube_root)
    good = bench.xades("value-not-base64").raw.decode()
    yield Case("value-not-base64", good.replace("<ds:SignatureValue>", "<ds:SignatureValue>*~é").encode())
    yield Case("value-junk-after-padding", _junk_after(bench.xades("value-junk-after-padding", value=lambda data: raw(data)).raw))


def _junk_after(raw: bytes) -> bytes:
    """Four more characters after the padding, which lenient decoders drop."""
    return raw.replace(b"</ds:SignatureValue>", b"AAAA</ds:SignatureValue>")


def _cube_root(data: bytes) -> bytes:
    """A PKCS#1 block with rubbish after the digest, as a perfect cube (Bleichenbacher 2006)."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    block = b"\x00\x01" + b"\xff" * 8 + b"\x00" + prefix + digest.finalize()
    number = int.from_bytes(block.ljust(256, b"\x00"), "big") + (1 << (8 * (256 - len(block)))) - 1
    low, high = 0, 1 << 700
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low.to_bytes(256, "big")


def _key_info(bench: Bench) -> Cases:
    """Keys that nobody vouches for, or certificates that are not the signer's."""
    ours, attacker = bench.pki["ministry"], bench.pki["stranger"]
    mine, theirs = rs.b64(rs.der(ours.certificate)), rs.b64(rs.der(attacker.certificate))
    point = attacker.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    value = (
        '<ds:KeyValue><e:ECKeyValue xmlns:e="http://www.w3.org/2009/xmldsig11#">'
        '<e:NamedCurve URI="urn:oid:1.2.840.10045.3.1.7"/>'
        f"<e:PublicKey>{rs.b64(point)}</e:PublicKey></e:ECKeyValue></ds:KeyValue>"
    )
    data = f"<ds:X509Data><ds:X509Certificate>{mine}</ds:X509Certificate></ds:X509Data>"
    other = f"<ds:X509Data><ds:X509Certificate>{theirs}</ds:X509Certificate></ds:X509Data>"
    pair = "<ds:X509Data>{}</ds:X509Data>".format
    cert = "<ds:X509Certificate>{}</ds:X509Certificate>".format
    contents = {
        "none": None,
        "empty": "",
        "empty-data": "<ds:X509Data></ds:X509Data>",
        "empty-certificate": pair(cert("")),
        "key-value": value,
        "key-value-and-certificate": value + data,
        "certificate-and-key-value": data + value,
        "key-name": "<ds:KeyName>TEST ministry</ds:KeyName>",
        "key-name-pem": "<ds:KeyName>/etc/ssl/certs/ca-certificates.crt</ds:KeyName>",
        "retrieval": f'<ds:RetrievalMethod URI="{bench.trap}key" Type="{rs.DS}X509Data"/>',
        "retrieval-local": f'<ds:RetrievalMethod URI="#letter" Type="{rs.DS}X509Data"/>',
        "reference": '<e:KeyInfoReference xmlns:e="http://www.w3.org/2009/xmldsig11#" URI="#ki2"/>',
        "subject-name": pair("<ds:X509SubjectName>CN=TEST ministry</ds:X509SubjectName>"),
        "issuer-serial": pair("<ds:X509IssuerSerial><ds:X509IssuerName>CN=TEST parties-issuing-ca</ds:X509IssuerName><ds:X509SerialNumber>1</ds:X509SerialNumber></ds:X509IssuerSerial>"),
        "ski": pair(f"<ds:X509SKI>{rs.b64(b'x' * 20)}</ds:X509SKI>"),
        "victims-first": pair(cert(mine) + cert(theirs)),
        "victims-last": pair(cert(theirs) + cert(mine)),
        "two-data-victims-first": data + other,
        "two-data-victims-last": other + data,
        "garbage": pair(cert(rs.b64(b"no certificate at all"))),
        "not-base64": pair(cert("***")),
        "trailing": pair(cert(rs.b64(rs.der(attacker.certificate) + b"\x00\x00"))),
        "pem": pair(cert(attacker.certificate.public_bytes(serialization.Encoding.PEM).decode())),
        "huge": pair(cert("A" * 1_000_000)),
        "nested": f"<ds:KeyName>x</ds:KeyName><ds:MgmtData>{data}</ds:MgmtData>",
        "spki": f"<e:DEREncodedKeyValue xmlns:e='http://www.w3.org/2009/xmldsig11#'>{rs.b64(attacker.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))}</e:DEREncodedKeyValue>",
    }
    for name, content in contents.items():
        key_info = "" if content is None else f"<ds:KeyInfo>{content}</ds:KeyInfo>"
        objects = bench.certs_object(rs.signing_certificate(rs.cert_v2(ours.certificate)))
        yield bench.xades(f"key-{name}", key=attacker.key, key_info=key_info, objects=objects)
        yield bench.plain(f"key-{name}-basic", key=attacker.key, key_info=key_info)
    yield bench.xades("key-not-the-certificates", key=attacker.key)
    yield bench.plain("key-not-the-certificates-basic", key=attacker.key)
    two = f"<ds:KeyInfo>{data}</ds:KeyInfo>"
    yield bench.plain("key-info-twice-basic", key_info=two + f"<ds:KeyInfo>{other}</ds:KeyInfo>")
    yield bench.plain("key-info-twice-attackers-first-basic", key=attacker.key, key_info=f"<ds:KeyInfo>{other}</ds:KeyInfo>" + two)
    yield bench.plain("key-info-twice-attackers-last-basic", key=attacker.key, key_info=two + f"<ds:KeyInfo>{other}</ds:KeyInfo>")


def _structure(bench: Bench) -> Cases:
    """Children of the signature that readers may pick differently."""
    manifest = (
        f'<ds:Manifest Id="m"><ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="{ENVELOPED}"/></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>AAAA</ds:DigestValue></ds:Reference></ds:Manifest>'
    )
    wrapped = f"<ds:Object>{manifest}</ds:Object>"
    plan = bench.xades_plan()
    typed = Reference("#m", (EXC_C14N,), type=rs.DS + "Manifest")
    yield bench.plain("manifest-instead-of-root", references=(typed,), objects=wrapped)
    yield bench.plain("manifest-beside-root", references=(rs.ROOT, typed), objects=wrapped)
    yield bench.xades("manifest-beside-xades", references=(rs.ROOT, rs.PROPERTIES, typed), objects=plan.objects + wrapped)
    yield bench.xades("manifest-unsigned", objects=plan.objects + wrapped)
    yield bench.xades("manifest-in-body", bench.letter("manifest-in-body", extra=manifest.replace("<ds:Manifest", f'<ds:Manifest xmlns:ds="{rs.DS}"')))
    for profile, make in (("", bench.xades), ("-basic", bench.plain)):
        good = make(f"structure{profile}").raw.decode()
        info = good[good.index("<ds:SignedInfo>") : good.index("</ds:SignedInfo>") + 16]
        fake = info.replace("<ds:DigestValue>", "<ds:DigestValue>AAAA")
        changes = {
            "two-signed-infos": good.replace(info, info + fake),
            "two-signed-infos-fake-first": good.replace(info, fake + info),
            "two-values": good.replace("</ds:SignatureValue>", "</ds:SignatureValue><ds:SignatureValue>AAAA</ds:SignatureValue>"),
            "two-values-fake-first": good.replace("<ds:SignatureValue>", "<ds:SignatureValue>AAAA</ds:SignatureValue><ds:SignatureValue>"),
            "value-before-info": _reordered(good, info),
            "foreign-child": good.replace("</ds:Signature>", '<x:Any xmlns:x="urn:example:x"/></ds:Signature>'),
            "text-inside": good.replace("<ds:SignedInfo>", "bruit<ds:SignedInfo>"),
            "element-in-value": good.replace("<ds:SignatureValue>", "<ds:SignatureValue><x/>"),
        }
        for name, text in changes.items():
            yield Case(f"structure-{name}{profile}", text.encode())
        references = (rs.PROPERTIES,) if not profile else ()
        second = f"<ds:DigestValue>{rs.b64(bytes(32))}</ds:DigestValue>"
        yield make(f"structure-two-digests{profile}", references=(Reference(extra=second), *references))
        yield make(f"structure-element-in-digest{profile}", references=(Reference(value="<x/>"), *references))
        foreign = '<x:Any xmlns:x="urn:example:x"/>'
        yield make(f"structure-foreign-in-reference{profile}", references=(Reference(extra=foreign), *references))
        yield make(f"structure-foreign-in-signed-info{profile}", signed_info_extra=foreign)
        yield make(f"structure-foreign-in-method{profile}", method_inner=foreign)


def _reordered(text: str, info: str) -> str:
    start, end = text.index("<ds:SignatureValue>"), text.index("</ds:SignatureValue>") + 20
    value = text[start:end]
    return text.replace(value, "").replace(info, value + info)


def _changed(bench: Bench) -> Cases:
    """A good letter that somebody changed on its way."""
    for profile, make in (("", bench.xades), ("-basic", bench.plain)):
        good = make(f"changed{profile}", references=(Reference("#letter"), *((rs.PROPERTIES,) if not profile else ()))).raw.decode()
        edits = {
            "subject": ("Demande fictive", "Demande forgee"),
            "white-space": ("<Subject>", "\n<Subject>"),
            "attribute": ("<Body>", '<Body x="1">'),
            "root-id": ('Id="letter"', 'Id="lettre"'),
            "namespace": ("<Body>", '<Body xmlns="urn:example:other">'),
            "case": ("DEMO-HUB", "demo-hub"),
            "removed-element": ("<Purpose>letter</Purpose>", ""),
            "signed-info": (f'Algorithm="{rs.SHA256}"', f'Algorithm="{rs.SHA256}" x="1"'),
        }
        for name, (old, new) in edits.items():
            yield Case(f"changed-{name}{profile}", good.replace(old, new, 1).encode())
        start = good.index("<ds:SignatureValue>") + 19
        flipped = good[:start] + ("A" if good[start] != "A" else "B") + good[start + 1 :]
        yield Case(f"changed-value{profile}", flipped.encode())
        start = good.index("<ds:DigestValue>") + 16
        flipped = good[:start] + ("A" if good[start] != "A" else "B") + good[start + 1 :]
        yield Case(f"changed-digest{profile}", flipped.encode())
        mine, theirs = (rs.b64(rs.der(bench.pki[name].certificate)) for name in ("ministry", "commune"))
        yield Case(f"changed-certificate{profile}", good.replace(mine, theirs).encode())
        signature = good[good.index("<ds:Signature ") : good.index("</ds:Signature>") + 15]
        pasted = bench.letter(f"pasted-signature{profile}", slot=signature)
        yield Case(f"pasted-signature{profile}", pasted.encode())
        recomputed = f"digest-recomputed{profile}"
        yield Case(recomputed, _recomputed(good, profile).encode())


def _recomputed(good: str, profile: str) -> str:
    """Content changed and its digest with it: only the signature value can tell."""
    text = good.replace("Demande fictive", "Demande forgee")
    old = text[text.index("<ds:DigestValue>") + 16 : text.index("</ds:DigestValue>")]
    import hashlib

    fresh = rs.b64(hashlib.sha256(rs.covered(rs.parse(text), Reference("#letter"))).digest())
    return text.replace(old, fresh)
