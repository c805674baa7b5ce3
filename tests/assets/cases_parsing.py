"""Documents made to hurt or to mislead a parser; signed by a trusted party wherever that can be."""

from __future__ import annotations

import gzip
import zlib

from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases

XI = "http://www.w3.org/2001/XInclude"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def cases(bench: Bench) -> Cases:
    """Every parsing case."""
    yield from _entities(bench)
    yield from _signed_noise(bench)
    yield from _namespaces(bench)
    yield from _floods(bench)
    yield from _encodings(bench)
    yield from _fragments(bench)
    yield from _schema(bench)


def _entities(bench: Bench) -> Cases:
    laughs = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    declared = {
        "bomb": f'<!DOCTYPE Envelope [<!ENTITY e0 "ha">{laughs}]>',
        "quadratic": f'<!DOCTYPE Envelope [<!ENTITY e9 "{"a" * 50_000}">]>',
        "external-file": '<!DOCTYPE Envelope [<!ENTITY e9 SYSTEM "file:///etc/passwd">]>',
        "external-http": f'<!DOCTYPE Envelope [<!ENTITY e9 SYSTEM "{bench.trap}entity">]>',
        "parameter": f'<!DOCTYPE Envelope [<!ENTITY % p SYSTEM "{bench.trap}p.dtd">%p;]>',
        "external-subset": f'<!DOCTYPE Envelope SYSTEM "{bench.trap}envelope.dtd">',
        "public-subset": f'<!DOCTYPE Envelope PUBLIC "-//X//Y" "{bench.trap}envelope.dtd">',
        "empty-doctype": "<!DOCTYPE Envelope>",
        "default-attribute": '<!DOCTYPE Envelope [<!ATTLIST Envelope Id ID "letter">]>',
        "lower-case-doctype": "<!doctype Envelope>",
        "recursive": '<!DOCTYPE Envelope [<!ENTITY e9 "&e9;">]>',
        "unparsed": f'<!DOCTYPE Envelope [<!NOTATION n SYSTEM "{bench.trap}">'
        '<!ENTITY e9 SYSTEM "x" NDATA n>]>',
    }
    for name, doctype in declared.items():
        uses = "&e9;" * (1 if "quadratic" not in name else 5_000)
        body = uses if "ENTITY e9" in doctype else "texte"
        yield Case(f"dtd-{name}", bench.letter(f"dtd-{name}", before=doctype, body=body, slot="").encode())
    good = bench.letter("dtd-signed", before="<!DOCTYPE Envelope>")
    yield bench.xades("dtd-signed", good)
    yield bench.plain("dtd-signed-basic", good)
    attributes = bench.letter(
        "dtd-signed-default",
        before='<!DOCTYPE Envelope [<!ATTLIST Envelope Id CDATA "letter">]>',
        attributes="",
    )
    yield Case("dtd-signed-default", rs.sign(attributes, bench.xades_plan()))
    for name in ("undefined", "nbsp"):
        yield Case(f"entity-{name}", bench.letter(f"entity-{name}", body=f"&{name};", slot="").encode())


def _signed_noise(bench: Bench) -> Cases:
    """Comments, processing instructions and schema hints under a valid signature."""
    include = f'<xi:include xmlns:xi="{XI}" href="file:///etc/passwd" parse="text"/>'
    places = {
        "comment-in-text": {"subject": "Demande<!-- rien --> fictive"},
        "comment-before-root": {"before": "<!-- rien -->"},
        "comment-after-root": {"after": "<!-- rien -->"},
        "comment-between": {"extra": "<!-- rien -->"},
        "instruction-in-text": {"body": "texte<?rien rien?> suite"},
        "instruction-between": {"extra": "<?rien?>"},
        "instruction-before-root": {"before": '<?xml-stylesheet href="x.xsl"?>'},
        "instruction-after-root": {"after": "<?rien?>"},
        "xinclude": {"extra": include},
        "xinclude-in-body": {"body": include},
        "xinclude-fallback": {"extra": f'<xi:fallback xmlns:xi="{XI}"/>'},
        "schema-location": {
            "attributes": f' Id="letter" xmlns:xsi="{XSI}"'
            f' xsi:schemaLocation="urn:wasl:envelope:1.0 {bench.trap}e.xsd"'
        },
        "no-namespace-location": {
            "attributes": f' xmlns:xsi="{XSI}" xsi:noNamespaceSchemaLocation="{bench.trap}e.xsd"'
        },
        "xsi-type": {"extra": f'<Summary xmlns:xsi="{XSI}" xsi:type="x">y</Summary>'},
        "xsi-nil": {"extra": f'<Summary xmlns:xsi="{XSI}" xsi:nil="true"/>'},
    }
    for name, changes in places.items():
        for suffix, make in (("", bench.xades), ("-basic", bench.plain)):
            case = f"noise-{name}{suffix}"
            yield make(case, bench.letter(case, **changes))
    good = bench.xades("").raw.decode()
    basic = bench.plain("").raw.decode()
    for tag in ("DigestValue", "SignatureValue", "X509Certificate"):
        for suffix, text in (("", good), ("-basic", basic)):
            start = text.index(f"<ds:{tag}>") + len(tag) + 9
            noisy = text[:start] + "<!-- -->" + text[start:]
            yield Case(f"noise-comment-in-{tag.lower()}{suffix}", noisy.encode())
            noisy = text[:start] + "<?x?>" + text[start:]
            yield Case(f"noise-instruction-in-{tag.lower()}{suffix}", noisy.encode())
    two = text.replace("<ds:DigestValue>", f"<ds:DigestValue>{rs.b64(bytes(32))}<!-- -->")
    yield Case("noise-digest-split-by-comment", two.encode())


