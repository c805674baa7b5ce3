"""The trust package's page and files: what a verifier must believe, with fingerprints to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from flask import Blueprint, Response, request

from gateway.domain.errors import NotFound
from gateway.exchange.evidence.trust_package import TrustFile, TrustPackage, archive, by_folder
from gateway.i18n import mark
from gateway.settings import Hub
from gateway.web.access import public
from gateway.web.layout import Layout
from gateway.web.openapi import common
from gateway.web.openapi.described import Answer, Described, Parameter, described, octets
from gateway.web.openapi.schema import TEXT

NOT_FOUND = "WASL-REQ-005"
PACKAGE = "trust.zip"
FOLDERS: Mapping[str, str] = {
    "seal": mark("Authorities of the hub’s seal"),
    "seal/test": mark("Authorities of the seal of test receipts"),
    "tsa": mark("Time-stamp authorities"),
    "parties": mark("Authorities of senders"),
    "ledger": mark("Keys of the ledger"),
    "ledger/test": mark("Keys of the ledger of tests"),
    "witnesses": mark("Witnesses of the ledger"),
}
"""What the files in each folder of the package are."""
_TYPES = {
    ".pem": "application/pem-certificate-chain",  # RFC 8555 9.1
    ".vkey": "text/plain; charset=utf-8",
}


def blueprint(package: TrustPackage, hub: Hub, layout: Layout) -> Blueprint:
    """The routes below ``/pki``."""
    doors = Blueprint("pki", __name__, url_prefix="/pki")

    @doors.get("/")
    @public
    def page() -> Response:
        files = package.files()
        held = by_folder(files)
        folders = [(folder, FOLDERS[folder], held[folder]) for folder in FOLDERS if folder in held]
        digest = hashlib.sha256(archive(files)).hexdigest()
        address = f"{hub.public_url}/pki/{PACKAGE}"
        return layout.page("pki.html", folders=folders, digest=digest, address=address)

    @doors.get(f"/{PACKAGE}")
    @public
    @described(WHOLE)
    def whole() -> Response:
        answer = _file(archive(package.files()), "application/zip")
        answer.headers["Content-Disposition"] = f'attachment; filename="{PACKAGE}"'
        return answer

    @doors.get("/<path:path>")
    @public
    @described(ONE)
    def one(path: str) -> Response:
        found = package.file(path)
        if found is None:
            raise NotFound.because(NOT_FOUND)
        return _file(found.octets, _type(found))

    return doors


_SAME = Answer(304, mark("It is still what the caller has (If-None-Match)."))
_HELD = (*_TYPES.values(), "application/x-pem-file", "application/pkix-crl")
WHOLE = Described(
    common.EVIDENCE,
    mark("Fetch the trust package"),
    (octets(200, mark("Everything that a verifier must believe, as an archive."), "application/zip"), _SAME),
)
ONE = Described(
    common.EVIDENCE,
    mark("Fetch a file of the trust package"),
    (octets(200, mark("A certificate, a revocation list or a key."), *_HELD), _SAME),
    parameters=(Parameter("path", mark("Folder and name."), TEXT, "path", required=True),),
    problems=(404,),
)


def _type(file: TrustFile) -> str:
    suffix = file.name[file.name.rindex(".") :]
    is_text = file.octets.lstrip().startswith(b"-----")
    return _TYPES.get(suffix) or ("application/x-pem-file" if is_text else "application/pkix-crl")


def _file(octets: bytes, media_type: str) -> Response:
    """Revocation lists are renewed under their address, so that everything is asked for again."""
    answer = Response(octets, content_type=media_type)
    answer.headers["Cache-Control"] = "no-cache"
    answer.add_etag()
    answer.make_conditional(request)
    return answer
