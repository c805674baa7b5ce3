"""What a signature's references point at, and by which steps."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

from gateway.domain.evidence.verdict import Level
from gateway.trust.algorithms import DIGEST_METHODS, SIGNATURE_METHODS
from gateway.trust.xmlnames import (
    CANONICALIZATIONS,
    ENVELOPED,
    EXC,
    MANIFEST_TYPE,
    SIGNED_PROPERTIES_TYPE,
    child,
    ds,
    refused,
    xades,
)
from gateway.trust.xmlshape import ALGORITHM, OBJECT, REFERENCES, STRUCTURE, TRANSFORM

NOT_WHOLE = "WASL-SIG-005"
MANIFEST = "WASL-SIG-009"

Identified = Mapping[str, etree._Element]
"""Every element that has an identifier, by it."""

_PREFIXES = re.compile(r"([^\s:]{1,64}( [^\s:]{1,64}){0,31})?")


def check_signed_info(signature: etree._Element, ids: Identified, level: Level) -> int:
    """The number of references, if each points where its profile says, by allowed steps.

    Raises:
        Refused: ``WASL-SIG-004`` … ``009`` or ``017``.
    """
    info = child(signature, ds("SignedInfo"))
    _check_methods(info)
    references = info.findall(ds("Reference"))
    for one in references:
        _check_steps(one)
    _check_whole(references[0], signature, ids)
    _check_others(references[1:], signature, ids, level)
    return len(references)


def _check_methods(info: etree._Element) -> None:
    form = child(info, ds("CanonicalizationMethod"))
    if form.get("Algorithm") not in CANONICALIZATIONS:
        raise refused(ALGORITHM, form, found=form.get("Algorithm"))
    _check_prefixes(form)
    method = child(info, ds("SignatureMethod"))
    if method.get("Algorithm") not in SIGNATURE_METHODS:
        raise refused(ALGORITHM, method, found=method.get("Algorithm"))


def _check_steps(reference: etree._Element) -> None:
    if reference.get("Type") == MANIFEST_TYPE:
        raise refused(MANIFEST, reference)
    for one in reference.iterfind(f"{ds('Transforms')}/{ds('Transform')}"):
        if one.get("Algorithm") not in (ENVELOPED, *CANONICALIZATIONS):
            raise refused(TRANSFORM, one, found=one.get("Algorithm"))
        _check_prefixes(one)
    digest = child(reference, ds("DigestMethod"))
    if digest.get("Algorithm") not in DIGEST_METHODS:
        raise refused(ALGORITHM, digest, found=digest.get("Algorithm"))


def _check_prefixes(step: etree._Element) -> None:
    prefixes = step.find(f"{{{EXC}}}InclusiveNamespaces")
    if prefixes is None:
        return
    if step.get("Algorithm") != EXC or not _PREFIXES.fullmatch(prefixes.get("PrefixList") or ""):
        raise refused(TRANSFORM, step, found="InclusiveNamespaces")


def _check_whole(reference: etree._Element, signature: etree._Element, ids: Identified) -> None:
    uri = reference.get("URI")
    if uri is None or (uri and _target(uri, ids) is not signature.getparent()):
        raise refused(NOT_WHOLE, reference, expected='URI=""', found=uri)
    if reference.get("Type") == SIGNED_PROPERTIES_TYPE:
        raise refused(OBJECT, reference, found=reference.get("Type"))
    steps = _steps(reference)
    if steps.count(ENVELOPED) != 1:
        raise refused(REFERENCES, reference, expected=ENVELOPED)
    if steps[0] != ENVELOPED:  # what follows a canonical form would have to be parsed again
        raise refused(TRANSFORM, reference, expected=ENVELOPED, found=steps[0])


def _check_others(
    references: list[etree._Element], signature: etree._Element, ids: Identified, level: Level
) -> None:
    if level is not Level.XADES:
        if references:
            raise refused(REFERENCES, references[0], expected="1", found=str(1 + len(references)))
        return
    properties = child(
        signature, f"{ds('Object')}/{xades('QualifyingProperties')}/{xades('SignedProperties')}"
    )
    key_info = child(signature, ds("KeyInfo"))
    owed = {properties: True, key_info: False}
    for one in references:
        target = _target(one.get("URI") or "", ids)
        if target is None or target not in owed:
            raise refused(STRUCTURE, one, expected="SignedProperties, KeyInfo", found=one.get("URI"))
        del owed[target]
        if (one.get("Type") == SIGNED_PROPERTIES_TYPE) is not (target is properties):
            raise refused(OBJECT, one, expected=SIGNED_PROPERTIES_TYPE, found=one.get("Type"))
        if len(_steps(one)) > 1 or ENVELOPED in _steps(one):
            raise refused(TRANSFORM, one)
    if properties in owed:
        raise refused(OBJECT, child(signature, ds("SignedInfo")), expected=SIGNED_PROPERTIES_TYPE)


def _target(uri: str, ids: Identified) -> etree._Element | None:
    # Only the plain attribute Id is pointed at: verifiers differ about id, ID and xml:id.
    found = ids.get(uri[1:]) if uri.startswith("#") else None
    return found if found is not None and found.get("Id") == uri[1:] else None


def _steps(reference: etree._Element) -> list[str]:
    found = reference.iterfind(f"{ds('Transforms')}/{ds('Transform')}")
    return [one.get("Algorithm") or "" for one in found]
