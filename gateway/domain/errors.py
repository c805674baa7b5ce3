"""Everything that can go wrong, as one tree.

::

    WaslError
    ├── Refused            the sender must change something; permanent
    │   ├── NotAuthenticated   a token-authenticated call without a good token
    │   ├── NotAllowed         a good token without the right to this
    │   ├── NotFound           nothing there that the caller may see
    │   ├── Gone               it was there, and its time is over
    │   ├── Conflict           what is there already contradicts it
    │   ├── TooLarge           over a published limit
    │   ├── UnsupportedMedia   a media type that no profile describes
    │   ├── Unverified         a test letter's signature does not verify: what was found
    │   └── TooMany            a quota is used up
    ├── DeliveryError      the other side
    │   ├── Temporary          nothing was taken; try again later
    │   ├── Permanent          it will never be taken as it is
    │   │   └── Declined           the recipient refuses it, on a ground of its own
    │   └── Ambiguous          it may have been taken; nobody knows
    └── GatewayFault       ours: a 5xx, no receipt, the sender may safely repeat
        ├── Unavailable        a resource of ours is out for now
        │   └── Damaged            a stored object is missing or damaged: waiting does not mend it
        └── Misconfigured      a setting or a stored definition is wrong

A `Refused` carries one `Fault` for each thing that is wrong; each fault names a reason of the
catalogue (`gateway.domain.evidence.reasons`), from which receipt and HTTP answer follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.domain.evidence.examination import Examination
from gateway.domain.transit.quota import Allowance


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and where.

    ``where`` is an XPath or a JSON pointer, ``line`` counts from 1, ``expected`` and ``found`` are
    short and safe to show; ``values`` fill the placeholders of the reason's text.
    """

    code: str
    where: str | None = None
    line: int | None = None
    expected: str | None = None
    found: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


class WaslError(Exception):
    """Root of the tree; never raised itself."""


class Refused(WaslError):
    """The sender must change something; a repeat of the same bytes will be refused again."""

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__(", ".join(fault.code for fault in self.faults))

    @classmethod
    def because(
        cls,
        code: str,
        where: str | None = None,
        *,
        line: int | None = None,
        expected: str | None = None,
        found: str | None = None,
        **values: str,
    ) -> Refused:
        """The refusal for a single reason; ``values`` fill the placeholders of its text."""
        return cls(Fault(code, where, line, expected, found, values))


class NotAuthenticated(Refused):
    """A call that needs a token came without a good one."""


class NotAllowed(Refused):
    """The token is good and does not give this right."""


class NotFound(Refused):
    """Nothing there that the caller may see."""


class Gone(Refused):
    """It was there, and was deleted when its time was over."""


class Conflict(Refused):
    """It contradicts what is there already, such as other signed content under the same message id."""


class TooLarge(Refused):
    """Over a published limit."""


NOT_TAKEN = "WASL-REQ-001"
_LONGEST_TYPE = 100


class UnsupportedMedia(Refused):
    """A media type that no profile describes."""

    @classmethod
    def instead_of(cls, *types: str, found: str, where: str | None = None) -> UnsupportedMedia:
        """The refusal of ``found`` where ``types`` alone are taken."""
        fault = Fault(NOT_TAKEN, where, expected=" | ".join(types), found=found[:_LONGEST_TYPE] or "none")
        return cls(fault)


class Unverified(Refused):
    """The signature of a test letter does not verify; ``examination`` says what was found."""

    def __init__(self, faults: Fault | Iterable[Fault], examination: Examination) -> None:
        super().__init__(faults)
        self.examination = examination


class TooMany(Refused):
    """A quota is used up; ``retry_after`` seconds later it may work."""

    def __init__(
        self, faults: Fault | Iterable[Fault], retry_after: int = 60, allowance: Allowance | None = None
    ) -> None:
        super().__init__(faults)
        self.retry_after = retry_after
        self.allowance = allowance


class DeliveryError(WaslError):
    """The other side did not take a letter.

    ``code`` is a reason of the catalogue, ``detail`` what the other side said (kept with the attempt,
    shown to operators, never to the sender).
    """

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code} {detail}".strip())


class Temporary(DeliveryError):
    """Nothing was taken; trying again may help, not before ``retry_after`` seconds when given."""

    def __init__(self, code: str, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class Permanent(DeliveryError):
    """The target answered that it will never take this letter as it is."""


class Declined(Permanent):
    """The recipient itself refuses this letter, on a ground of `gateway.domain.transit.grounds`.

    ``words`` are the recipient's own, told to the sender; the ground that is none of the list needs them.
    """

    def __init__(self, code: str, detail: str = "", words: str | None = None) -> None:
        super().__init__(code, detail)
        self.words = words


class Ambiguous(DeliveryError):
    """Sending started and nobody knows whether the letter was taken."""


class GatewayFault(WaslError):
    """Our own trouble; the sender is told to repeat the same bytes later."""


class Unavailable(GatewayFault):
    """A resource of ours (database, disk, seal, revocation data) is out for now."""

    def __init__(self, what: str, code: str = "WASL-HUB-002", retry_after: int = 30) -> None:
        self.code = code
        self.retry_after = retry_after
        super().__init__(what)


class Damaged(Unavailable):
    """A stored object is missing or damaged; waiting does not mend it, a person must."""


class Misconfigured(GatewayFault):
    """Settings or stored definitions are wrong; ``faults`` name each key."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))
