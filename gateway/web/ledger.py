"""The public doors of the ledgers: checkpoints, proofs, time-stamps, tiles, cosignatures."""

from __future__ import annotations

import re
from functools import partial

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter

from gateway.domain.errors import NotFound
from gateway.exchange.evidence.ledger import Inclusion, Ledger
from gateway.web import ledger_described as words
from gateway.web.access import Access, public
from gateway.web.ledger_described import NOTE, OCTETS, TOKEN
from gateway.web.openapi.described import described
from gateway.web.tile_paths import read_level, read_tile_path
from gateway.wire.tlog import write_hashes

NOT_FOUND = "WASL-REQ-005"
NOT_YET = "WASL-REQ-011"
LARGEST_LINE = 1024
"""Octets of a cosignature that is handed in."""
_WEEK_S = 7 * 86_400
_PROOF = re.compile(r"(?P<digest>[0-9a-f]{64})(?P<token>\.tsr)?")


class Size(BaseConverter):
    """A number of entries in the one way to write it, small enough for the database."""

    regex = "0|[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)


def blueprint(ledger: Ledger) -> Blueprint:
    """The routes below ``/ledger``, and for the ledger of tests those below ``/ledger/test``."""
    doors = Blueprint("ledger", __name__, url_prefix="/ledger")
    doors.record_once(_know_sizes)
    for prefix, test in (("", False), ("/test", True)):
        _add(doors, _Doors(ledger, test), prefix, "test-" if test else "")
    return doors


def _know_sizes(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["size"] = Size


def _add(doors: Blueprint, door: _Doors, prefix: str, name: str) -> None:
    # partial: a method cannot carry what a view declares
    for rule, end, view, says in (
        ("/checkpoint", "checkpoint", door.checkpoint, words.CHECKPOINT),
        ("/proof/<name>", "proof", door.proof, words.PROOF),
        ("/token/<size:size>", "token", door.token, words.TOKEN_OF),
        ("/consistency/<size:old>/<size:new>", "consistency", door.consistency, words.CONSISTENCY),
        ("/cosignatures/<size:size>", "cosignatures", door.cosignatures, words.COSIGNATURES),
        ("/tile/entries/<path:path>", "entries", door.entries, words.ENTRIES),
        ("/tile/<level>/<path:path>", "tile", door.tile, words.TILE),
    ):
        doors.add_url_rule(prefix + rule, name + end, public(described(says)(partial(view))))
    doors.add_url_rule(
        f"{prefix}/cosignatures/<size:size>",
        f"{name}cosign",
        Access.cosignature(described(words.COSIGN)(partial(door.cosign))),
        methods=["POST"],
    )


class _Doors:
    """The views over one ledger."""

    def __init__(self, ledger: Ledger, test: bool) -> None:
        self._ledger, self._test = ledger, test

    def checkpoint(self) -> Response:
        latest = self._ledger.checkpoint(self._test)
        if latest is None:
            raise NotFound.because(NOT_YET)
        return _answer(latest.note, NOTE, for_long=False)

    def proof(self, name: str) -> Response:
        """Of a receipt by its content digest, whichever ledger holds it; with ``.tsr`` its time-stamp."""
        wanted = _PROOF.fullmatch(name)
        if wanted is None:
            raise NotFound.because(NOT_FOUND)
        found = self._ledger.inclusion(wanted["digest"])
        if found is None:
            raise NotFound.because(NOT_YET)
        return _time_stamp(found) if wanted["token"] else _proof(found)

    def token(self, size: int) -> Response:
        found = self._ledger.token(size, self._test)
        if found is None:
            raise NotFound.because(NOT_YET)
        return _answer(found, TOKEN)

    def consistency(self, old: int, new: int) -> Response:
        return _answer(write_hashes(self._ledger.consistency(old, new, self._test)), NOTE)

    def cosignatures(self, size: int) -> Response:
        lines = b"".join(self._ledger.cosignatures(size, self._test))
        return _answer(lines, NOTE, for_long=False)

    def cosign(self, size: int) -> Response:
        request.max_content_length = LARGEST_LINE
        self._ledger.add_cosignature(size, request.get_data(cache=False), self._test)
        return Response(status=204)

    def tile(self, level: str, path: str) -> Response:
        height, place = read_level(level), read_tile_path(path)
        if height is None or place is None:
            raise NotFound.because(NOT_FOUND)
        return _found(self._ledger.tile(height, *place, self._test))

    def entries(self, path: str) -> Response:
        place = read_tile_path(path)
        if place is None:
            raise NotFound.because(NOT_FOUND)
        return _found(self._ledger.entries(*place, self._test))


def _proof(found: Inclusion) -> Response:
    # one without a time-stamp is replaced when an earlier checkpoint gets its own
    return _answer(found.proof, NOTE, for_long=found.token is not None)


def _time_stamp(found: Inclusion) -> Response:
    if found.token is None:
        raise NotFound.because(NOT_YET)
    return _answer(found.token, TOKEN)


def _found(octets: bytes | None) -> Response:
    if octets is None:
        raise NotFound.because(NOT_FOUND)
    return _answer(octets, OCTETS)


def _answer(octets: bytes, media_type: str, *, for_long: bool = True) -> Response:
    """What never changes is kept for a week only: after a loss the ledger continues under these addresses."""
    answer = Response(octets, content_type=media_type)
    answer.headers["Cache-Control"] = f"public, max-age={_WEEK_S}" if for_long else "no-cache"
    answer.add_etag()
    answer.make_conditional(request)
    return answer
