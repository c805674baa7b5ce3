"""What a signature refers to and by which transforms; validly signed by a trusted party."""

from __future__ import annotations

from lxml import etree

from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Cases
from tests.assets.rawsign import C14N, ENVELOPED, EXC_C14N, Reference, Transform

XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"


XPATH_FILTER = "http://www.w3.org/2002/06/xmldsig-filter2"


XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"


BASE64 = rs.DS + "base64"


def cases(bench: Bench) -> Cases:
    """Every case about references, transforms and their number."""
    yield from _references(bench)
    yield from _transforms(bench)
    yield from _floods(bench)


def _root(*transforms: str | Transform, octets: object = None, **changes: object) -> Reference:
    return Reference("", transforms, octets=octets, **changes)  # type: ignore[arg-type]


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
        yield make(
            f"root-then-part{profile}",
            text.replace(case, case),
            references=(rs.ROOT, Reference("#part", (EXC_C14N,)), *also),
        )
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
    yield bench.xades(
        "root-not-first-key-info", key_info=key_info, references=(covers, rs.ROOT, rs.PROPERTIES)
    )
    yield bench.xades("root-missing", key_info=key_info, references=(rs.PROPERTIES, covers))
    yield bench.plain("basic-with-key-info", key_info=key_info, references=(rs.ROOT, covers))
    yield bench.plain("basic-root-twice", references=(rs.ROOT, rs.ROOT))
    yield bench.xades("root-twice", references=(rs.ROOT, rs.ROOT, rs.PROPERTIES))
    yield bench.xades("properties-twice", references=(rs.ROOT, rs.PROPERTIES, rs.PROPERTIES))


def _transforms(bench: Bench) -> Cases:
    """Transforms that let a signer sign one thing and show another; the digests are right."""
    whole = lambda tree: rs.covered(tree, rs.ROOT)  # noqa: E731
    xpath = Transform(
        XPATH,
        f'<ds:XPath xmlns:ds="{rs.DS}" xmlns:e="urn:wasl:envelope:1.0">not(ancestor-or-self::ds:Signature)'
        " and not(ancestor-or-self::e:Subject)</ds:XPath>",
    )
    filter2 = Transform(
        XPATH_FILTER, f'<f:XPath xmlns:f="{XPATH_FILTER}" Filter="intersect">/*/*[1]</f:XPath>'
    )
    sheet = (
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
        '<xsl:template match="/">constant</xsl:template></xsl:stylesheet>'
    )
    fetching = sheet.replace("constant", f"<xsl:copy-of select=\"document('{bench.trap}x')\"/>")
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
        "str-transform": (
            (
                ENVELOPED,
                "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform",
            ),
            whole,
        ),
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
    for count in (4, 100, 1500):
        many = (rs.ROOT, rs.PROPERTIES, *(Reference("", value="AAAA") for _ in range(count - 2)))
        yield bench.xades(f"flood-references-{count}", references=many)
    four = (rs.ROOT, rs.PROPERTIES, rs.ROOT, rs.ROOT)
    yield bench.xades("flood-references-valid", references=four)
    for count in (3, 1000, 15_000):
        deep = Reference(
            "", (ENVELOPED, *([EXC_C14N] * (count - 1))), octets=lambda tree: rs.covered(tree, rs.ROOT)
        )
        yield bench.xades(f"flood-transforms-{count}", references=(deep, rs.PROPERTIES))
        yield bench.plain(f"flood-transforms-{count}-basic", references=(deep,))
    certificates = bench.xades_plan().certificates * 1000
    yield bench.xades("flood-certificates", certificates=certificates)
    yield bench.plain("flood-certificates-basic", certificates=certificates)
    prefixes = " ".join(f"p{n}" for n in range(20000))
    listed = Transform(EXC_C14N, f'<ec:InclusiveNamespaces xmlns:ec="{EXC_C14N}" PrefixList="{prefixes}"/>')
    yield bench.plain("flood-prefix-list", references=(_root(ENVELOPED, listed),))
