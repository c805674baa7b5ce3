"""Signature wrapping: a good signature, and other content where a careless reader looks."""

from __future__ import annotations

import re

from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases
from tests.assets.rawsign import C14N, ENVELOPED, EXC_C14N, SLOT, Reference

PLAIN_ROOT = Reference("#letter")


def cases(bench: Bench) -> Cases:
    """Every wrapping case, outsiders' first."""
    for profile in ("", "-basic"):
        yield from _moved(bench, profile)
        yield from _spellings(bench, profile)
    yield from _inside_the_signature(bench)
    yield from _insiders(bench)
    yield from _envelopes_of_signatures(bench)


def _victim(
    bench: Bench, profile: str, root: Reference = PLAIN_ROOT, attributes: str = ' Id="letter"'
) -> str:
    """A letter that a trusted party really signed, without its XML declaration."""
    text = bench.letter("wrapped-victim", declaration="", attributes=attributes)
    references = (root, rs.PROPERTIES) if not profile else (root,)
    make = bench.xades if not profile else bench.plain
    return make("", text, references=references).raw.decode()


def _parts(victim: str) -> tuple[str, str]:
    """The victim without its signature, and its signature."""
    found = re.search(r"<ds:Signature .*</ds:Signature>", victim, re.DOTALL)
    assert found is not None
    return victim.replace(found[0], ""), found[0]


def _evil(bench: Bench, case: str, slot: str, **changes: str) -> str:
    settings = {
        "attributes": ' Id="forged"',
        "subject": "Texte que personne n'a signé",
        "slot": slot,
    } | changes
    return bench.letter(case, **settings)


def _moved(bench: Bench, profile: str) -> Cases:
    """The signed original is moved; the root is the attacker's (McIntosh and Austel 2005)."""
    bare, signature = _parts(_victim(bench, profile))
    in_object = signature.replace("</ds:Signature>", f"<ds:Object>{bare}</ds:Object></ds:Signature>")
    in_key_info = signature.replace("</ds:KeyInfo>", f"{bare}</ds:KeyInfo>")
    in_info = signature.replace("</ds:SignedInfo>", f"</ds:SignedInfo>{bare}")
    in_value = signature.replace("<ds:SignatureValue>", f"<ds:SignatureValue>{bare}")
    places = {
        "object": in_object,
        "key-info": in_key_info,
        "after-signed-info": in_info,
        "signature-value": in_value,
        "sibling-before": bare + signature,
        "sibling-after": signature + bare,
        "header": f'<Header xmlns="urn:example:header">{bare}</Header>{signature}',
        "whole-original": bare.replace("</Envelope>", f"{signature}</Envelope>"),
        "whole-original-as-last-but-one": bare.replace("</Envelope>", f"{signature}</Envelope>") + signature,
    }
    for place, slot in places.items():
        case = f"wrap-{place}{profile}"
        yield Case(case, _evil(bench, case, slot).encode())
        case = f"wrap-{place}-same-id{profile}"
        yield Case(case, _evil(bench, case, slot, attributes=' Id="letter"').encode())
        case = f"wrap-{place}-no-id{profile}"
        yield Case(case, _evil(bench, case, slot, attributes="").encode())
    first = f"wrap-original-first-child{profile}"
    yield Case(first, _evil(bench, first, signature, first=bare).encode())
    body = f"wrap-original-in-body{profile}"
    yield Case(body, _evil(bench, body, signature, body=bare).encode())


def _spellings(bench: Bench, profile: str) -> Cases:
    """The attacker's root and the original both answer to the Id, in different spellings."""
    for spelling in ("ID", "id", "xml:id", "wsu:Id", "AssertionID"):
        bare, signature = _parts(_victim(bench, profile))
        wsu = ' xmlns:wsu="urn:example:utility"' if spelling == "wsu:Id" else ""
        letters = "caps" if spelling == "ID" else "low"
        case = f"wrap-spelling-{spelling.replace(':', '-').lower()}-{letters}{profile}"
        attributes = f'{wsu} {spelling}="letter"'
        yield Case(case, _evil(bench, case, bare + signature, attributes=attributes).encode())


