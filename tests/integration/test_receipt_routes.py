"""Where a party's receipts go is declared, recorded and exported like every other thing of the registry."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.receipt import ReceiptKind
from gateway.domain.transit.retry import RetrySchedule
from gateway.exchange.operate.flow import Watch
from gateway.store.registry import queries
from gateway.web.flow_figures import add_flow
from tests.support.hub import MINISTRY, HubUnderTest, party_table
from tests.support.shapes import Shape
from tests.support.systems import Simulator, fresh_hub

RECEIPTS = {
    "adapter": "rest",
    "kinds": ["delivery", "non-delivery"],
    "accepts_test": True,
    "retry": {"first": 7.0},
    "options": {"base_url": "https://ministry.test", "tell": {"path": "/in"}},
}


@pytest.fixture
def hub(tmp_path: Path, shape: Shape) -> HubUnderTest:
    return fresh_hub(tmp_path, Simulator())


def declare(hub: HubUnderTest, **changes: Any) -> list[str]:
    return hub.apply({"party": [{**party_table(hub.pki, MINISTRY), "receipts": {**RECEIPTS, **changes}}]})


def test_nobody_declares_anything_by_default(hub: HubUnderTest) -> None:
    with hub.gateway.store.read() as session:
        assert all(party.receipts is None for party in queries.parties(session))
    assert all("receipts" not in party for party in hub.gateway.registry.export()["party"])


def test_declaration_is_kept_recorded_and_exported(hub: HubUnderTest) -> None:
    assert declare(hub) == [f"changed party {MINISTRY}"]
    assert declare(hub) == []
    with hub.gateway.store.read() as session:
        party = queries.party(session, MINISTRY, RetrySchedule(first=1.0, cap=33.0))
        change = queries.changes(session, 1)[0]
    assert party is not None
    assert party.receipts is not None
    assert party.receipts.kinds == {ReceiptKind.DELIVERY, ReceiptKind.NON_DELIVERY}
    assert (party.receipts.retry.first, party.receipts.retry.cap) == (7.0, 33.0)
    assert (change.before or {})["receipts"] is None
    assert (change.after or {})["receipts"] == RECEIPTS
    exported = tomllib.loads(tomli_w.dumps(hub.gateway.registry.export()))
    assert hub.apply(exported) == []
    assert hub.apply({"party": [party_table(hub.pki, MINISTRY)]}) == [f"changed party {MINISTRY}"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"adapter": "pigeon"}, "party[0].receipts.adapter: one of rest, soap"),
        ({"adapter": "simulator"}, "party[0].receipts.adapter: one of rest, soap"),
        ({"kinds": ["applause"]}, "party[0].receipts.kinds: one or more of acceptance"),
        ({"kinds": []}, "party[0].receipts.kinds: one or more of acceptance"),
        ({"kinds": "delivery"}, "party[0].receipts.kinds: a list of kinds"),
        ({"retry": {"first": -1}}, "party[0].receipts.retry.first: a number from"),
        ({"retry": {"often": 1}}, "party[0].receipts.retry.often: unknown key"),
        ({"accepts_test": "yes"}, "party[0].receipts.accepts_test: true or false"),
        ({"secret": "x"}, "party[0].receipts.secret: unknown key"),
        ({"options": {}}, "party[0].receipts.options: base_url: is required"),
    ],
)
def test_wrong_declarations_are_told_with_their_place(
    hub: HubUnderTest, changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        declare(hub, **changes)
    assert any(one.startswith(fault) for one in caught.value.faults), caught.value.faults


def test_declaration_that_is_no_table_is_a_fault(hub: HubUnderTest) -> None:
    with pytest.raises(Misconfigured, match=r"party\[0\].receipts: a table"):
        hub.apply({"party": [{**party_table(hub.pki, MINISTRY), "receipts": "yes"}]})


def test_figures_of_a_party_carry_its_name_and_nothing_else(hub: HubUnderTest) -> None:
    declare(hub)
    registry = CollectorRegistry()
    add_flow(Watch(hub.gateway.store, hub.gateway.ambient).flow(), registry)
    found = {
        sample.name: (dict(sample.labels), sample.value)
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
        if sample.name.startswith("wasl_push_")
    }
    assert found == {
        f"wasl_push_{name}": ({"party": MINISTRY}, 0)
        for name in ("state", "lag_seconds", "failing_seconds", "refused")
    }
