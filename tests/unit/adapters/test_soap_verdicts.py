"""The fault table means the same to the SOAP kind: a fault may refuse for the recipient, or be none."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.soap import SoapAdapter
from gateway.domain.errors import Declined, Permanent
from tests.unit.adapters.doubles import letter
from tests.unit.adapters.test_soap import fault, refused, using


@pytest.mark.parametrize(
    ("rule", "kind", "code", "words"),
    [
        ({"ground": "WASL-DLV-031"}, Declined, "WASL-DLV-031", None),
        ({"ground": "WASL-DLV-039", "words": "text"}, Declined, "WASL-DLV-039", "خارج الاختصاص"),
        ({"ground": "WASL-DLV-039", "words": "codes[0]"}, Declined, "WASL-DLV-039", "Server"),
        ({"ground": "WASL-DLV-039", "words": "absent"}, Permanent, "WASL-DLV-005", None),
    ],
    ids=["ground", "words", "code", "wordless"],
)
def test_a_fault_may_be_the_recipients_refusal(rule: Any, kind: Any, code: str, words: str | None) -> None:
    faults = [{"detail": "HORS", "outcome": "declined", **rule}]
    assert SoapAdapter().check_options(using(faults=faults).options) == []
    found = fault(using(refused("Server", "HORS", "خارج\n الاختصاص"), faults=faults))
    assert (type(found), found.code) == (kind, code)
    assert getattr(found, "words", None) == words


def test_a_fault_may_be_a_success() -> None:
    faults = [{"detail": "DEJA_CLOS", "outcome": "accepted"}]
    used = using(refused("Server", "DEJA_CLOS"), faults=faults, reads={"target_reference": "detail"})
    assert SoapAdapter().deliver(letter(), used).target_reference == "DEJA_CLOS"
