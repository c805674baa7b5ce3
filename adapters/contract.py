"""The port between the hub and a recipient's existing document system.

`deliver` is the one required promise; what only some systems can do is an optional protocol of one
method (another one is in `adapters.describing`). Copy `adapters.skeleton` to start a new kind.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Day
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from adapters.heard import Stepping, unheard
from adapters.replies import SignedBody, unverified
from gateway.domain.errors import Temporary
from gateway.domain.transit.envelope import Attachment, Envelope


@dataclass(frozen=True)
class Letter:
    """What is handed to an adapter: the verified envelope and the octets as signed.

    Attributes:
        delivery_id: stable over all attempts; the idempotency key towards the target. A letter that is sent
            anew as a possible duplicate keeps the one that it was first sent under, where the target takes
            an identifier once.
        reference: the hub's reference.
        original: the envelope's octets exactly as received, and their media type.
        document_type: the office's own code for the letter's type, or None when it knows none.
        open: opens the content of an attachment (binary, from its start); the caller closes it.
        possible_duplicate: a person decided to send again although an earlier attempt may have
            arrived.
        trace_parent: of the trace that brought the letter (W3C Trace Context), for kinds that speak no HTTP;
            the hub puts it on their HTTP calls itself.
    """

    delivery_id: str
    reference: str
    accepted_at: datetime
    envelope: Envelope
    original: bytes
    original_media_type: str
    sender_name: str
    office: str
    open: Callable[[Attachment], BinaryIO]
    document_type: str | None = None
    possible_duplicate: bool = False
    trace_parent: str | None = None


@dataclass(frozen=True)
class Delivered:
    """What the target answered when it took the letter.

    Attributes:
        answer: the octets of its answer (at most 64 KiB are kept), and their media type.
        target_reference: its own name for the letter.
        register_number, register_date: its register entry, if it registers at once.
        digests_confirmed: it answered with digests that are the attachments' own.
    """

    answer: bytes
    answer_media_type: str = "application/octet-stream"
    target_reference: str | None = None
    register_number: str | None = None
    register_date: Day | None = None
    register_book: str | None = None
    digests_confirmed: bool = False


@dataclass(frozen=True)
class Response:
    """An HTTP answer, read whole within the client's limit."""

    status: int
    headers: Mapping[str, str]
    """Header names in lower case."""
    body: bytes


class Http(Protocol):
    """The hub's guarded outgoing HTTP client: the only way out that an adapter has.

    Host allow-list on the resolved address, no redirects, bounded time and answer.
    """

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
        """Send one request and read its answer.

        Args:
            identity: a client certificate with its chain and its private key, in PEM, by which the hub shows
                in TLS who it is; only over https.

        Raises:
            Temporary: no connection was made (name, address, refusal, TLS): nothing was sent.
            Permanent: the address is not allowed, or the URL is not one.
            Ambiguous: the connection broke or timed out after sending started.
        """


class Dial(Protocol):
    """The guarded way to a port that does not speak HTTP, under the same rules of addresses."""

    def __call__(self, host: str, port: int) -> socket.socket:
        """A connection, to the very address that was judged; the caller closes it.

        Raises:
            Temporary: no connection was made.
            Permanent: the address is not allowed.
        """


def refuse_to_dial(host: str, port: int) -> socket.socket:
    """Nowhere: for kinds that are given no way out but HTTP.

    Raises:
        Temporary: always.
    """
    raise Temporary("WASL-DLV-001", f"no way to {host}:{port} from here")


def nobody_asked(table: str, value: str) -> None:
    """Forgets a value that a code table has no entry for: for whoever keeps no list of them."""


@dataclass(frozen=True)
class Context:
    """What an adapter may use; built by the hub for one route.

    ``options`` are the route's own settings (checked by the adapter's ``check_options``), ``secret``
    resolves a secret by the reference that stands in the options.
    """

    http: Http
    options: Mapping[str, Any]
    secret: Callable[[str], str]
    now: Callable[[], datetime]
    dial: Dial = refuse_to_dial
    folders: tuple[Path, ...] = ()
    """Below which a kind may read and write files of this machine; the operator of the hub names them."""
    unmapped: Callable[[str, str], None] = nobody_asked
    """Told, while a letter is mapped, a code table and a value that it has no entry for."""
    step: Stepping = unheard
    """Told each step of a delivery that goes another way than HTTP, so that operators see it."""
    signed_body: SignedBody = unverified
    """Verifies a SOAP reply that the system signed, for a route that says so."""


class Adapter(Protocol):
    """One kind of document system."""

    kind: str
    """The name of its entry point."""
    idempotent: bool
    """Whether a repeat under the same delivery id is harmless at the target."""
    streams: bool
    """Whether attachments of any size pass in constant memory."""

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """What is wrong with a route's options, one sentence each naming its key; [] when all is well.

        An option ``max_bytes``, where a kind has one, is in octets of attachments together: the hub
        publishes it with the office, and accepts no letter beyond it.
        """

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        """Hand the letter to the target; called with no transaction open, possibly more than once.

        Raises:
            Temporary: the target did not take it and may later.
            Permanent: the target will never take it as it is.
            Declined: the recipient itself refuses it, on one of the grounds of
                `gateway.domain.transit.grounds`: that is the delivery's outcome, stated by the recipient.
            Ambiguous: it may have taken it.
        """


@runtime_checkable
class HonoursRepeats(Protocol):
    """Whether a repeat is harmless depends on the route, not on the kind alone."""

    def honours_repeats(self, options: Mapping[str, Any]) -> bool:
        """Whether this route's target takes a delivery id once."""


