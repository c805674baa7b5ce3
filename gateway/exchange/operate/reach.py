"""Which offices could not receive, by what is declared of them and what is installed here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from adapters.contract import Adapter
from gateway.domain.registry.parties import Office, RouteKind
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store

_NAMED = 20
_READERS = 2


@dataclass
class Reach:
    """Looks the offices through; again only after the registry changed.

    Attributes:
        adapters: the kinds that are installed where this runs.
    """

    store: Store
    adapters: Mapping[str, Adapter]
    _kept: tuple[int, Mapping[str, str]] | None = None

    def warnings(self) -> Mapping[str, str]:
        """What a person must look at, by resource, one sentence each.

        Raises:
            Unavailable: the database cannot be read.
        """
        with self.store.read() as session:
            version = registry.version(session)
            if self._kept is not None and self._kept[0] == version:
                return self._kept[1]
            offices = [one for one in registry.offices(session) if one.active]
        found = dict(_warnings(offices, self.adapters))
        self._kept = version, found
        return found


def _warnings(offices: list[Office], adapters: Mapping[str, Adapter]) -> Iterator[tuple[str, str]]:
    missing: dict[str, list[str]] = {}
    unfit = []
    for office in offices:
        if office.route.kind is not RouteKind.ADAPTER:
            continue
        adapter = adapters.get(office.route.adapter)
        if adapter is None:
            missing.setdefault(office.route.adapter, []).append(office.id)
        elif adapter.check_options(office.route.options):
            unfit.append(office.id)
    if missing:
        said = (
            f"no adapter {kind!r} is installed, which serves {_names(those)}"
            for kind, those in missing.items()
        )
        yield "adapters", "; ".join(said)
    if unfit:
        yield "routes", f"the adapter does not take the options of {_names(unfit)}: wasl apply says why"
    untold = [office.id for office in offices if _nobody_to_tell(office)]
    if untold:
        yield "readers", f"two readers with e-mail addresses are wanting for {_names(untold)}"


def _nobody_to_tell(office: Office) -> bool:
    """Whether mail could come to lie here without two people being told; an inbox is its own system's."""
    reached = {address.lower() for address in office.reader_addresses.values()}
    tells = office.route.kind is not RouteKind.INBOX and not office.route.test_only  # a test wakes nobody
    return tells and len(reached) < _READERS


def _names(offices: Iterable[str]) -> str:
    found = list(offices)
    return ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
