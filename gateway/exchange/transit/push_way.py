"""One call to a sender's own system: its end is one of the failures of a delivery, and tells no secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import structlog

from adapters.contract import Context, Http, Notice, Response, TellsSenders
from gateway.domain.errors import Ambiguous, DeliveryError, GatewayFault, Permanent, Temporary
from gateway.exchange.transit.attempt import NO_ADAPTER, ours, place
from gateway.exchange.transit.claim import LeaseLost
from gateway.exchange.transit.sound import sound_error

MASK = "•••"
_SHORTEST_SECRET = 4
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
        adapter.tell(notice, replace(context, http=way, secret=way.secret))
    except LeaseLost:
        raise
    except DeliveryError as error:
        return way.without_secrets(error)
    except GatewayFault as fault:
        return way.without_secrets(ours(fault, started=True))
    except Exception as error:  # noqa: BLE001 - decides nothing: the receipt is told again
        cause = place(error)
        _log.error("adapter failed", receipt=notice.receipt_id, cause=cause)
        return Ambiguous(NO_ADAPTER, cause)
    return None


@dataclass
class Way:
    """The way out of one call: keeps the lease, and remembers what must not be repeated."""

    context: Context
    keep: Callable[[], None]
    _secrets: set[str] = field(default_factory=set)

    @property
    def _http(self) -> Http:
        return self.context.http

    def secret(self, name: str) -> str:
        """As `Context.secret`."""
        found = self.context.secret(name)
        self._secrets.add(found)
        return found

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
        self.keep()
        for name, value in (headers or {}).items():
            if name.lower() == "authorization":
                self._secrets |= {value, value.rpartition(" ")[2]}
        return self._http.request(
            method, url, headers=headers, body=body, content_length=content_length, identity=identity
        )

    def without_secrets(self, error: DeliveryError) -> DeliveryError:
        """The same failure; a system that repeats our credentials does not make us keep them."""
        error = sound_error(error)
        detail = error.detail
        for secret in sorted(self._secrets, key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                detail = detail.replace(secret, MASK)
        if isinstance(error, Temporary):
            return Temporary(error.code, detail[:_LONGEST], error.retry_after)
        kind = Permanent if isinstance(error, Permanent) else Ambiguous
        return kind(error.code, detail[:_LONGEST])
