"""A version is tested: its options, its secrets, its target, and letters that the office really got."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from adapters.contract import Adapter, Context, Probes
from gateway.domain.errors import DeliveryError, GatewayFault, Misconfigured
from gateway.domain.registry.differences import references
from gateway.domain.registry.dry_run import DryRun
from gateway.domain.registry.parties import Route, RouteKind
from gateway.domain.registry.versions import Stage
from gateway.exchange.registry.versions import Versions
from gateway.exchange.registry.versions_dry_run import DryRuns
from gateway.exchange.registry.versions_look import Content
from gateway.exchange.transit.attempt import place
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.sound import sound_error, words


@dataclass(frozen=True)
class Check:
    """One thing that was checked of a version.

    Attributes:
        held: None where it could not be checked, which stops nothing.
    """

    name: str
    held: bool | None
    said: str


@dataclass(frozen=True)
class Checked:
    """The outcome of a test: every check, and where it left the version."""

    office: str
    number: int
    checks: tuple[Check, ...]
    dry_run: DryRun
    state: Stage

    @property
    def holds(self) -> bool:
        return held(self.checks)


def held(checks: tuple[Check, ...]) -> bool:
    """Whether nothing that was checked is wrong."""
    return all(check.held is not False for check in checks)


@dataclass(frozen=True)
class Checks:
    """Tests versions; nothing of a letter leaves the hub by it."""

    versions: Versions
    dry_runs: DryRuns

    def run(self, content: Content, by: str, letters: int) -> Checked:
        """Check a version, and keep what was found with it.

        Raises:
            NotFound: no such version.
            Misconfigured: ``by`` is no name.
            Conflict: the version was discarded.
        """
        checks = [_options(self.versions, content), *self._of_adapter(content)]
        dry_run = self.dry_runs.run(content, letters)
        checks.append(Check("letters", dry_run.holds, dry_run.said))
        found = tuple(checks)
        report = {"checks": [asdict(one) for one in found], "dry_run": dry_run.kept()}
        state = self.versions.keep_test(content.office, content.number, by, report, held(found))
        return Checked(content.office, content.number, found, dry_run, state)

    def _of_adapter(self, content: Content) -> Iterator[Check]:
        route = self.dry_runs.looks.office(content).route
        if route.kind is not RouteKind.ADAPTER:
            yield Check("target", None, "none: letters lie ready here")
            return
        try:
            context = self.dry_runs.contexts(route)
        except GatewayFault as fault:
            yield Check("secrets", False, str(fault))
            return
        yield _secrets(route, context)
        yield _target(route, self.dry_runs.adapters, context)


def _options(versions: Versions, content: Content) -> Check:
    try:
        versions.check(content.office, content.values)
    except Misconfigured as wrong:
        return Check("options", False, "; ".join(wrong.faults))
    return Check("options", True, "as the kind takes them")


def _secrets(route: Route, context: Context) -> Check:
    named, missing = sorted(references(route.options)), []
    for name in named:
        try:
            context.secret(name)
        except (GatewayFault, OSError, ValueError):
            missing.append(name)
    if missing:
        return Check("secrets", False, f"missing: {', '.join(missing)}")
    return Check("secrets", True, f"there: {', '.join(named)}" if named else "none is named")


def _target(route: Route, adapters: Mapping[str, Adapter], context: Context) -> Check:
    adapter: Any = adapters.get(route.adapter)
    if adapter is None:
        return Check("target", False, f"no adapter of the kind {route.adapter} is installed")
    if not isinstance(adapter, Probes):
        return Check("target", None, f"the kind {route.adapter} cannot test a connection")
    tape = Tape(hearing=False)
    try:
        return Check("target", True, tape.hide(words(adapter.probe(tape.over(context)), 1000)))
    except DeliveryError as error:
        return Check("target", False, str(sound_error(error, tape.hide)))
    except GatewayFault as fault:
        return Check("target", False, str(fault))
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises is what the test found
        return Check("target", False, f"the adapter failed: {place(error)}")
