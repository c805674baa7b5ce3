"""The smallest adapter that keeps every promise of `adapters.contract`: copy it to start a new kind.

It posts the signed octets alone. Options: ``url``, and ``token`` (reference of a secret, sent as bearer
token). To make a kind of your own: copy this module, give ``kind`` its name, and register the class in the
entry point group ``wasl.adapters``; then add it to the list in the adapters' contract test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.answers import KEPT, media_type
from adapters.auth import Auth
from adapters.contract import Context, Delivered, Letter
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
        token = str(context.options.get("token", ""))
        auth = Auth("bearer", token) if token else Auth()
        headers = {"Content-Type": letter.original_media_type, "Idempotency-Key": letter.delivery_id}
        response = context.http.request(
            "POST",
            str(context.options["url"]),
            headers=headers | auth.headers(context.secret),
            body=letter.original,
        )
        fault = fault_of_status(response, context.now())
        if fault is not None:
            raise fault
        if media_type(response) != "text/plain":
            raise Ambiguous("WASL-DLV-008", f"an answer of type {media_type(response)}")
        number = response.body.decode("utf-8", "replace").strip()
        return Delivered(response.body[:KEPT], "text/plain", target_reference=number or None)
