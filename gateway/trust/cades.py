"""Seals a file with a detached CAdES signature, and verifies one (EN 319 122-1, level B-B)."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from gateway.trust.cms import BadCms, open_cms
from gateway.trust.cmssign import is_plain, sign_detached
from gateway.trust.seal import Sealer
from gateway.trust.signed import Signed

LARGEST = 64 * 1024
"""Octets of a signature; more are not parsed."""


def seal_detached(data: bytes, sealer: Sealer, at: datetime) -> bytes:
    """A detached CAdES B-B signature (DER) over ``data``.

    Args:
        at: signing time, aware; stated to the second.

    Raises:
        Unavailable: ``WASL-HUB-002``, the key cannot be used now.
    """
    return sign_detached(sha256(data).digest(), sealer, at)


def verify_detached(der: bytes, data: bytes) -> Signed:
    """The one good signature over ``data``; whose it is must be judged by others.

    Content type, digest, signer's certificate and signing time must be signed (EN 319 122-1 6.3); only
    what `seal_detached` writes is taken, octet for octet.

    Raises:
        BadCms: anything is wrong with it.
    """
    if len(der) > LARGEST:
        raise BadCms("malformed", "too long")
    signed = open_cms(der, "data", data)
    if signed.signing_time is None:
        raise BadCms("malformed", "without its signing time")
    if not is_plain(der, (signed.certificate, *signed.chain)):
        raise BadCms("malformed", "octets that nothing vouches for")
    return Signed(
        signed_bytes=data,
        certificate=signed.certificate,
        chain=signed.chain,
        level=None,
        claimed_time=signed.signing_time,
        content_digest=sha256(data).hexdigest(),
    )
