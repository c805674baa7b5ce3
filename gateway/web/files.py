"""Stylesheet, scripts, pictures and fonts: everything a page loads comes from here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory

from gateway.web.access import public

FOLDER = Path(__file__).parent / "static"
FONTS = Path(str(resources.files("fontpkg_amiri") / "files"))
_YEAR_S = 366 * 86_400
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def blueprint() -> Blueprint:
    """The routes below ``/static``."""
    static = Blueprint("files", __name__, url_prefix="/static")

    @static.get("/<name>")
    @public
    def file(name: str) -> Response:
        answer = send_from_directory(FOLDER, name, mimetype=_TYPES.get(Path(name).suffix))
        return _kept(answer, for_long=request.args.get("v") == versions().get(name))

    @static.get("/fonts/<name>")
    @public
    def font(name: str) -> Response:
        # the package's version is pinned, so that a face never changes under its name
        return _kept(send_from_directory(FONTS, name, mimetype="font/ttf"), for_long=True)

    return static


def address(name: str) -> str:
    """Where a page finds the file; the address changes with the content."""
    return f"/static/{name}?v={versions()[name]}"


@cache
def versions() -> Mapping[str, str]:
    """A short digest of each file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in FOLDER.iterdir()}


def _kept(answer: Response, *, for_long: bool) -> Response:
    """What changes its address with its content may be kept; anything else is asked for again."""
    answer.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable" if for_long else "no-cache"
    return answer
