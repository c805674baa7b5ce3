"""Parts of a signature that readers may pick differently, and letters changed on their way."""

from __future__ import annotations

import hashlib

from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases
from tests.assets.rawsign import ENVELOPED, EXC_C14N, SHA256, Reference


def cases(bench: Bench) -> Cases:
    """Every case about structure and changes."""
    yield from _structure(bench)
    yield from _changed(bench)


def _structure(bench: Bench) -> Cases:
    """Children of the signature that readers may pick differently."""
    manifest = (
        '<ds:Manifest Id="m"><ds:Reference URI="">'
        f'<ds:Transforms><ds:Transform Algorithm="{ENVELOPED}"/></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>AAAA</ds:DigestValue>'
        "</ds:Reference></ds:Manifest>"
    )
    wrapped = f"<ds:Object>{manifest}</ds:Object>"
    plan = bench.xades_plan()
    typed = Reference("#m", (EXC_C14N,), type=rs.DS + "Manifest")
    yield bench.plain("manifest-instead-of-root", references=(typed,), objects=wrapped)
    yield bench.plain("manifest-beside-root", references=(rs.ROOT, typed), objects=wrapped)
    yield bench.xades(
        "manifest-beside-xades", references=(rs.ROOT, rs.PROPERTIES, typed), objects=plan.objects + wrapped
    )
    yield bench.xades("manifest-unsigned", objects=plan.objects + wrapped)
    yield bench.xades(
        "manifest-in-body",
        bench.letter(
            "manifest-in-body", extra=manifest.replace("<ds:Manifest", f'<ds:Manifest xmlns:ds="{rs.DS}"')
        ),
    )
    for profile, make in (("", bench.xades), ("-basic", bench.plain)):
        good = make(f"structure{profile}").raw.decode()
        info = good[good.index("<ds:SignedInfo>") : good.index("</ds:SignedInfo>") + 16]
        fake = info.replace("<ds:DigestValue>", "<ds:DigestValue>AAAA")
        changes = {
            "two-signed-infos": good.replace(info, info + fake),
            "two-signed-infos-fake-first": good.replace(info, fake + info),
            "two-values": good.replace(
                "</ds:SignatureValue>", "</ds:SignatureValue><ds:SignatureValue>AAAA</ds:SignatureValue>"
            ),
            "two-values-fake-first": good.replace(
                "<ds:SignatureValue>", "<ds:SignatureValue>AAAA</ds:SignatureValue><ds:SignatureValue>"
            ),
            "value-before-info": _reordered(good, info),
            "foreign-child": good.replace(
                "</ds:Signature>", '<x:Any xmlns:x="urn:example:x"/></ds:Signature>'
            ),
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
        yield make(
            f"structure-foreign-in-reference{profile}", references=(Reference(extra=foreign), *references)
        )
        yield make(f"structure-foreign-in-signed-info{profile}", signed_info_extra=foreign)
        yield make(f"structure-foreign-in-method{profile}", method_inner=foreign)


def _reordered(text: str, info: str) -> str:
    start, end = text.index("<ds:SignatureValue>"), text.index("</ds:SignatureValue>") + 20
    value = text[start:end]
    return text.replace(value, "").replace(info, value + info)


def _changed(bench: Bench) -> Cases:
    """A good letter that somebody changed on its way."""
    for profile, make in (("", bench.xades), ("-basic", bench.plain)):
        good = make(
            f"changed{profile}", references=(Reference("#letter"), *((rs.PROPERTIES,) if not profile else ()))
        ).raw.decode()
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
    fresh = rs.b64(hashlib.sha256(rs.covered(rs.parse(text), Reference("#letter"))).digest())
    return text.replace(old, fresh)
