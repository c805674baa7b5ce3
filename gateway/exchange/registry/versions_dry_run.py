"""A version is tried over letters that the office really got, and nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from adapters.contract import Adapter, Context, Http, Letter, Previews, Request, Response, refuse_to_dial
from gateway.domain.errors import DeliveryError, GatewayFault, Permanent, Refused, Unavailable
from gateway.domain.registry.differences import Difference, differing, told
from gateway.domain.registry.dry_run import Changed, DryRun, Unmapped, Unread
from gateway.domain.registry.parties import Office, Route, RouteKind
from gateway.exchange.registry.versions_calls import Values, values_of
from gateway.exchange.registry.versions_look import Content, Looks
from gateway.exchange.registry.versions_redacted import redacted
from gateway.exchange.transit.attempt import ours, place
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.letters import Letters
from gateway.exchange.transit.sound import MOST_SHOWN
from gateway.store.registry.version_queries import latest_letters

UNREADABLE, NO_ADAPTER, ONLY_SHOWN = "WASL-DLV-015", "WASL-DLV-014", "WASL-DLV-006"
TOO_LARGE = "WASL-DLV-017"
_MOST_DIFFERENCES = 200
_LONGEST_VALUE = 240

Shown = tuple[Request, ...] | Unmapped | None
"""Calls; or why there are none; or None where a route makes none that could be shown."""


class OnlyFetches:
    """A way out that asks for documents and sends nothing, and tells what it asked for."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.fetched: list[str] = []

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
        """As `adapters.contract.Http.request`, for questions without a body.

        Raises:
            Permanent: anything else.
        """
        if method != "GET" or body is not None:
            raise Permanent(ONLY_SHOWN, "a dry run sends nothing")
        self.fetched.append(url)
        return self._http.request(method, url, headers=headers, identity=identity)


@dataclass(frozen=True)
class _Side:
    """One of the two versions that are compared."""

    office: Office
    adapter: Adapter | None
    context: Context | None
    tape: Tape

    @property
    def route(self) -> Route:
        return self.office.route

    @property
    def tells(self) -> bool:
        """Whether it can be said what becomes of a letter."""
        return self.route.kind is not RouteKind.ADAPTER or isinstance(self.adapter, Previews)

    def show(self, letter: Letter) -> Shown:
        """The calls that would be made of a letter."""
        if self.context is None or not isinstance(self.adapter, Previews):
            return None
        size, most = sum(one.size for one in letter.envelope.attachments), self.route.max_bytes
        if most is not None and size > most:
            return Unmapped(letter.reference, TOO_LARGE, f"{size} octets, the route takes {most}")
        own = replace(letter, document_type=self._type(letter), office=self.office.id)
        try:
            return tuple(islice(self.adapter.preview(own, self.context), MOST_SHOWN))
        except (DeliveryError, GatewayFault) as error:
            found = _unmapped(letter.reference, error)
            return replace(found, detail=self.tape.hide(found.detail))
        except Exception as error:  # noqa: BLE001 - whatever an adapter raises would fail its letter
            return Unmapped(letter.reference, NO_ADAPTER, place(error), type=type(error).__name__)

    def hide(self, shown: Shown) -> Shown:
        """The same without secrets, for people; what is compared has them."""
        return tuple(self.tape.hide_in_call(one) for one in shown) if isinstance(shown, tuple) else shown

    def _type(self, letter: Letter) -> str | None:
        return self.office.document_types.get(letter.envelope.document_type or "")


@dataclass
class _Found:
    """What has been found so far."""

    same: int = 0
    changed: list[Changed] = field(default_factory=list)
    unmapped: list[Unmapped] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