def _namespaces(bench: Bench) -> Cases:
    relative = 'xmlns="urn:wasl:envelope:1.0" xmlns:r="relative"'
    yield Case(
        "namespace-relative",
        bench.xades("").raw.replace(
            b'<Envelope xmlns="urn:wasl:envelope:1.0"', f"<Envelope {relative}".encode()
        ),
    )
    text = bench.letter("namespace-relative-signed", xmlns='xmlns="urn:wasl:envelope:1.0"')
    yield Case(
        "namespace-relative-inside", bench.xades("", text).raw.replace(b"<Body>", b'<Body xmlns:r="../x">')
    )
    undeclared = bench.xades("").raw.replace(b"<Body>", b"<q:Body>").replace(b"</Body>", b"</q:Body>")
    yield Case("namespace-undeclared-prefix", undeclared)
    yield bench.xades("namespace-body-without", bench.letter("n").replace("<Body>", '<Body xmlns="">'))
    yield bench.xades(
        "namespace-body-other", bench.letter("n").replace("<Body>", '<Body xmlns="urn:example:other">')
    )
    redefined = '<ds:Body xmlns:ds="urn:wasl:envelope:1.0">deux</ds:Body>'
    yield bench.xades("namespace-ds-is-ours", bench.letter("n", extra=redefined))
    shadow = bench.letter(
        "n",
        xmlns='xmlns="urn:wasl:envelope:1.0" xmlns:ds="urn:example:not-dsig"'
        ' xmlns:xades="urn:example:not-xades"',
    )
    yield bench.xades("good-shadowed-prefixes", shadow)
    yield Case(
        "namespace-xml-rebound",
        bench.letter("n", xmlns='xmlns="urn:wasl:envelope:1.0" xmlns:xml="urn:example:x"', slot="").encode(),
    )
    yield Case(
        "namespace-xmlns-bound",
        bench.letter(
            "n", xmlns='xmlns="urn:wasl:envelope:1.0" xmlns:xmlns="urn:example:x"', slot=""
        ).encode(),
    )
    yield bench.xades("namespace-xml-base", bench.letter("n", attributes=' xml:base="http://example.test/"'))
    yield bench.xades("namespace-xml-space", bench.letter("n", attributes=' xml:space="preserve"'))
    yield bench.xades(
        "namespace-foreign-attribute", bench.letter("n", attributes=' xmlns:x="urn:example:x" x:Id="letter"')
    )


