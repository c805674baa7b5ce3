"""Letters that must be accepted, so that the gate does not win by refusing everybody."""

from __future__ import annotations

from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Cases
from tests.assets.rawsign import C14N, C14N_11, ENVELOPED, EXC_C14N, Reference, Transform

SHA384 = rs.MORE + "sha384"
SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"


def cases(bench: Bench) -> Cases:
    """Every good XML letter."""
    yield from _references(bench)
    yield from _forms(bench)
    yield from _algorithms(bench)
    yield from _stacks(bench)
    yield from _octets(bench)


def _references(bench: Bench) -> Cases:
    yield from bench.both("good-uri-empty")
    yield bench.xades("good-uri-id", references=(Reference("#letter"), rs.PROPERTIES))
    yield bench.plain("good-uri-id-basic", references=(Reference("#letter"),))
    plan = bench.xades_plan()
    key_info = rs.key_info_of(plan, "ki")
    covers = Reference("#ki", (EXC_C14N,))
    yield bench.xades("good-keyinfo-last", key_info=key_info, references=(rs.ROOT, rs.PROPERTIES, covers))
    yield bench.xades("good-keyinfo-second", key_info=key_info, references=(rs.ROOT, covers, rs.PROPERTIES))
    yield bench.xades("good-no-root-id", bench.letter("good-no-root-id", attributes=""))
    identified = Reference(id="r-letter")
    yield bench.xades("good-reference-ids", references=(identified, rs.PROPERTIES))
    yield bench.plain("good-signature-id-basic", id="sig")


def _forms(bench: Bench) -> Cases:
    forms = {"exc": EXC_C14N, "c14n10": C14N, "c14n11": C14N_11}
    for name, form in forms.items():
        root, properties = (
            Reference("", (ENVELOPED, form)),
            Reference("#props", (form,), type=rs.PROPERTIES_TYPE),
        )
        yield bench.xades(f"good-{name}", references=(root, properties), c14n=form)
        yield bench.plain(f"good-{name}-basic", references=(root,), c14n=form)
    implied = Reference("", (ENVELOPED,))
    bare = Reference("#props", (), type=rs.PROPERTIES_TYPE)
    yield bench.xades("good-implied", references=(implied, bare), c14n=C14N)
    yield bench.plain("good-implied-basic", references=(implied,), c14n=C14N)
    yield bench.xades("good-mixed-forms", references=(implied, rs.PROPERTIES), c14n=C14N_11)


def _algorithms(bench: Bench) -> Cases:
    pss = rs.MORE_2007 + "sha256-rsa-MGF1"
    keys = {
        "p256": ("ministry", ""),
        "p384": ("ministry-p384", ""),
        "rsa2048": ("ministry-rsa", ""),
        "rsa3072-sha512": ("ministry-rsa3072", rs.MORE + "rsa-sha512"),
        "pss": ("ministry-rsa", pss),
        "pss-sha512": ("ministry-rsa3072", rs.MORE_2007 + "sha512-rsa-MGF1"),
    }
    for name, (holder, method) in keys.items():
        yield bench.xades(f"good-{name}", holder=holder, method=method)
        yield bench.plain(f"good-{name}-basic", holder=holder, method=method)
    for name, digest in (("sha384", SHA384), ("sha512", SHA512)):
        yield bench.xades(f"good-digest-{name}", references=(Reference(digest=digest), rs.PROPERTIES))
    who = bench.pki["ministry"].certificate
    stronger = rs.signing_certificate(rs.cert_v2(who, SHA512))
    yield bench.xades("good-certificate-digest-sha512", objects=bench.certs_object(stronger))
    rotated = bench.pki["ministry-by-subject"]
    yield bench.xades("good-registered-by-subject", holder=rotated.name)


def _stacks(bench: Bench) -> Cases:
    """As well-known signers write; the real ones run in the letter tests where they exist."""
    net = bench.plain_plan("ministry-rsa", references=(Reference("", (ENVELOPED,)),), c14n=C14N, prefix="")
    text = bench.letter("good-dotnet", attributes="", end="")
    yield bench.plain(
        "good-dotnet", text, holder="ministry-rsa", references=net.references, c14n=C14N, prefix=""
    )
    php = Reference("", (ENVELOPED, EXC_C14N))
    yield bench.plain("good-xmlseclibs", holder="ministry-rsa", references=(php,), space="\n  ")
    jdk = Reference("", (ENVELOPED,))
    props = Reference("#props", (C14N,), type=rs.PROPERTIES_TYPE)
    yield bench.xades("good-jdk", references=(jdk, props), c14n=C14N, breaks=rs.wrap_like_jdk)
    yield bench.xades("good-wrapped-base64", breaks=rs.wrap76, holder="ministry-rsa")
    yield bench.xades("good-indented-signature", space="\n    ")
    intermediates = (bench.pki["ministry"].certificate, *bench.pki["ministry"].chain)
    yield bench.xades("good-with-intermediate", certificates=intermediates)
    yield bench.plain("good-with-intermediate-basic", certificates=intermediates)
    listed = Transform(EXC_C14N, f'<ec:InclusiveNamespaces xmlns:ec="{EXC_C14N}" PrefixList="unused"/>')
    unused = 'xmlns="urn:wasl:envelope:1.0" xmlns:unused="urn:example:unused"'
    text = bench.letter("good-prefix-list-basic", xmlns=unused)
    root = Reference("", (ENVELOPED, listed), octets=rs.with_prefix_list("unused"))
    yield bench.plain("good-prefix-list-basic", text, references=(root,))
    defaulted = bench.xades_plan().objects.replace("xades:", "").replace("xmlns:xades=", "xmlns=")
    yield bench.xades(
        "good-default-prefixes", prefix="", objects=defaulted.replace("ds:Object>", "Object>"), c14n=C14N
    )


def _octets(bench: Bench) -> Cases:
    yield bench.xades("good-carriage-returns", bench.letter("good-carriage-returns", body="un&#13;\ndeux"))
    yield bench.xades("good-crlf-document", bench.letter("good-crlf-document", end="\r\n  "))
    yield bench.xades("good-cdata", bench.letter("good-cdata", body="<![CDATA[a < b & c]]>"))
    yield bench.xades(
        "good-space-around-date",
        bench.letter("good-space-around-date").replace("</CreatedAt>", " </CreatedAt>"),
    )
    yield bench.xades("good-byte-order-mark", bench.letter("good-byte-order-mark", declaration="\ufeff"))
    yield bench.xades("good-no-declaration", bench.letter("good-no-declaration", declaration=""))
    text = bench.letter("good-prefixed", p="w:", xmlns='xmlns:w="urn:wasl:envelope:1.0"')
    yield bench.xades("good-prefixed", text)
    unused = 'xmlns="urn:wasl:envelope:1.0" xmlns:unused="urn:example:unused"'
    yield bench.xades("good-unused-namespace", bench.letter("good-unused-namespace", xmlns=unused))
    for case, shift in (("good-claimed-early", {"days": -6.9}), ("good-claimed-late", {"minutes": 4})):
        time = rs.signing_time(bench.at(**shift))
        certs = rs.signing_certificate(rs.cert_v2(bench.pki["ministry"].certificate))
        yield bench.xades(case, objects=bench.certs_object(certs, time))
