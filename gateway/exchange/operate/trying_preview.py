"""Shows the exact calls by which a letter would be handed over; none is sent, and no secret is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from adapters.contract import Adapter, Context, Letter, Previews, Request, refuse_to_dial
from gateway.domain.errors import DeliveryError, GatewayFault, Permanent
from gateway.domain.registry.parties import Route, RouteKind
from gateway.exchange.transit.attempt import NO_ADAPTER, NOT_INSTALLED, NOT_SET, ours, place
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.sound import MOST_SHOWN, sound_error


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
            context = replace(tape.over(self.contexts(route)), dial=refuse_to_dial)
            shown = islice(adapter.preview(letter, context), MOST_SHOWN)
            return tuple(tape.hide_in_call(one) for one in shown)
        except DeliveryError as error:
            raise sound_error(error, tape.hide) from error
        except GatewayFault as fault:
            raise ours(fault, started=False) from fault
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise Permanent(NO_ADAPTER, place(error)) from error
