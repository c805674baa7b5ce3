"""Ways from a certificate up to an anchor on which every authority may issue what lies below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtensionOID

from gateway.trust.algorithms import SMALLEST_RSA
from gateway.trust.anchors import Anchors, issued_by
from gateway.trust.chain_names import within_constraints

Path = tuple[x509.Certificate, ...]
"""From the signer's certificate up to the anchor."""

LONGEST_PATH = 6
MOST_CHECKS = 48  # issuer signatures looked at for one certificate, however many came along

_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
    }
)
_DIGESTS = frozenset({"sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"})
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})

Found = TypeVar("Found", bound=x509.ExtensionType)


def find_paths(
    certificate: x509.Certificate, intermediates: Sequence[x509.Certificate], anchors: Anchors
) -> Iterator[Path]:
    """Every way from ``certificate`` to an anchor on which each signature verifies.

    A pinned certificate's way ends at its issuer, if that is at hand, for the sake of revocation.
    Bounded in length and effort, because whoever signs chooses ``intermediates``.
    """
    pool, budget = (*anchors.intermediates, *intermediates), iter(range(MOST_CHECKS))
    if certificate in anchors.pinned:
        issuer = (one for one in pool if _issues(one, certificate, budget))
        yield (certificate, *islice(issuer, 1))
    yield from _extend((certificate,), pool, anchors.roots, budget)


def _extend(path: Path, pool: Path, roots: Path, budget: Iterator[int]) -> Iterator[Path]:
    for root in roots:
        if _issues(root, path[-1], budget):
            yield (*path, root)
    if len(path) + 1 >= LONGEST_PATH:
        return
    for one in pool:
        if one not in path and _issues(one, path[-1], budget):
            yield from _extend((*path, one), pool, roots, budget)


def _issues(issuer: x509.Certificate, certificate: x509.Certificate, budget: Iterator[int]) -> bool:
    if certificate.issuer != issuer.subject or next(budget, None) is None:
        return False
    return issued_by(certificate, issuer)


def constraints_kept(path: Path) -> bool:
    """Whether every authority of ``path`` may issue what lies below it (RFC 5280 6.1.4, 6.1.5).

    Raises:
        ValueError: an extension cannot be read.
    """
    return all(_understood(one) for one in path) and all(
        _may_issue(path[position], path[:position]) for position in range(1, len(path))
    )


def _understood(certificate: x509.Certificate) -> bool:
    return all(one.oid in _UNDERSTOOD for one in certificate.extensions if one.critical)


def _may_issue(authority: x509.Certificate, below: Path) -> bool:
    basic = extension(authority, x509.BasicConstraints)
    usage = extension(authority, x509.KeyUsage)
    if basic is None or not basic.ca or (usage is not None and not usage.key_cert_sign):
        return False
    intermediates = [one for one in below[1:] if one.issuer != one.subject]
    if basic.path_length is not None and len(intermediates) > basic.path_length:
        return False
    names = extension(authority, x509.NameConstraints)
    return names is None or all(within_constraints(one, names) for one in (below[0], *intermediates))


def extension(certificate: x509.Certificate, kind: type[Found]) -> Found | None:
    """The extension of that kind, or None.

    Raises:
        ValueError: it, or another one, cannot be read.
    """
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def strong(path: Path) -> bool:
    """Whether all keys of ``path`` and all digests below its anchor are still to be relied on."""
    digests = (one.signature_hash_algorithm for one in path[:-1])
    return all(map(_strong_key, path)) and all(
        digest is None or digest.name in _DIGESTS for digest in digests
    )


def _strong_key(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= SMALLEST_RSA
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.name in _CURVES
    return isinstance(key, ed25519.Ed25519PublicKey)
