"""Shows the exact calls by which a letter would be handed over; none is sent, and no secret is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from adapters.contract import Adapter, Context, Letter, Previews, Request, refuse_to_dial
from gateway.domain.errors import DeliveryError, GatewayFault, Permanent
from gateway.domain.registry.parties import Route, RouteKind
from gateway.exchange.transit.attempt import NO_ADAPTER, NOT_INSTALLED, NOT_SET, ours, place
from gateway.exchange.transit.exchanges_masking import Mask, secret_values
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.sound import MOST_SHOWN, sound_error, words

_LONGEST_BODY = 256 * 1024
_LONGEST_URL = 4000


@dataclass(frozen=True)
class Previewing:
    """Previews letters on routes; a kind may fetch what describes its system, such as a WSDL.

    Attributes:
        contexts: builds what an adapter may use on a route.
    """

    adapters: Mapping[str, Adapter]
    contexts: Callable[[Route], Context]

    def preview(self, route: Route, letter: Letter) -> tuple[Request, ...]:
        """Every call, in order.

        Raises:
            DeliveryError: why there would be none: the mapping does not fit, or the route is no good.
        """
        adapter = self.adapters.get(route.adapter) if route.kind is RouteKind.ADAPTER else None
        if adapter is None:
            raise Permanent(NOT_INSTALLED, f"{route.adapter or route.kind.value}: no kind that calls anybody")
        tape = Tape(hearing=False)
        try:
            faults = adapter.check_options(route.options)
            if faults:
                raise Permanent(NOT_SET, "; ".join(faults))
            if not isinstance(adapter, Previews):
                raise Permanent(NOT_INSTALLED, f"the kind {route.adapter} cannot show its calls beforehand")
            context = self.contexts(route)
            context = replace(context, secret=tape.knowing(context.secret), dial=refuse_to_dial)
            return tuple(_shown(one, tape) for one in islice(adapter.preview(letter, context), MOST_SHOWN))
        except DeliveryError as error:
            raise sound_error(error, tape.hide) from error
        except GatewayFault as fault:
            raise ours(fault, started=False) from fault
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise Permanent(NO_ADAPTER, place(error)) from error


def _shown(request: Request, tape: Tape) -> Request:
    mask = Mask([*tape.secrets, *secret_values(request.headers)])
    headers = {words(name, 200): words(value, _LONGEST_URL) for name, value in request.headers.items()}
    return Request(
        words(request.method, 20),
        mask.url(words(request.url, _LONGEST_URL)),
        mask.headers(headers),
        mask.text(words(request.body, _LONGEST_BODY)),
    )