def _inside_the_signature(bench: Bench) -> Cases:
    """The signed root stays; the enveloped transform hides what is added inside the signature."""
    victim = _victim(bench, "", Reference(""))
    forged = _evil(bench, "forged-inside", "", declaration="")
    spots = {
        "object": ("</ds:Signature>", f"<ds:Object>{forged}</ds:Object></ds:Signature>"),
        "object-first": ("<ds:Object>", f"<ds:Object>{forged}</ds:Object><ds:Object>"),
        "key-info": ("</ds:KeyInfo>", f"{forged}</ds:KeyInfo>"),
        "x509-data": ("</ds:X509Data>", f"{forged}</ds:X509Data>"),
        "unsigned-properties": (
            "</xades:QualifyingProperties>",
            f"<xades:UnsignedProperties><xades:UnsignedSignatureProperties>{forged}"
            "</xades:UnsignedSignatureProperties></xades:UnsignedProperties></xades:QualifyingProperties>",
        ),
        "last-child": ("</ds:Signature>", f"{forged}</ds:Signature>"),
    }
    for spot, (old, new) in spots.items():
        yield Case(f"hidden-{spot}", victim.replace(old, new, 1).encode())
    for spot in ("object", "key-info", "last-child"):
        old, new = spots[spot]
        plain = _victim(bench, "-basic", Reference(""))
        yield Case(f"hidden-{spot}-basic", plain.replace(old, new, 1).encode())


def _insiders(bench: Bench) -> Cases:
    """A trusted party signs a nested envelope and lets the root say something else."""
    for profile in ("", "-basic"):
        inner = _evil(bench, "inner", "", declaration="", attributes=' Id="inner"')
        make = bench.xades if not profile else bench.plain
        also = (rs.PROPERTIES,) if not profile else ()
        for name, transforms in (("", (EXC_C14N,)), ("-enveloped", (ENVELOPED, EXC_C14N)), ("-implied", ())):
            reference = Reference("#inner", transforms)
            case = f"insider-nested-envelope{name}{profile}"
            text = bench.letter(case, extra=inner)
            yield make(case, text, references=(reference, *also), c14n=EXC_C14N)
    plan = bench.xades_plan()
    case = "insider-envelope-in-own-object"
    objects = f'<ds:Object Id="inner">{inner}</ds:Object>'.replace(
        '<Envelope xmlns="urn:wasl:envelope:1.0" Id="inner"', '<Envelope xmlns="urn:wasl:envelope:1.0"'
    )
    referenced = Reference("#inner", (EXC_C14N,))
    yield bench.xades(case, references=(referenced, rs.PROPERTIES), objects=objects + plan.objects)
    yield bench.plain(case + "-basic", references=(referenced,), objects=objects)


def _envelopes_of_signatures(bench: Bench) -> Cases:
    """Roots that are not an envelope."""
    victim = _victim(bench, "", Reference("#letter"))
    yield Case(
        "root-soap",
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{victim}</s:Body></s:Envelope>'.encode(),
    )
    yield Case("root-wrapper", f"<Wrapper>{victim}</Wrapper>".encode())
    other = "urn:wasl:envelope:1.1"
    yield bench.xades("root-other-version", bench.letter("root-other-version", xmlns=f'xmlns="{other}"'))
    yield bench.xades("root-no-namespace", bench.letter("root-no-namespace", xmlns=""))
    yield bench.xades(
        "root-lower-case",
        bench.letter("root-lower-case")
        .replace("Envelope ", "envelope ")
        .replace("</Envelope>", "</envelope>"),
    )
    inner = bench.letter("root-signature", slot="", declaration="", attributes=' Id="letter"')
    plan = bench.plain_plan(
        references=(Reference("#letter", (C14N,)),), objects=f"<ds:Object>{inner}</ds:Object>"
    )
    yield Case("root-signature", rs.sign(SLOT, plan))
