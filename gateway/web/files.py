"""Stylesheet, scripts, pictures and fonts: everything a page loads comes from here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import fontpkg_amiri
from flask import Blueprint, Response, request, send_from_directory, url_for

from gateway.web.access import public

FOLDER = Path(__file__).parent / "static"
FONTS = Path(fontpkg_amiri.ROOT) / "files"
_YEAR_S = 366 * 86_400
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def blueprint() -> Blueprint:
    """The routes below ``/static``."""
    static = Blueprint("static_files", __name__, url_prefix="/static")
    versions = _versions()

    @static.get("/<name>")
    @public
    def file(name: str) -> Response:
        answer = send_from_directory(FOLDER, name, mimetype=_TYPES.get(Path(name).suffix))
        return _kept(answer, for_long=request.args.get("v") == versions.get(name))

    @static.get("/fonts/<name>")
    @public
    def font(name: str) -> Response:
        # the package's version is pinned, so that a face never changes under its name
        return _kept(send_from_directory(FONTS, name, mimetype="font/ttf"), for_long=True)

    @static.app_context_processor
    def addresses() -> Mapping[str, object]:
        return {"static": static_address}

    def static_address(name: str) -> str:
        return url_for("static_files.file", name=name, v=versions[name])

    static.record_once(lambda state: state.app.extensions.update(static_address=static_address))
    return static


def _versions() -> Mapping[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in FOLDER.iterdir()
        if path.is_file()
    }


def _kept(answer: Response, *, for_long: bool) -> Response:
    """An address that changes with its content may be kept; any other is asked for again."""
    answer.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable" if for_long else "no-cache"
    return answer