@runtime_checkable
class Finds(Protocol):
    """The target can be asked whether an earlier delivery arrived."""

    def find(self, delivery_id: str, reference: str, context: Context) -> Delivered | None:
        """The earlier delivery, or None when the target surely does not have it.

        Raises:
            DeliveryError: the target could not be asked.
        """


@runtime_checkable
class FindsOnRoute(Protocol):
    """Whether the target can be asked depends on the route, not on the kind alone."""

    def can_find(self, options: Mapping[str, Any]) -> bool:
        """Whether this route describes the look-up."""


@dataclass(frozen=True)
class Request:
    """A call as it would be sent, for people to look at; secrets replaced."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str


@runtime_checkable
class Previews(Protocol):
    """The exact call can be shown without sending it."""

    def preview(self, letter: Letter, context: Context) -> tuple[Request, ...]: ...


@dataclass(frozen=True)
class Notice:
    """One receipt of a letter, for the document system of the party that sent the letter.

    Attributes:
        receipt_id: stable over all repeats; the idempotency key towards the system.
        kind, event: what it attests, as ``registration`` and as the URI in the receipt.
        sealed: the receipt itself, sealed, in the letter's own syntax; its media type is
            ``application/xml`` or ``application/jose``.
        content_digest: by which the ledger and the receipts that follow name it.
        reference: the hub's; None for a submission that was refused.
        office, office_name: the recipient concerned; None where it is of the whole letter.
        register_number, register_date, register_book: the recipient's register entry.
        progress: what the recipient does with the letter; ``outcome``: what became of it.
        reasons: code and English text of each.
    """

    receipt_id: str
    kind: str
    event: str
    event_time: datetime
    sealed: bytes
    media_type: str
    content_digest: str
    test: bool = False
    reference: str | None = None
    message_id: str | None = None
    subject: str | None = None
    delivery_id: str | None = None
    office: str | None = None
    office_name: str | None = None
    register_number: str | None = None
    register_date: Day | None = None
    register_book: str | None = None
    progress: str | None = None
    outcome: str | None = None
    reasons: tuple[tuple[str, str], ...] = ()


@runtime_checkable
class TellsSenders(Protocol):
    """A sender's system can be told what became of its letters.

    Its options stand with the party (``[party.receipts]``), not with an office's route: what they say is
    this kind's own business, and need not be what a route says.
    """

    def check_telling(self, options: Mapping[str, Any]) -> list[str]:
        """What is wrong with these options, one sentence each naming its key; [] when all is well."""

    def tell(self, notice: Notice, context: Context) -> None:
        """Hand the receipt to the sender's system; called with no transaction open.

        Receipts of one party come one after the other, in the order of its feed. The same one comes again
        whenever nobody knows whether it was taken: the system must take a receipt id once.

        Raises:
            Temporary: the system did not take it and may later; it is told again, and nothing before it.
            Permanent: it will never take this one; it is passed over, and the feed keeps it.
            Ambiguous: it may have taken it; it is told again.
        """


@dataclass(frozen=True)
class Handed:
    """A letter that the target has, and may have news of."""

    delivery_id: str
    reference: str
    handed_over_at: datetime
    target_reference: str | None = None
    register_number: str | None = None


@dataclass(frozen=True)
class News:
    """What the target says of a letter that it took earlier.

    Attributes:
        delivery_id, reference, target_reference: which letter; one of them is enough.
        register_number, register_date, register_book: its register entry, if it says one.
        progress: what it does with the letter, a value of `gateway.domain.transit.states.Processing`.
        ground: why it declines, a code of `gateway.domain.transit.grounds`.
        at: when, as it claims.
    """

    delivery_id: str | None = None
    reference: str | None = None
    target_reference: str | None = None
    register_number: str | None = None
    register_date: Day | None = None
    register_book: str | None = None
    progress: str | None = None
    ground: str | None = None
    at: datetime | None = None


@runtime_checkable
class Polls(Protocol):
    """The target can be asked what became of letters that it took."""

    def can_poll(self, options: Mapping[str, Any]) -> bool:
        """Whether this route describes how."""

    def poll(self, letters: Sequence[Handed], context: Context) -> Sequence[News]:
        """What is new of these letters; what is known already may be said again.

        Raises:
            DeliveryError: the target could not be asked.
        """


@dataclass(frozen=True)
class Report:
    """A call by which the target itself told something; ``headers`` have names in lower case.

    ``certified``: the connection showed a certificate of the office's own party.
    """

    headers: Mapping[str, str]
    body: bytes
    certified: bool = False


@runtime_checkable
class Reports(Protocol):
    """The target calls the hub when it has news of letters that it took."""

    def can_report(self, options: Mapping[str, Any]) -> bool:
        """Whether this route describes how."""

    def read_report(self, report: Report, context: Context) -> Sequence[News]:
        """What the call says, once it is sure that it comes from the target.

        Raises:
            Permanent: it does not come from the target (``WASL-DLV-013``), or says nothing that this route
                understands (``WASL-DLV-008``).
        """


@runtime_checkable
class Plays(Protocol):
    """The kind plays recipients for test letters; the hub asks what they would do by themselves."""

    def decides(self, options: Mapping[str, Any], since: timedelta) -> bool:
        """Whether a person has a letter sent again that is held in doubt for so long."""

    def acknowledges(self, options: Mapping[str, Any], delivery_id: str, since: timedelta) -> str | None:
        """The register number of a letter that ended without arriving, so long ago; None: nothing is said."""


@runtime_checkable
class Probes(Protocol):
    """The connection can be tested without side effects."""

    def probe(self, context: Context) -> str:
        """One line of what was found.

        Raises:
            DeliveryError: what is wrong.
        """
