"""A recipient's system calls by itself to say what became of letters that it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

import structlog

from adapters.contract import Adapter, Context, News, Report, Reports
from gateway.domain.errors import DeliveryError, Fault, GatewayFault, NotAuthenticated, Refused, Unavailable
from gateway.domain.registry.parties import Office, Route, RouteKind
from gateway.domain.transit.news import ABSURD, STRANGER
from gateway.exchange.transit.attempt import place
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.news import LaterNews, Told, without_secrets
from gateway.exchange.transit.sound import sound_error
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store

_NOT_FROM_TARGET = "WASL-DLV-013"
_MOST_NEWS = 1000
_LONGEST_ID = 10
_LONGEST_SAID = 200

_log = structlog.get_logger()


@dataclass(frozen=True)
class Reporting:
    """Takes the calls; to everybody but the office's own system there is no office here.

    Attributes:
        adapters: every installed kind, by name.
        contexts: what an adapter may use on a route.
    """

    store: Store
    news: LaterNews
    adapters: Mapping[str, Adapter]
    contexts: Callable[[Route], Context]

    def take(self, name: str, report: Report, party: str | None = None) -> tuple[Told, ...]:
        """Do what follows from a call; the same call again changes nothing.

        Args:
            name: the office whose system claims to call.
            party: whose certificate the connection showed.

        Raises:
            NotAuthenticated: there is no such office, its route takes no calls, or the call is not from its
                system: which of these is told to nobody.
            Refused: the route understands nothing of it.
            Unavailable: it cannot be taken now, and is to be repeated.
        """
        office, adapter = self._called(name)
        if office is None or adapter is None:
            raise NotAuthenticated.because(STRANGER)
        certified = party is not None and party == office.party
        heard = self._read(office, adapter, replace(report, certified=certified))
        if len(heard) > _MOST_NEWS:
            raise Refused.because(ABSURD, "/", expected=str(_MOST_NEWS), found=str(len(heard)))
        return self.news.take(office.id, heard)

    def _called(self, name: str) -> tuple[Office | None, Reports | None]:
        with self.store.read() as session:
            office = registry.office(session, name) if len(name) <= _LONGEST_ID and name.isascii() else None
        if office is None or not office.active or office.route.kind is not RouteKind.ADAPTER:
            return None, None
        adapter = self.adapters.get(office.route.adapter)
        return office, adapter if isinstance(adapter, Reports) else None

    def _read(self, office: Office, adapter: Reports, report: Report) -> tuple[News, ...]:
        tape = Tape(hearing=False)
        try:
            if not adapter.can_report(office.route.options):
                raise NotAuthenticated.because(STRANGER)
            read = islice(adapter.read_report(report, tape.over(self.contexts(office.route))), _MOST_NEWS + 1)
            return tuple(without_secrets(one, tape) for one in read if isinstance(one, News))
        except DeliveryError as error:
            sure = sound_error(error, tape.hide)
            _log.warning(
                "report not taken", office=office.id, code=sure.code, said=sure.detail[:_LONGEST_SAID]
            )
            if error.code == _NOT_FROM_TARGET:
                raise NotAuthenticated.because(STRANGER) from error
            raise Refused(Fault(ABSURD, "/")) from error
        except Unavailable:
            raise
        except GatewayFault as fault:  # such as a secret that is not there: nobody can prove anything by it
            _log.error("reports cannot be judged", office=office.id, cause=str(fault))
            raise NotAuthenticated.because(STRANGER) from fault
        except Refused:
            raise
        except Exception as error:
            _log.error("adapter failed", office=office.id, cause=place(error))
            raise Refused(Fault(ABSURD, "/")) from error