def _floods(bench: Bench) -> Cases:
    def nested(depth: int) -> str:
        return "<n>" * depth + "</n>" * depth

    for depth in (33, 200):
        case = f"flood-depth-{depth}"
        yield bench.xades(case, bench.letter(case, extra=nested(depth)))
    yield Case("flood-depth-100000", bench.letter("d", extra=nested(100_000), slot="").encode())
    yield Case("flood-depth-open", b"<n>" * 300_000)
    for count in (65, 5000):
        many = "".join(f' a{n}="1"' for n in range(count))
        yield bench.xades(f"flood-attributes-{count}", bench.letter("a", attributes=many))
        spaces = "".join(f' xmlns:n{n}="urn:n:{n}"' for n in range(count))
        yield bench.xades(f"flood-namespaces-{count}", bench.letter("a", attributes=spaces))
    yield from _namespace_stacks(bench)
    colliding = "".join(f' {_name(n)}="1"' for n in range(60_000))
    yield Case("flood-attributes-60000", bench.letter("a", attributes=colliding, slot="").encode())
    yield Case("flood-elements-300000", bench.letter("e", extra="<a/>" * 300_000, slot="").encode())
    yield bench.xades("flood-elements-30000", bench.letter("e", extra="<a/>" * 30_000))
    yield bench.xades("flood-recipients", bench.letter("e", extra="<Recipient/>" * 25_000))
    yield bench.xades("flood-element-name", bench.letter("e", extra=f"<{'n' * 60_000}/>"))
    yield bench.xades("flood-attribute-name", bench.letter("e", extra=f"<x {'n' * 60_000}='1'/>"))
    yield Case(
        "flood-names",
        bench.letter("e", extra="".join(f"<{_name(n)}/>" for n in range(100_000)), slot="").encode(),
    )
    yield bench.xades("flood-attribute-value", bench.letter("e", attributes=f' Id="{"v" * 500_000}"'))
    yield bench.xades("flood-namespace-name", bench.letter("e", extra=f'<x xmlns="urn:{"n" * 500_000}"/>'))
    yield bench.xades("flood-text", bench.letter("e", body="t" * 1_500_000))
    yield Case("flood-octets", bench.letter("e", body="t" * 2_200_000, slot="").encode())
    yield bench.xades("flood-octets-signed", bench.letter("e", body="t" * 2_200_000))
    yield Case("flood-references-in-text", bench.letter("e", body="&#65;" * 400_000, slot="").encode())
    yield Case("flood-colons", bench.letter("e", extra=f"<{':'.join('a' * 5000)}/>", slot="").encode())
    yield Case("flood-white-space", b" " * 2_000_000)
    yield Case("flood-angle-brackets", b"<" * 1_000_000)
    yield Case("flood-cdata", bench.letter("e", body="<![CDATA[x]]>" * 150_000, slot="").encode())


def _namespace_stacks(bench: Bench) -> Cases:
    """Within most single limits: levels full of namespaces over thousands of elements that use them."""
    for depth, case in ((28, "flood-stack"), (1, "flood-stack-of-one")):
        opening = "".join(f'<p{level}:x{_declared(level)} xmlns:p{level}="urn:u">' for level in range(depth))
        closing = "".join(f"</p{level}:x>" for level in reversed(range(depth)))
        leaves = "".join(f"<p{n % depth}n{n % 55}:y/>" for n in range(15_000))
        text = bench.letter("s", extra=opening + leaves + closing)
        for form in (rs.C14N, rs.EXC_C14N):
            # The true digest would cost minutes to make; a verifier that computes it is caught by the clock.
            root = rs.Reference("", (rs.ENVELOPED, form), value="AAAA")
            name = "exclusive" if form == rs.EXC_C14N else "inclusive"
            yield bench.plain(f"{case}-{name}", text, references=(root,), c14n=form)


def _declared(level: int) -> str:
    return "".join(f' xmlns:p{level}n{n}="urn:u:{level}:{n}"' for n in range(55))


def _name(number: int) -> str:
    return "x" + format(number, "x")


