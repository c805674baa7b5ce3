"""What a hub says when it does not do what was asked, as an error."""

from __future__ import annotations

import json
from typing import Any

from adapters.contract import Response
from gateway.domain.errors import Fault, Refused, Temporary

UNREADABLE = "WASL-DLV-008"
IN_TROUBLE = "WASL-DLV-002"
UNNAMED = "WASL-REQ-010"
_LONGEST_S = 86_400
_TOO_OFTEN = 429


class Declined(Refused):
    """The hub answered no; asking the same again brings the same answer.

    Attributes:
        status: of the HTTP answer.
        title, remedy: what happened and what to do, in the language that was asked for.
    """

    def __init__(self, faults: tuple[Fault, ...], status: int, title: str, remedy: str) -> None:
        super().__init__(faults)
        self.status = status
        self.title = title
        self.remedy = remedy

    def __str__(self) -> str:
        return " ".join(filter(None, (self.faults[0].code, self.title, self.remedy)))


def check(answer: Response, *good: int) -> Response:
    """The answer, if its status is one of ``good``.

    Raises:
        Temporary: the hub is in trouble or busy; ``retry_after`` says when to ask again, if it told.
        Declined: any other status.
    """
    if answer.status in good:
        return answer
    raise refusal(answer)


def refusal(answer: Response) -> Temporary | Declined:
    """What an answer says that is not the wanted one, as `check` raises it."""
    if answer.status >= 500 or answer.status == _TOO_OFTEN:
        return Temporary(IN_TROUBLE, f"HTTP {answer.status}", retry_after(answer))
    problem = _problem(answer.body)
    told = problem.get("faults")
    faults = tuple(_fault(one) for one in told if isinstance(one, dict)) if isinstance(told, list) else ()
    title = _text(problem, "title") or _text(problem, "error_description") or _text(problem, "error")
    return Declined(
        faults or (Fault(UNNAMED),), answer.status, title or f"HTTP {answer.status}", _text(problem, "remedy")
    )


def retry_after(answer: Response) -> float | None:
    """Seconds after which the hub asks to be asked again (RFC 9110 10.2.3), a day at most."""
    told = answer.headers.get("retry-after", "")
    if not (told.isascii() and told.isdecimal()):
        return None
    return min(float(told), _LONGEST_S)


def _problem(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _fault(members: dict[str, Any]) -> Fault:
    code = _text(members, "code") or UNNAMED
    where, found = _text(members, "where") or None, _text(members, "text") or None
    return Fault(code, where, found=found)


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""