@dataclass(frozen=True)
class DryRuns:
    """Tries versions over the last letters of their office.

    No connection is opened but for what building a call needs, such as a WSDL.

    Attributes:
        adapters: every installed kind, by name.
        contexts: builds what an adapter may use on a route.
    """

    looks: Looks
    letters: Letters
    adapters: Mapping[str, Adapter]
    contexts: Callable[[Route], Context]

    def run(self, content: Content, limit: int, show_content: bool = False) -> DryRun:
        """Compare a version with the active one.

        Args:
            limit: most letters to look at, the latest.
            show_content: people's texts are told too, and not only their length and shape.

        Raises:
            NotFound: no such office.
            Misconfigured: the context of a route cannot be made.
        """
        active = self.looks.content(content.office)
        before, fetched_before = self._side(active)
        after, fetched_after = self._side(content)
        found = _Found()
        with self.letters.store.read() as session:
            deliveries = latest_letters(session, content.office, limit) if after.tells else []
        for delivery in deliveries:
            self._one(delivery, before, after, found, show_content)
        return DryRun(
            office=content.office,
            number=content.number,
            against=active.number,
            letters=len(deliveries),
            same=found.same,
            changed=tuple(found.changed),
            unmapped=tuple(found.unmapped),
            unread=tuple(found.unread),
            fetched=tuple(dict.fromkeys([*fetched_before, *fetched_after])),
            remarks=tuple(_remarks(before, after, len(deliveries))),
        )

    def _side(self, content: Content) -> tuple[_Side, list[str]]:
        office, tape = self.looks.office(content), Tape(hearing=False)
        if office.route.kind is not RouteKind.ADAPTER:
            return _Side(office, None, None, tape), []
        context = tape.over(self.contexts(office.route))
        http = OnlyFetches(context.http)
        context = replace(context, http=http, dial=refuse_to_dial)
        return _Side(office, self.adapters.get(office.route.adapter), context, tape), http.fetched

    def _one(self, delivery: str, before: _Side, after: _Side, found: _Found, show_content: bool) -> None:
        case = self.letters.case(delivery)
        try:
            letter = self.letters.letter(case, after.office)
        except (Refused, Unavailable) as error:
            code = error.faults[0].code if isinstance(error, Refused) else UNREADABLE
            found.unread.append(Unread(case.message.reference or delivery, code))
            return
        was, now = before.show(letter), after.show(letter)
        if isinstance(now, Unmapped):
            alike = isinstance(was, Unmapped) and (was.code, was.detail) == (now.code, now.detail)
            plain = now if show_content else _without_texts(now, after.show(redacted(letter)))
            found.unmapped.append(replace(plain, also_active=alike))
            return
        old = values_of(()) if was is None or isinstance(was, Unmapped) else values_of(was)
        new = values_of(now or ())
        paths = differing(old, new)
        varying = _varying(before, letter, old) | _varying(after, letter, new) if paths else set()
        paths = [path for path in paths if path not in varying]
        if not paths:
            found.same += 1
            return
        if not show_content:
            hidden = redacted(letter)
            was, now = before.show(hidden), after.show(hidden)
        old, new = _hidden(old, before.hide(was)), _hidden(new, after.hide(now))
        told_ = tuple(_difference(path, old, new) for path in paths[:_MOST_DIFFERENCES])
        more = max(0, len(paths) - _MOST_DIFFERENCES)
        found.changed.append(Changed(letter.reference, told_, more, len(varying)))


def _unmapped(reference: str, trouble: DeliveryError | GatewayFault) -> Unmapped:
    """What an adapter's failure says; of a mapping's, where it was written and what went wrong there."""
    error = ours(trouble, started=False) if isinstance(trouble, GatewayFault) else trouble
    expression, path = getattr(error, "expression", None), getattr(error, "path", None)
    cause = trouble.__cause__
    kind = type(cause).__name__ if expression is not None and cause is not None else None
    return Unmapped(reference, error.code, error.detail, expression, path, kind)


def _without_texts(real: Unmapped, shown: Shown) -> Unmapped:
    """The same failure as the redacted letter has it; where it has none, the failure without its words."""
    if isinstance(shown, Unmapped) and (shown.code, shown.path) == (real.code, real.path):
        return shown
    words = real.detail if real.expression is None else f"{real.path}: {real.expression!r}: {real.type}"
    return replace(real, detail=words)


def _varying(side: _Side, letter: Letter, first: Values) -> set[str]:
    """Places that are another each time, such as a nonce."""
    again = side.show(letter)
    return set(differing(first, values_of(again))) if isinstance(again, tuple) else set()


def _hidden(real: Values, shown: Shown) -> Values:
    """The same places with what the redacted letter has there; lengths where it has nothing."""
    values = values_of(shown) if isinstance(shown, tuple) else {}
    return {path: values.get(path, f"‹{len(str(value))} characters›") for path, value in real.items()}


def _difference(path: str, old: Values, new: Values) -> Difference:
    return Difference(path, _told(path, old), _told(path, new))


def _told(path: str, values: Values) -> str | None:
    if path not in values:
        return None
    text = told(path, values[path])
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _remarks(before: _Side, after: _Side, letters: int) -> Iterator[str]:
    if not letters and after.tells:
        yield "no letter has come for this office yet: nothing was compared"
    for name, side in (("active version", before), ("version", after)):
        if side.route.kind is not RouteKind.ADAPTER:
            yield f"the {name} makes no calls: letters lie ready in the {_lies(side.route)}"
        elif side.adapter is None:
            yield f"the {name} names the kind {side.route.adapter}, which is not installed"
        elif not isinstance(side.adapter, Previews):
            yield f"the kind {side.route.adapter} shows no calls: nothing of the {name} was compared"


def _lies(route: Route) -> str:
    return "hub's own office" if route.kind is RouteKind.OFFICE else "office's inbox"
