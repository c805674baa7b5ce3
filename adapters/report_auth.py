"""Whether a call comes from the target of a route."""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from adapters.contract import Context, Report
from adapters.options import Options
from gateway.domain.errors import Permanent

KINDS = ("bearer", "header", "basic", "hmac", "certificate")
NOT_FROM_TARGET = "WASL-DLV-013"
_SHORTEST = 16
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class ReportAuth:
    """How a call proves itself; see `adapters.report`."""

    kind: str = "certificate"
    secret: str = ""
    header: str = ""
    username: str = ""
    timestamp_header: str = ""
    prefix: str = ""
    tolerance: timedelta = timedelta(seconds=300)

    @classmethod
    def read(cls, options: Options | None) -> ReportAuth:
        """The proof that the options describe; faults are noted there."""
        if options is None:
            return cls()
        kind = options.choice("kind", KINDS)
        signed = kind == "hmac"
        auth = cls(
            kind=kind,
            secret="" if kind == "certificate" else options.text("secret"),
            header=_header(options, "header") if kind in ("header", "hmac") else "",
            username=options.text("username") if kind == "basic" else "",
            timestamp_header=_header(options, "timestamp_header") if signed else "",
            prefix=options.text("prefix", "") if signed else "",
            tolerance=timedelta(seconds=options.number("tolerance_seconds", 300, 1) if signed else 300),
        )
        if auth.tolerance > timedelta(hours=1):
            options.fault("tolerance_seconds", "is more than an hour (3600)")
        options.end()
        return auth

    def check(self, report: Report, context: Context) -> None:
        """Check that a call comes from the target; no comparison tells by its time how far it got.

        Raises:
            Permanent: it does not.
        """
        if self.kind == "certificate":
            good = report.certified
        else:
            secret = context.secret(self.secret).encode("utf-8", "surrogateescape")
            if len(secret) < _SHORTEST:
                raise Permanent(NOT_FROM_TARGET, f"the route's secret is shorter than {_SHORTEST} octets")
            good = self._proves(report, secret, context.now())
        if not good:
            raise Permanent(NOT_FROM_TARGET, f"no good proof by {self.kind}")

    def _proves(self, report: Report, secret: bytes, now: datetime) -> bool:
        if self.kind == "hmac":
            return self._is_signed(report, secret, now)
        if self.kind == "header":
            return _same(_of(report, self.header), secret)
        scheme, _, given = _of(report, "authorization").partition(b" ")
        expected = (
            secret if self.kind == "bearer" else base64.b64encode(self.username.encode() + b":" + secret)
        )
        return scheme.lower() == self.kind.encode() and _same(given.strip(), expected)

    def _is_signed(self, report: Report, secret: bytes, now: datetime) -> bool:
        moment = _of(report, self.timestamp_header)
        digest = hmac.new(secret, moment + b"." + report.body, sha256).digest()
        given, prefix = _of(report, self.header), self.prefix.encode()
        proof = given.removeprefix(prefix)
        in_hex = _same(proof.lower(), digest.hex().encode())
        in_base64 = _same(proof, base64.b64encode(digest))
        good = given.startswith(prefix) and (in_hex or in_base64)
        return good and _is_near(moment, now, self.tolerance)


def _of(report: Report, header: str) -> bytes:
    return report.headers.get(header.lower(), "").strip().encode("utf-8", "surrogateescape")


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


def _is_near(said: bytes, now: datetime, tolerance: timedelta) -> bool:
    try:
        text = said.decode("ascii")
        moment = datetime.fromtimestamp(int(text), UTC) if _SECONDS.fullmatch(text) else _iso(text)
        return abs(now - moment) <= tolerance
    except (ValueError, OverflowError, OSError):
        return False


def _iso(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment


def _header(options: Options, key: str) -> str:
    name = options.text(key)
    if name and not re.fullmatch(r"[A-Za-z0-9-]{1,100}", name):
        options.fault(key, "is no name of a header")
    return name
