"""The reader of an inbox as a process: no door of the hub reaches it yet.

reader lock|unlock|content|acknowledge|progress|refuse DELIVERY, reader redirect DELIVERY OFFICE
"""

from __future__ import annotations

import os

from gateway.bootstrap import build
from gateway.domain.errors import Fault, GatewayFault, Refused
from gateway.domain.evidence.receipt import Registered
from gateway.domain.transit.grounds import NOT_COMPETENT
from gateway.domain.transit.states import Processing
from gateway.exchange.transit.inbox import Reader
from gateway.settings import load
from gateway.store.transit.models import DeliveryRow


def main(arguments: list[str]) -> int:
    """0: done; 1: not possible now; 3: the hub is out."""
    verb, delivery, *more = arguments
    gateway = build(load(os.environ))
    with gateway.store.read() as session:
        party = session.get_one(DeliveryRow, delivery).party
    box, by = gateway.services.inbox, Reader(party, "order office", "reader-1")
    try:
        if verb == "content":
            content = box.content(delivery, by)
            return int(not content.envelope)
        if verb == "acknowledge":
            box.acknowledge(delivery, by, Registered(f"R-{delivery[-8:]}"))
        elif verb == "progress":
            box.progress(delivery, by, Processing.IN_PROGRESS)
        elif verb == "refuse":
            box.refuse(delivery, by, Fault(NOT_COMPETENT))
        elif verb == "redirect":
            box.redirect(delivery, by, more[0])
        else:
            {"lock": box.lock, "unlock": box.unlock}[verb](delivery, by)
    except Refused as refused:
        print(refused)
        return 1
    except GatewayFault as fault:
        print(fault)
        return 3
    return 0
