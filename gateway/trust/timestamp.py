"""Time-stamp tokens: asking for one, reading one, judging who made it (RFC 3161, RFC 5816)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from asn1crypto import parser, tsp
from cryptography import x509

from gateway.domain.evidence.verdict import Verdict
from gateway.trust.anchors import Anchors
from gateway.trust.chain import Purpose, judge
from gateway.trust.cms import MALFORMED, UNREADABLE, BadCms, CmsSigned, open_cms

LARGEST = 64 * 1024
_SHA256_OCTETS = 32
_LARGEST_ACCURACY = 1_000_000_000
_OBJECT_IDENTIFIER, _SEQUENCE = 6, 16
_GRANTED = frozenset({"granted", "granted_with_mods"})


class BadToken(Exception):
    """Not a token to rely on.

    Attributes:
        code: ``malformed``, ``rejected`` (the authority's answer is a refusal), ``imprint`` (over
            something else), ``signature`` or ``certificate``; of an answer also ``nonce``.
    """

    def __init__(self, code: str, why: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {why}" if why else code)


@dataclass(frozen=True)
class Token:
    """A token whose signature is good; who made it is still to be judged.

    Attributes:
        time: aware, in UTC.
        imprint: SHA-256 digest of what existed at that time, 32 octets.
        chain: certificates that came along, not to be trusted by themselves.
        policy: the authority's, a dotted object identifier.
        accuracy: how far `time` may be wrong by the authority's own word; None where it says nothing.
        octets: the token (CMS) without the response around it.
    """

    time: datetime
    imprint: bytes
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    policy: str
    serial: int
    octets: bytes
    accuracy: timedelta | None = None


@dataclass(frozen=True)
class Stamp:
    """What an authority answered.

    Attributes:
        response: octets of the TimeStampResp.
        authority: where it came from, for people.
    """

    response: bytes
    token: Token
    authority: str


class TimeSource(Protocol):
    """Whoever can say that something existed now."""

    def stamp(self, digest: bytes) -> Stamp:
        """A token over a SHA-256 digest (32 octets).

        Raises:
            Unavailable: nobody can stamp now.
        """


def read_token(octets: bytes, known: Sequence[x509.Certificate] = ()) -> Token:
    """The token of a TimeStampResp, or the token itself.

    Args:
        known: certificates at hand, for tokens that came without their signer's.

    Raises:
        BadToken: ``malformed``, ``rejected``, ``imprint`` (no SHA-256), ``signature`` or ``certificate``.
    """
    return _read(octets, known)[0]


def check_imprint(token: Token, data: bytes) -> None:
    """Nothing, if the token is over ``data``.

    Raises:
        BadToken: ``imprint``.
    """
    if hashlib.sha256(data).digest() != token.imprint:
        raise BadToken("imprint", "over something else")


def judge_authority(token: Token, anchors: Anchors, require_revocation: bool = True) -> Verdict:
    """Whether the token's maker was a time-stamp authority under ``anchors`` when it made it.

    Args:
        require_revocation: see `gateway.trust.chain.judge`.
    """
    return judge(
        token.certificate,
        token.chain,
        anchors,
        token.time,
        require_revocation=require_revocation,
        purpose=Purpose.TIME_STAMPING,
    )


def make_request(digest: bytes, nonce: int) -> bytes:
    """A TimeStampReq that asks for the authority's certificate too.

    Args:
        digest: SHA-256, 32 octets.
        nonce: a large number that was never used before.
    """
    request = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest},
            "nonce": nonce,
            "cert_req": True,
        }
    )
    return bytes(request.dump())


def check_response(octets: bytes, digest: bytes, nonce: int) -> Token:
    """The token of the answer to a request (RFC 3161 2.4.2).

    Raises:
        BadToken: as `read_token`; ``imprint`` or ``nonce`` where it answers another request.
    """
    token, stated = _read(octets, ())
    if token.imprint != digest:
        raise BadToken("imprint", "over something else")
    if stated != nonce:
        raise BadToken("nonce", "the answer to another request")
    return token


def _read(octets: bytes, known: Sequence[x509.Certificate]) -> tuple[Token, int | None]:
    if len(octets) > LARGEST:
        raise BadToken(MALFORMED, f"more than {LARGEST} octets")
    try:
        bare = _without_response(octets)
        return _token(bare, open_cms(bare, "tst_info", known=known))
    except BadCms as error:
        raise BadToken(error.code, str(error)) from error
    except UNREADABLE as error:
        raise BadToken(MALFORMED, type(error).__name__) from error


def _without_response(octets: bytes) -> bytes:
    """The token in ``octets``, which are a response exactly when they do not begin with a type."""
    content: bytes = parser.parse(octets, strict=True)[4]
    _, _, tag, header, inner, trailer = parser.parse(content)
    if tag == _OBJECT_IDENTIFIER:
        return octets
    if tag != _SEQUENCE:
        raise BadToken(MALFORMED, "neither a response nor a token")
    end = len(header) + len(inner) + len(trailer)
    status = tsp.PKIStatusInfo.load(content[:end])
    if status["status"].native not in _GRANTED:
        raise BadToken("rejected", _why(status))
    return content[end:]


def _why(status: Any) -> str:
    failure = status["fail_info"].native or set()
    return " ".join([str(status["status"].native), *sorted(map(str, failure))])[:120]


def _token(bare: bytes, signed: CmsSigned) -> tuple[Token, int | None]:
    info = tsp.TSTInfo.load(signed.content, strict=True)
    imprint = info["message_imprint"]
    digest = bytes(imprint["hashed_message"].native)
    if info["version"].native != "v1" or any(one["critical"].native for one in info["extensions"] or ()):
        raise BadToken(MALFORMED, "a version or an extension that nobody here understands")
    if imprint["hash_algorithm"]["algorithm"].native != "sha256" or len(digest) != _SHA256_OCTETS:
        raise BadToken("imprint", "not of SHA-256")
    token = Token(
        time=_time(info["gen_time"]),
        imprint=digest,
        certificate=signed.certificate,
        chain=signed.chain,
        policy=str(info["policy"].dotted),
        serial=int(info["serial_number"].native),
        octets=bare,
        accuracy=_accuracy(info["accuracy"].native),
    )
    return token, info["nonce"].native


def _accuracy(stated: Mapping[str, int | None] | None) -> timedelta | None:
    # RFC 3161 2.4.2: a part that is left out is zero
    if stated is None:
        return None
    seconds, millis, micros = (stated[unit] or 0 for unit in ("seconds", "millis", "micros"))
    return timedelta(seconds=min(seconds, _LARGEST_ACCURACY), milliseconds=millis, microseconds=micros)


def _time(stated: Any) -> datetime:
    moment = stated.native
    # RFC 3161 2.4.2: UTC, and said to be; the parser takes local times and the year 0 too.
    if not isinstance(moment, datetime) or not stated.contents.endswith(b"Z"):
        raise BadToken(MALFORMED, "not a time in UTC")
    return moment.astimezone(UTC)
