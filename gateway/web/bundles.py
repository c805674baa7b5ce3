"""The door to bundles: everything about one letter in one sealed file, for its sender."""

from __future__ import annotations

import os
from typing import BinaryIO

from flask import Blueprint, Response

from gateway.domain.identifiers import read_reference
from gateway.exchange.evidence.bundle import Bundles
from gateway.web.access import Access
from gateway.web.answers import in_pieces
from gateway.web.api import READ
from gateway.wire.asic import MEDIA_TYPE


def blueprint(bundles: Bundles, access: Access) -> Blueprint:
    """The route ``/api/v1/envelopes/{reference}/evidence``."""
    door = Blueprint("bundles", __name__, url_prefix="/api/v1")

    @door.get("/envelopes/<reference>/evidence")
    @access.token(READ)
    def evidence(party: str, reference: str) -> Response:
        return _download(bundles.make(reference, party), read_reference(reference) or "letter")

    return door


def _download(file: BinaryIO, reference: str) -> Response:
    """The file in pieces, so that its length costs no memory; it goes with the answer."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    answer = in_pieces(file, size, MEDIA_TYPE)  # fresh: the next one may hold more receipts
    answer.headers["Content-Disposition"] = f'attachment; filename="{reference}-evidence.asice"'
    return answer
