"""The page that verifies a receipt or a bundle as the offline verifier does; nothing is kept."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Blueprint, Response, request

from gateway import __version__
from gateway.domain.errors import GatewayFault
from gateway.exchange.evidence.ledger import Ledger
from gateway.i18n import mark
from gateway.settings import Settings
from gateway.verifier import texts
from gateway.verifier.beside import COSIGNATURES, PROOF, TOKEN, Beside
from gateway.verifier.bundle import verify_bundle
from gateway.verifier.facts import anchors, facts
from gateway.verifier.opening import BUNDLE_START
from gateway.verifier.report import Report, Status
from gateway.verifier.seal import Trust
from gateway.verifier.verify import LARGEST, verify_octets
from gateway.web.access import public
from gateway.web.flood import Flood
from gateway.web.layout import Layout
from gateway.web.upload import Upload, UploadLimits, read_upload

PARTS = 16
"""Most files in one form."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BESIDE = (PROOF, TOKEN, COSIGNATURES)

NO_FILE = mark("Choose a receipt or a bundle first.")
SEVERAL = mark("Choose one receipt at a time, with the files that belong to it.")
NO_DIGEST = mark("This is not the content digest of a receipt: 64 signs, 0 to 9 and a to f.")


@dataclass(frozen=True)
class Asked:
    """One file to verify with what came along; `original` is a SHA-256 digest in hexadecimal."""

    name: str
    octets: bytes
    beside: Beside
    original: str | None


class Unclear(Exception):
    """It cannot be told what to verify; `why` is a text to translate."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def blueprint(
    settings: Settings,
    ledger: Ledger,
    layout: Layout,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Blueprint:
    """The route ``/verify``."""
    desk = Desk(settings.trust.directory, ledger, now)
    limits = UploadLimits(
        LARGEST, settings.limits.attachment_bytes, PARTS, float(settings.web.request_seconds)
    )
    # never every thread of a process: whoever sends slowly holds one
    at_once = max(1, settings.web.threads - 1)
    flood = Flood(settings.limits.verifications_per_minute, at_once, time.monotonic)
    pages = Blueprint("verify", __name__)

    @pages.get("/verify")
    @public
    def ask() -> Response:
        digest = request.args.get("receipt")
        if digest is None:
            return _page(layout)
        if not _DIGEST.fullmatch(digest):
            return _page(layout, 400, said=NO_DIGEST)
        return _page(layout, digest=digest, entry=ledger.entry(digest))

    @pages.post("/verify")
    @public
    def answer() -> Response:
        with flood.admitted(request.remote_addr or ""):
            upload = read_upload(request, limits, time.monotonic)
            try:
                report, added = desk.judge(sort(upload))
            except Unclear as unclear:
                return _page(layout, 400, said=unclear.why)
        return _answer(layout, report, added, now())

    return pages


def sort(upload: Upload) -> Asked:
    """Which file is to be verified and which ones lie beside it, by their names.

    Raises:
        Unclear: none, or several.
    """
    found = {
        suffix: _only(octets for name, octets in upload.files if name.endswith(suffix)) for suffix in _BESIDE
    }
    rest = [(name, octets) for name, octets in upload.files if not name.endswith(_BESIDE)]
    if not rest:
        raise Unclear(NO_FILE)
    if len(rest) > 1:
        raise Unclear(SEVERAL)
    beside = Beside(found[PROOF], found[TOKEN], found[COSIGNATURES])
    return Asked(*rest[0], beside, upload.original)


def _only(found: Iterable[bytes]) -> bytes | None:
    octets = list(found)
    if len(octets) > 1:
        raise Unclear(SEVERAL)
    return octets[0] if octets else None


@dataclass(frozen=True)
class Desk:
    """Judges under the hub's own trust folder, and adds what only its own ledger has."""

    trust: Path
    ledger: Ledger
    now: Callable[[], datetime]

    def judge(self, asked: Asked) -> tuple[Report, bool]:
        """The report, and whether the hub added the proof from its ledger."""
        trust = Trust.load(self.trust)
        if asked.octets.startswith(BUNDLE_START):
            return self._bundle(asked, trust), False
        report = self._receipt(asked, trust)
        if asked.beside.proof is not None or report.content_digest is None:
            return report, False
        beside = self._own(report.content_digest)
        if beside is None:
            return report, False
        return self._receipt(replace(asked, beside=beside), trust), True

    def _receipt(self, asked: Asked, trust: Trust) -> Report:
        beside = asked.beside
        return verify_octets(
            asked.name,
            asked.octets,
            trust,
            asked.original,
            self.now(),
            beside.proof,
            beside.token,
            beside.cosignatures,
        )

    def _bundle(self, asked: Asked, trust: Trust) -> Report:
        # Read from a file, for what is inside may be large once it is unpacked.
        with TemporaryDirectory(prefix="wasl-verify-") as folder:
            path = Path(folder) / "bundle"
            path.write_bytes(asked.octets)
            report = verify_bundle(path, trust, asked.original, self.now())
        return replace(report, file=asked.name)

    def _own(self, digest: str) -> Beside | None:
        try:
            found = self.ledger.inclusion(digest)
        except GatewayFault:  # the receipt is judged as it came
            return None
        return None if found is None else Beside(found.proof, found.token)


def _page(layout: Layout, status: int = 200, **values: object) -> Response:
    empty = {"said": None, "digest": None, "entry": None, "report": None}
    return layout.page(
        "verify.html", status, here="/verify" if values.get("said") else None, **empty | values
    )


def _answer(layout: Layout, report: Report, added: bool, now: datetime) -> Response:
    language = layout.reader().language
    return layout.page(
        "verify.html",
        here="/verify",
        said=None,
        digest=None,
        entry=None,
        report=report,
        language=language if language in texts.LANGUAGES else "en",
        word=f"word.{report.verdict.value}",
        words=texts.text,
        shapes=SHAPES,
        added=added,
        facts=facts,
        anchors=anchors(report),
        version=__version__,
        now=texts.moment(now),
    )


SHAPES = {
    Status.GOOD: "done",
    Status.NOTE: "declined",
    Status.UNDECIDED: "held",
    Status.BAD: "failed",
    Status.USAGE: "failed",
}
"""The shape beside what each step came to."""