def _encodings(bench: Bench) -> Cases:
    def said(encoding: str) -> str:
        return f'<?xml version="1.0" encoding="{encoding}"?>\n'

    def signed(text: str) -> str:
        return rs.sign(text, bench.xades_plan()).decode()

    text = bench.letter("encoded", declaration="")
    good = signed(text)
    for encoding in (
        "UTF-16",
        "UTF-16LE",
        "UTF-16BE",
        "UTF-32",
        "ISO-8859-6",
        "UTF-7",
        "IBM037",
        "windows-1256",
    ):
        octets = (said(encoding) + good.replace("é", "e").replace("طلب تجريبي", "ab")).encode(
            encoding.replace("IBM", "cp")
        )
        yield Case(f"encoding-{encoding.lower()}", octets)
    no_bom = (said("UTF-8") + good).encode("utf-16-le")
    yield Case("encoding-utf16-said-utf8", no_bom)
    yield Case("encoding-utf16-bom-said-utf8", b"\xff\xfe" + no_bom)
    yield Case("encoding-utf8-said-utf16", (said("UTF-16") + good).encode())
    yield Case("encoding-utf8-said-latin1", (said("ISO-8859-1") + good).encode())
    yield Case("encoding-utf8-said-utf7", (said("UTF-7") + good).encode())
    yield Case("encoding-utf8-said-unknown", (said("x-no-such") + good).encode())
    yield Case("encoding-utf8-said-ascii", (said("US-ASCII") + good).encode())
    yield Case(
        "encoding-latin1-said-utf8", (said("UTF-8") + good.replace("طلب تجريبي", "")).encode("latin-1")
    )
    hidden = said("UTF-7") + "+ADw-Envelope xmlns=+ACI-urn:wasl:envelope:1.0+ACI-/+AD4-"
    yield Case("encoding-utf7-markup", hidden.encode())
    bad = {
        "overlong": b"\xc0\xaf",
        "overlong-nul": b"\xc0\x80",
        "surrogate": b"\xed\xa0\x80",
        "cesu": b"\xed\xa0\xbd\xed\xb8\x80",
        "cut": b"\xe2\x82",
        "five-octets": b"\xf8\x88\x80\x80\x80",
        "beyond": b"\xf4\x90\x80\x80",
        "nul": b"\x00",
        "control": b"\x08",
        "noncharacter": b"\xef\xbf\xbe",
    }
    for name, octets in bad.items():
        yield Case(f"octets-{name}", good.encode().replace(b"Texte", b"Te" + octets + b"xte"))
    for name, reference in (
        ("nul", "&#0;"),
        ("control", "&#8;"),
        ("surrogate", "&#xD800;"),
        ("ffff", "&#xFFFF;"),
        ("beyond", "&#x110000;"),
    ):
        yield Case(f"reference-{name}", good.replace("Texte", reference).encode())
    yield Case("nul-at-end", good.encode() + b"\x00")
    yield Case("nul-at-start", b"\x00" + good.encode())
    for version in ("1.1", "2.0"):
        claimed = f'<?xml version="{version}"?>\n{good}'
        yield Case(f"version-{version.replace('.', '-')}", claimed.encode())
    yield Case("compressed-gzip", gzip.compress(good.encode(), mtime=0))
    yield Case("compressed-bomb", gzip.compress(b" " * 50_000_000, mtime=0))
    yield Case("compressed-zlib", zlib.compress(good.encode()))


def _fragments(bench: Bench) -> Cases:
    good = bench.xades("fragment").raw
    yield Case("fragment-empty", b"")
    yield Case("fragment-white-space", b" \n ")
    yield Case("fragment-half", good[: len(good) // 2])
    yield Case("fragment-no-end", good[:-3])
    yield Case("fragment-trailing-text", good + b"suite")
    yield Case("fragment-trailing-element", good + b"<x/>")
    yield Case("fragment-two-letters", good + good.partition(b"\n")[2])
    yield Case("fragment-leading-space", b" " + good)
    yield Case("fragment-json", b'{"version":"1.0"}')
    yield Case("fragment-html", b"<!doctype html><html><body>bonjour</body></html>")
    yield Case("fragment-binary", bytes(range(256)) * 40)
    yield Case("fragment-duplicate-attribute", good.replace(b' Id="letter"', b' Id="letter" Id="letter"'))


def _schema(bench: Bench) -> Cases:
    """Good signatures over content that is not an envelope, told to an authenticated sender."""
    changes = {
        "unknown-element": ("</Body>", "</Body><Inconnu/>"),
        "wrong-order": ("<Version>1.0</Version>", ""),
        "missing-recipients": ("Recipients", "Destinataires"),
        "bad-uuid": ("</MessageId>", "x</MessageId>"),
        "bad-enum": ("<Purpose>letter<", "<Purpose>lettre<"),
        "element-in-text": ("<Subject>", "<Subject><b>gras</b>"),
        "text-between": ("<Language>", "bruit<Language>"),
        "unknown-attribute": ("<Body>", '<Body lang="fr">'),
        "control-in-subject": ("fictive", "fictive&#9;&#10;"),
        "two-bodies": ("</Body>", "</Body><Body>deux</Body>"),
        "bad-version": ("<Version>1.0<", "<Version>2.0<"),
        "padded-version": ("<Version>1.0<", "<Version> 1.0 <"),
        "long-subject": ("fictive", "f" * 300),
    }
    for name, (old, new) in changes.items():
        case = f"schema-{name}"
        yield bench.xades(case, bench.letter(case).replace(old, new))
    case = "audience-another-hub"
    yield bench.xades(case, bench.letter(case, hub="OTHER-HUB"))
    yield bench.plain(case + "-basic", bench.letter(case, hub="OTHER-HUB"))
    case = "audience-case"
    yield bench.xades(case, bench.letter(case, hub="demo-hub"))
