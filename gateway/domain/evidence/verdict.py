"""What the verification of a signature came to, in the terms of ETSI EN 319 102-1."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Indication(Enum):
    """EN 319 102-1 clause 5.1.3, main status indication."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INDETERMINATE = "INDETERMINATE"


class SubIndication(Enum):
    """EN 319 102-1 clause 5.1.3, table 6: why a verdict is not PASSED."""

    FORMAT_FAILURE = "FORMAT_FAILURE"
    HASH_FAILURE = "HASH_FAILURE"
    SIG_CRYPTO_FAILURE = "SIG_CRYPTO_FAILURE"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    SIG_CONSTRAINTS_FAILURE = "SIG_CONSTRAINTS_FAILURE"
    CHAIN_CONSTRAINTS_FAILURE = "CHAIN_CONSTRAINTS_FAILURE"
    CERTIFICATE_CHAIN_GENERAL_FAILURE = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
    CRYPTO_CONSTRAINTS_FAILURE = "CRYPTO_CONSTRAINTS_FAILURE"
    NO_SIGNING_CERTIFICATE_FOUND = "NO_SIGNING_CERTIFICATE_FOUND"
    NO_CERTIFICATE_CHAIN_FOUND = "NO_CERTIFICATE_CHAIN_FOUND"
    OUT_OF_BOUNDS_NO_POE = "OUT_OF_BOUNDS_NO_POE"
    TRY_LATER = "TRY_LATER"


class Level(Enum):
    """Which signature profile the envelope carries."""

    XADES = "XAdES"
    JWS = "JWS"
    XMLDSIG = "XMLDSig"


@dataclass(frozen=True)
class Verdict:
    """Outcome of judging a signature or a certificate; ``sub`` is None exactly when PASSED."""

    indication: Indication
    sub: SubIndication | None = None
    detail: str = ""

    @property
    def passed(self) -> bool:
        return self.indication is Indication.PASSED


PASSED = Verdict(Indication.PASSED)


def failed(sub: SubIndication, detail: str = "") -> Verdict:
    return Verdict(Indication.FAILED, sub, detail)


def indeterminate(sub: SubIndication, detail: str = "") -> Verdict:
    return Verdict(Indication.INDETERMINATE, sub, detail)
