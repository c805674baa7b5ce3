"""The grounds on which a recipient may refuse or decline a letter, by code of the catalogue."""

from __future__ import annotations

from gateway.domain.errors import Fault, Refused

NOT_COMPETENT = "WASL-DLV-031"
UNREADABLE_DOCUMENT = "WASL-DLV-032"
MISSING_DOCUMENT = "WASL-DLV-033"
ALREADY_RECEIVED = "WASL-DLV-034"
UNKNOWN_ADDRESSEE = "WASL-DLV-035"
HARMFUL_CONTENT = "WASL-DLV-036"
OTHER_GROUND = "WASL-DLV-039"

GROUNDS = frozenset(
    {
        NOT_COMPETENT,
        UNREADABLE_DOCUMENT,
        MISSING_DOCUMENT,
        ALREADY_RECEIVED,
        UNKNOWN_ADDRESSEE,
        HARMFUL_CONTENT,
        OTHER_GROUND,
    }
)

NO_GROUND = "WASL-DLV-030"


def is_ground(ground: Fault) -> bool:
    """Whether a recipient may give it: the one that is none of the list needs words of its own."""
    wordless = ground.code == OTHER_GROUND and not (ground.found or "").strip()
    return ground.code in GROUNDS and not wordless


def check_ground(ground: Fault) -> Fault:
    """The ground itself, if a recipient may give it.

    Raises:
        Refused: it is none of the closed list, or the other one without words of its own.
    """
    if not is_ground(ground):
        raise Refused.because(NO_GROUND, ground.where, found=ground.code)
    return ground
