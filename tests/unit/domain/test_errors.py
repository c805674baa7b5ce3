"""The one tree of errors."""

from __future__ import annotations

import inspect

import pytest

from gateway.domain import errors
from gateway.domain.errors import (
    DeliveryError,
    Fault,
    GatewayFault,
    Misconfigured,
    Refused,
    Temporary,
    TooMany,
    Unavailable,
    WaslError,
)
from gateway.domain.evidence.reasons import catalogue
from gateway.domain.evidence.verdict import (
    PASSED,
    Indication,
    SubIndication,
    failed,
    indeterminate,
)


def test_every_error_stands_in_the_drawing_of_the_tree() -> None:
    classes = [
        entry for _, entry in inspect.getmembers(errors, inspect.isclass) if issubclass(entry, WaslError)
    ]
    assert len(classes) > 10
    for entry in classes:
        assert f"─ {entry.__name__} " in (errors.__doc__ or "") or entry is WaslError
        assert entry is WaslError or issubclass(entry, Refused | DeliveryError | GatewayFault)


def test_a_refusal_carries_all_its_faults() -> None:
    one = Refused.because("WASL-ENV-001", "/hub", line=3, expected="x", found="y", name="z")
    assert one.faults == (Fault("WASL-ENV-001", "/hub", 3, "x", "y", {"name": "z"}),)
    many = Refused([Fault("WASL-ENV-101"), Fault("WASL-ENV-102")])
    assert str(many) == "WASL-ENV-101, WASL-ENV-102"


def test_a_refusal_made_by_its_kind_is_of_that_kind() -> None:
    refusal = TooMany.because("WASL-REQ-007")
    assert isinstance(refusal, TooMany)
    assert refusal.retry_after == 60
    assert TooMany(Fault("WASL-REQ-007"), 5).retry_after == 5


def test_a_delivery_error_keeps_what_the_other_side_said() -> None:
    error = Temporary("WASL-DLV-012", "503 Slow down", retry_after=7)
    assert (error.code, error.detail, error.retry_after) == ("WASL-DLV-012", "503 Slow down", 7)
    assert str(error) == "WASL-DLV-012 503 Slow down"
    assert str(Temporary("WASL-DLV-012")) == "WASL-DLV-012"


def test_our_own_trouble_has_a_reason_of_the_catalogue() -> None:
    fault = Unavailable("database busy")
    assert catalogue()[fault.code].http == 503
    assert (str(fault), fault.retry_after) == ("database busy", 30)


def test_misconfiguration_tells_every_fault() -> None:
    fault = Misconfigured(iter(["web.port: wrong", "log.level: wrong"]))
    assert fault.faults == ("web.port: wrong", "log.level: wrong")
    assert str(fault) == "web.port: wrong; log.level: wrong"


@pytest.mark.parametrize(
    ("verdict", "indication"),
    [
        (failed(SubIndication.REVOKED, "on 1 March"), Indication.FAILED),
        (indeterminate(SubIndication.TRY_LATER), Indication.INDETERMINATE),
    ],
)
def test_only_a_passed_verdict_has_no_sub_indication(verdict: object, indication: Indication) -> None:
    assert (verdict.indication, verdict.passed) == (indication, False)  # type: ignore[attr-defined]
    assert PASSED.passed
    assert PASSED.sub is None
