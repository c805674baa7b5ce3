"""Steps taken together see their deliveries in memory alone; who looks one up is found out in any test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.bootstrap import verbs
from gateway.domain.evidence.receipt import Event, Notified, ReceiptKind
from gateway.store import plain
from gateway.store.rows import table
from gateway.store.transit.models import DeliveryRow
from tests.support.deliveries import case_of, in_state
from tests.support.hub import HubUnderTest
from tests.support.past_the_session import LookedUp
from tests.support.systems import Simulator, fresh_hub

_ROW = table(DeliveryRow)

LOOKS: dict[str, Callable[[Session, DeliveryRow], object]] = {
    "by its key": lambda session, row: session.get(DeliveryRow, row.id),
    "by a query": lambda session, row: session.scalars(select(DeliveryRow.state)).all(),
    "plainly": lambda session, row: plain.found(session, select(_ROW.c.state), {}),
    "to write it": lambda session, row: session.execute(update(DeliveryRow).values(ordinal=1)),
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("together", [True, False], ids=["together", "alone"])
def test_a_step_taken_together_that_looks_a_delivery_up_is_found_out(
    hub: HubUnderTest, look: Callable[[Session, DeliveryRow], object], together: bool
) -> None:
    case = case_of(hub, in_state(hub, "AVAILABLE"))
    chains = verbs(hub.gateway, "an operator").notices.chains
    chain = chains.follow(case)
    chain.add(ReceiptKind.NOTIFICATION, Event.CONSIGNMENT_NOTIFICATION, notified=Notified("email", 1))

    def change(session: Session, row: DeliveryRow, _: datetime) -> None:
        look(session, row)

    if not together:
        chains.commit(case, chain, change)
        return
    with pytest.raises(LookedUp):
        chains.commit(case, chain, change, together=True)
    # nobody is suspected afterwards
    assert case_of(hub, case.row.id).row.chain_digest == case.row.chain_digest
    chains.commit(case, chain, lambda *_: None, together=True)
