"""The door to bundles: everything about one letter in one sealed file, for its sender."""

from __future__ import annotations

import os
from typing import BinaryIO

from flask import Blueprint, Response

from gateway.domain.identifiers import read_reference
from gateway.exchange.evidence.bundle import Bundles
from gateway.exchange.registry.tokens import READ
from gateway.i18n import mark
from gateway.web.access import Access
from gateway.web.answers import in_pieces
from gateway.web.openapi import common
from gateway.web.openapi.described import Described, described, octets
from gateway.wire.asic import MEDIA_TYPE


def blueprint(bundles: Bundles, access: Access) -> Blueprint:
    """The route ``/api/v1/envelopes/{reference}/evidence``."""
    door = Blueprint("bundles", __name__, url_prefix="/api/v1")

    @door.get("/envelopes/<reference>/evidence")
    @access.token(READ)
    @described(BUNDLE)
    def evidence(party: str, reference: str) -> Response:
        return _download(bundles.make(reference, party), read_reference(reference) or "letter")

    return door


BUNDLE = Described(
    common.FOLLOWING,
    mark("Fetch everything about a letter in one sealed file"),
    (octets(200, mark("A bundle (ASiC-E) that verifies without the hub."), MEDIA_TYPE),),
    parameters=(common.LETTER,),
    problems=(404,),
)


def _download(file: BinaryIO, reference: str) -> Response:
    """The file in pieces, so that its length costs no memory; it goes with the answer."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    answer = in_pieces(file, size, MEDIA_TYPE)  # fresh: the next one may hold more receipts
    answer.headers["Content-Disposition"] = f'attachment; filename="{reference}-evidence.asice"'
    return answer
