"""A test letter's wrong signature as members of a problem document."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from gateway.domain.evidence.examination import Canonical, Examination


def examined(found: Examination) -> dict[str, Any]:
    """The octets that the signature value must be over, and each reference with its digests and octets.

    Digests are in base64, as ``ds:DigestValue`` has them.
    """
    return {
        "method": found.method,
        "signed": _octets(found.signed),
        "references": [
            {
                "uri": one.uri,
                "digestMethod": one.method,
                "expected": _base64(one.expected),
                "found": _base64(one.found),
                "good": one.good,
                "canonical": _octets(one.canonical),
            }
            for one in found.references
        ],
    }


def _octets(canonical: Canonical) -> dict[str, Any]:
    return {"octets": _base64(canonical.octets), "size": canonical.size}


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
