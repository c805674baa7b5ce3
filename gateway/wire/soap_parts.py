"""The octets that a submission over SOAP points at, wherever they travel."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.domain.errors import Refused, TooLarge
from gateway.wire.mime import ROOT_TOO_LARGE, Part
from gateway.wire.soap_answer import INLINE_TOO_LARGE
from gateway.wire.soap_call import PARTS, Included, SoapCall

_ANY = "application/octet-stream"


def check_inline(call: SoapCall, most: int) -> None:
    """Nothing, if the attachments inside the message have at most ``most`` octets together.

    Raises:
        TooLarge: ``WASL-SOP-008``.
    """
    inside = sum(len(one) for _, one in call.attachments if isinstance(one, bytes))
    if inside > most:
        raise TooLarge.because(INLINE_TOO_LARGE, expected=str(most), found=str(inside))


def is_whole(call: SoapCall) -> bool:
    """Whether everything that the call carries stands in the message itself."""
    return not any(isinstance(one, Included) for one in (call.octets, *(one for _, one in call.attachments)))


def envelope_of(call: SoapCall, parts: Iterator[Part], limit: int) -> bytes:
    """The signed envelope: inside, or the first part, since nothing else is read before it is known.

    Raises:
        TooLarge: ``WASL-REQ-002``, more octets than ``limit``.
        Refused: ``WASL-SOP-009`` the first part is another one.
    """
    chunks = iter([call.octets]) if isinstance(call.octets, bytes) else _first(call.octets, parts)
    octets = bytearray()
    for chunk in chunks:
        octets += chunk
        if len(octets) > limit:
            raise TooLarge.because(ROOT_TOO_LARGE, expected=str(limit))
    return bytes(octets)


def _first(wanted: Included, parts: Iterator[Part]) -> Iterator[bytes]:
    part = next(parts, None)
    if part is None or part.content_id != wanted.content_id:
        found = None if part is None else part.content_id
        raise Refused.because(PARTS, "octets", expected=wanted.content_id, found=found)
    return part.chunks


def contents_of(call: SoapCall, parts: Iterator[Part]) -> Iterator[Part]:
    """The contents of attachments under the identifiers of the envelope: those inside, then part after part.

    Raises:
        Refused: ``WASL-SOP-009`` a part that nothing points at, or none where something does.
    """
    owed: dict[str, str] = {}
    for content_id, octets in call.attachments:
        if isinstance(octets, bytes):
            yield Part(content_id, _ANY, iter([octets]))
        else:
            owed[octets.content_id] = content_id
    for part in parts:
        name = owed.pop(part.content_id, None)
        if name is None:
            raise Refused.because(PARTS, "attachment", found=part.content_id)
        yield Part(name, part.media_type, part.chunks)
    if owed:
        raise Refused.because(PARTS, "attachment", expected=next(iter(owed)))


def check_no_parts(parts: Iterator[Part]) -> None:
    """Nothing, if no part is left.

    Raises:
        Refused: ``WASL-SOP-009``.
    """
    part = next(parts, None)
    if part is not None:
        raise Refused.because(PARTS, found=part.content_id)
