"""One call to a sender's own system: its end is one of the failures of a delivery, and tells no secret."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import structlog

from adapters.contract import Context, Notice, Response, TellsSenders
from gateway.domain.errors import Ambiguous, DeliveryError, GatewayFault, Permanent, Temporary
from gateway.exchange.transit.attempt import NO_ADAPTER, ours, place
from gateway.exchange.transit.claim import LeaseLost
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.memory import TOO_MUCH, Stretch
from gateway.exchange.transit.sound import sound_error

_LONGEST = 500
"""As long as the column of what was said."""

_log = structlog.get_logger()


def tell(adapter: object, notice: Notice, context: Context, keep: Callable[[], None]) -> DeliveryError | None:
    """Tell a sender's system one receipt; what kept it from taking it, or None when it did.

    Args:
        adapter: of the kind that the party declared, if there is one.
        keep: called before each request; keeps the lease.

    Raises:
        LeaseLost: somebody else tells this party by now.
    """
    if not isinstance(adapter, TellsSenders):
        return Permanent(NO_ADAPTER, "no adapter of that kind tells senders")
    way = Way(context, keep)
    try:
        adapter.tell(notice, way.context)
    except LeaseLost:
        raise
    except DeliveryError as error:
        return way.without_secrets(error)
    except GatewayFault as fault:
        return way.without_secrets(ours(fault, started=True))
    except Exception as error:  # noqa: BLE001 - decides nothing: the receipt is told again
        cause = place(error)
        _log.error("adapter failed", receipt=notice.receipt_id, cause=cause)
        return Ambiguous(TOO_MUCH if isinstance(error, MemoryError) else NO_ADAPTER, cause)
    return None


class Way:
    """The way out of one call: keeps the lease, and knows what must not be repeated.

    Attributes:
        context: what the adapter is given.

    Args:
        tape: hears every call.
        stretch: by which the memory that the kind takes is watched.
    """

    def __init__(
        self,
        context: Context,
        keep: Callable[[], None],
        tape: Tape | None = None,
        stretch: Stretch | None = None,
    ) -> None:
        self._tape, self._keep = Tape(hearing=False) if tape is None else tape, keep
        self._stretch = stretch
        heard = self._tape.over(context)
        self._http, self._dial = heard.http, heard.dial
        self.context = replace(heard, http=self, dial=self.dial, step=self._tape.step)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        content_length: int | None = None,
        identity: str | None = None,
    ) -> Response:
        """As `adapters.contract.Http.request`."""
        with self._hub():
            self._keep()
            return self._http.request(
                method, url, headers=headers, body=body, content_length=content_length, identity=identity
            )

    def dial(self, host: str, port: int) -> socket.socket:
        """As `adapters.contract.Dial`."""
        with self._hub():
            self._keep()
            self._tape.dialled(host, port)
            return self._dial(host, port)

    def _hub(self) -> AbstractContextManager[object]:
        return nullcontext() if self._stretch is None else self._stretch.hub()

    def without_secrets(self, error: DeliveryError) -> DeliveryError:
        """The same failure; a system that repeats our credentials does not make us keep them."""
        sure = sound_error(error, self._tape.hide)
        detail = sure.detail[:_LONGEST]
        if isinstance(sure, Temporary):
            return Temporary(sure.code, detail, sure.retry_after)
        return (Permanent if isinstance(sure, Permanent) else Ambiguous)(sure.code, detail)
