"""The smallest adapter that keeps every promise of `adapters.contract`: copy it to start a new kind.

It posts the signed octets alone, to recipients a letter's and to senders a receipt's. Options of both:
``url``, and ``token`` (reference of a secret, sent as bearer token). To make a kind of your own: copy this
module, give ``kind`` its name, and register the class in the entry point group ``wasl.adapters``; then add
it to the list in the adapters' contract test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.answers import KEPT, media_type
from adapters.auth import Auth
from adapters.contract import Context, Delivered, Letter, Notice, Response
from adapters.options import Options
from adapters.outcomes import fault_of_status
from gateway.domain.errors import Ambiguous


class SkeletonAdapter:
    """The kind ``skeleton``."""

    kind = "skeleton"
    # The target gets the delivery id with every letter and promises to take it once.
    idempotent = True
    # The octets of the envelope are in memory anyway; attachments stay behind.
    streams = False

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """What is wrong with a route's options: read them as `deliver` does, and list the faults."""
        reader = Options(options)
        reader.url("url")
        reader.text("token", "")
        reader.end()
        return reader.faults

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        """Post the letter.

        Whatever `Http.request` raises is already right and passes through. After that, decide for each
        answer: did the target not begin (Temporary), will it never (Permanent), or does nobody know
        (Ambiguous)? In doubt it is Ambiguous: a person or a look-up will find out, and no letter
        arrives twice.

        Raises:
            DeliveryError: see above.
        """
        response = _post(letter.original, letter.original_media_type, letter.delivery_id, context)
        number = response.body.decode("utf-8", "replace").strip()
        return Delivered(response.body[:KEPT], "text/plain", target_reference=number or None)

    def check_telling(self, options: Mapping[str, Any]) -> list[str]:
        """What is wrong with the options of a party's receipts: here they are those of a route."""
        return self.check_options(options)

    def tell(self, notice: Notice, context: Context) -> None:
        """Post the receipt; leave this out where a kind has nobody to tell.

        Raises:
            DeliveryError: as for `deliver`. In doubt it is told again, which must do no harm.
        """
        _post(notice.sealed, notice.media_type, notice.receipt_id, context)


def _post(octets: bytes, form: str, key: str, context: Context) -> Response:
    """Send octets of a media type under an idempotency key; the answer of a success.

    Raises:
        DeliveryError: it is none.
    """
    token = str(context.options.get("token", ""))
    auth = Auth("bearer", token) if token else Auth()
    response = context.http.request(
        "POST",
        str(context.options["url"]),
        headers={"Content-Type": form, "Idempotency-Key": key} | auth.headers(context.secret),
        body=octets,
    )
    fault = fault_of_status(response, context.now())
    if fault is not None:
        raise fault
    if media_type(response) != "text/plain":
        raise Ambiguous("WASL-DLV-008", f"an answer of type {media_type(response)}")
    return response
