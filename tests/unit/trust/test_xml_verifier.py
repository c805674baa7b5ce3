"""Our leaner reading of a signature comes to the octets that the library's own comes to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from signxml.verifier import SignatureConfiguration, XMLVerifier
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

from gateway.trust.xmlgate import GatedXml
from tests.assets import rawsign
from tests.assets.rawsign import C14N, C14N_11, ENVELOPED, EXC_C14N, Reference, Transform
from tests.unit.trust.xmlkit import LETTER, NS, opened, plain, sign, verified, xades

CROWDED = LETTER.replace(
    f'<Envelope xmlns="{NS}"', f'<Envelope xmlns="{NS}" xmlns:unused="urn:unused" xml:lang="fr"'
)
LISTED = Transform(EXC_C14N, f'<ec:InclusiveNamespaces xmlns:ec="{EXC_C14N}" PrefixList="unused"/>')


def library_says(gated: GatedXml, verifier: XMLVerifier, configuration: Any) -> bytes:
    """The octets that the library, left as it is, finds covered by the first reference."""
    expected = replace(
        configuration,
        location="./",
        expect_references=gated.references,
        verification_time=gated.certificate.not_valid_before_utc,
    )
    results: Any = verifier.verify(
        gated.raw, x509_cert=gated.certificate, expect_config=expected, validate_schema=False
    )
    first = results[0] if isinstance(results, list) else results
    return bytes(first.signed_data)


@pytest.mark.parametrize("letter", [LETTER, CROWDED], ids=["bare", "crowded"])
@pytest.mark.parametrize("uri", ["", "#letter"])
@pytest.mark.parametrize("c14n", [C14N, C14N_11, EXC_C14N])
def test_a_xades_signature_covers_what_the_library_says(c14n: str, uri: str, letter: str) -> None:
    properties = replace(rawsign.PROPERTIES, transforms=(c14n,))
    plan = xades(c14n=c14n, references=(Reference(uri, (ENVELOPED, c14n)), properties))
    raw = sign(plan, letter)
    expected = library_says(opened(raw), XAdESVerifier(), XAdESSignatureConfiguration())
    assert verified(raw).signed_bytes == expected


@pytest.mark.parametrize("letter", [LETTER, CROWDED], ids=["bare", "crowded"])
@pytest.mark.parametrize(
    "transforms",
    [(ENVELOPED,), (ENVELOPED, C14N), (ENVELOPED, EXC_C14N)],
    ids=["implied", "inclusive", "exclusive"],
)
def test_a_plain_signature_covers_what_the_library_says(
    transforms: tuple[str | Transform, ...], letter: str
) -> None:
    raw = sign(plain(references=(Reference("", transforms),)), letter)
    expected = library_says(opened(raw), XMLVerifier(), SignatureConfiguration())
    assert verified(raw).signed_bytes == expected


def test_a_list_of_prefixes_is_heeded_as_the_library_heeds_it() -> None:
    reference = Reference("", (ENVELOPED, LISTED), octets=rawsign.with_prefix_list("unused"))
    raw = sign(plain(references=(reference,)), CROWDED)
    covered = verified(raw).signed_bytes
    assert covered == library_says(opened(raw), XMLVerifier(), SignatureConfiguration())
    assert b"urn:unused" in covered
