"""What was found where a test letter's signature does not verify: for people who write a signer."""

from __future__ import annotations

from dataclasses import dataclass

MOST_OCTETS = 64 * 1024
"""Of one canonical form that are shown; its length and digest are those of all of it."""


@dataclass(frozen=True)
class Canonical:
    """Octets that were signed or hashed, or the beginning of them; ``size`` is the length of all."""

    octets: bytes
    size: int

    @classmethod
    def of(cls, octets: bytes) -> Canonical:
        """The same, cut to what is shown."""
        return cls(octets[:MOST_OCTETS], len(octets))


@dataclass(frozen=True)
class ReferenceFound:
    """One reference of an XML signature.

    Attributes:
        uri: as it stands there.
        method: identifier of the digest's algorithm.
        expected, found: digests, as the signature states it and as it is of the canonical form.
    """

    uri: str
    method: str
    expected: bytes
    found: bytes
    canonical: Canonical

    @property
    def good(self) -> bool:
        return self.expected == self.found


@dataclass(frozen=True)
class Examination:
    """A signature that does not verify, taken apart.

    Attributes:
        method: the signature's algorithm, as the document names it.
        signed: the octets that the signature value must be over: canonical SignedInfo, or a JWS's signing
            input.
        references: of an XML signature; a JWS has none.
    """

    method: str
    signed: Canonical
    references: tuple[ReferenceFound, ...] = ()
