"""How many signatures there are, where they stand, and which elements share an identifier."""

from __future__ import annotations

from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases
from tests.assets.rawsign import SLOT, Reference


def cases(bench: Bench) -> Cases:
    """Every case about count, place and identifiers."""
    yield from _counting(bench)
    yield from _identifiers(bench)


def _counting(bench: Bench) -> Cases:
    """None, several, and in the wrong place."""
    yield Case("unsigned", bench.letter("unsigned", slot="").encode())
    yield Case(
        "unsigned-empty-signature",
        bench.letter("unsigned-empty-signature", slot=f'<ds:Signature xmlns:ds="{rs.DS}"/>').encode(),
    )
    for lookalike in (
        "http://www.w3.org/2000/09/xmldsig",
        "http://www.w3.org/2009/xmldsig11#",
        "urn:wasl:envelope:1.0",
    ):
        case = f"lookalike-{lookalike.rpartition('/')[2].strip('#').replace(':', '-')}"
        yield Case(
            case,
            bench.xades(case).raw.replace(f'xmlns:ds="{rs.DS}"'.encode(), f'xmlns:ds="{lookalike}"'.encode()),
        )
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
    counter = (
        inner.replace("</ds:Signature>", "") and bench.xades("", bench.letter("countersigned")).raw.decode()
    )
    block = (
        "<xades:UnsignedProperties><xades:UnsignedSignatureProperties><xades:CounterSignature>"
        f"{renamed}</xades:CounterSignature></xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
    )
    yield Case(
        "countersigned",
        counter.replace("</xades:QualifyingProperties>", f"{block}</xades:QualifyingProperties>").encode(),
    )


def _identifiers(bench: Bench) -> Cases:
    """One identifier on two elements; every one of these is validly signed."""
    for spelling in ("Id", "ID", "id", "xml:id"):
        case = f"duplicate-id-{spelling.replace(':', '-')}" + ("-caps" if spelling == "ID" else "")
        extra = f'<x:Note xmlns:x="urn:example:x" {spelling}="letter">deux</x:Note>'
        yield bench.xades(
            case, bench.letter(case, extra=extra), references=(Reference("#letter"), rs.PROPERTIES)
        )
        other = f"duplicate-props-{spelling.replace(':', '-')}" + ("-caps" if spelling == "ID" else "")
        fake = rs.signed_properties(rs.signing_time(bench.at()), "").replace(
            ' Id="props"', f' {spelling}="props"'
        )
        fake = fake.replace("<xades:SignedProperties", f'<xades:SignedProperties xmlns:xades="{rs.XADES}"')
        yield bench.xades(other, bench.letter(other, extra=fake))
    yield bench.xades(
        "duplicate-root-and-signature", bench.letter("duplicate-root-and-signature", attributes=' Id="sig"')
    )
    yield bench.plain(
        "duplicate-root-and-signature-basic",
        bench.letter("duplicate-root-and-signature-basic", attributes=' Id="sig"'),
        id="sig",
    )
    padded = bench.letter("identifier-padded", attributes=' Id=" letter "')
    yield bench.xades(
        "identifier-padded",
        padded,
        references=(Reference("#letter", octets=lambda tree: rs.covered(tree, rs.ROOT)), rs.PROPERTIES),
    )
    key_info = rs.key_info_of(bench.xades_plan(), "letter")
    yield bench.xades("duplicate-root-and-key-info", key_info=key_info)
    for spelling in ("id", "xml:id", "ID"):
        case = f"root-spelling-{spelling.replace(':', '-')}" + ("-caps" if spelling == "ID" else "")
        text = bench.letter(case, attributes=f' {spelling}="letter"')
        yield bench.xades(case, text, references=(Reference("#letter"), rs.PROPERTIES))
