"""The typed client against a real hub: every call of the contract, over a socket."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from gateway.cli.partner.partner import Partner, Rejected
from gateway.cli.posting import hub_client
from gateway.clients.hub_inbox import InboxClient
from gateway.clients.hub_refused import Declined
from gateway.clients.hub_sender import SenderClient
from gateway.domain.transit.envelope import Recipient
from gateway.verifier.opening import open_receipt
from gateway.wire.mime import write_related
from tests.support.hub import (
    AGENCY_OFFICE,
    COMMUNE,
    COMMUNE_OFFICE,
    JWS,
    MINISTRY,
    MINISTRY_OFFICE,
    NAMES,
    XML,
)
from tests.support.live import LiveHub, live_hub


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    with live_hub(tmp_path_factory.mktemp("client") / "home") as live:
        yield live


def partner(live: LiveHub, party: str = MINISTRY, reader: str | None = None) -> Partner:
    sealer = live.hub.sealer(NAMES[party])
    hub = hub_client(live.url, party, sealer)
    trust = live.hub.home / "trust"
    return Partner(
        party, "DEMO-HUB", sealer, SenderClient(hub), InboxClient(hub, reader=reader), MINISTRY_OFFICE, trust
    )


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_a_sender_sends_finds_follows_and_keeps_its_evidence(live: LiveHub, media_type: str) -> None:
    me, letter = partner(live), live.hub.signed(live.hub.envelope(), media_type)
    receipt, octets = me.send(letter)
    again, same = me.send(letter)
    assert (again, same) == (receipt, octets)
    assert receipt.reference is not None
    live.hub.dispatch().run_once(100)
    found = me.sender.find(receipt.message_id or "")
    assert found == me.sender.follow(receipt.reference)
    assert [one.state for one in found.deliveries] == ["AVAILABLE"]
    listed = me.sender.receipts(receipt.reference)
    assert [one.kind for one in listed][:2] == ["acceptance", "availability"]
    assert me.sender.receipt(listed[0].href, media_type) == octets
    assert open_receipt(me.sender.receipt(listed[1].href, XML), XML).receipt.receipt_id == listed[1].id
    assert me.sender.receipt(listed[0].href, "application/pdf").startswith(b"%PDF")
    bundle = io.BytesIO()
    me.sender.evidence(receipt.reference, bundle)
    assert any(name.startswith("letter.") for name in zipfile.ZipFile(bundle).namelist())


def test_a_letter_is_checked_without_being_sent(live: LiveHub, tmp_path: Path) -> None:
    me, plan = partner(live), tmp_path / "plan.pdf"
    plan.write_bytes(b"plan")
    letter = live.hub.signed(live.hub.envelope(), files=(plan,))
    content_type, chunks, length = write_related(letter.root, letter.media_type, letter.parts)
    told = me.sender.check(chunks, content_type, length)
    assert (told.party, told.level) == (MINISTRY, "XAdES")
    assert [one.office for one in told.recipients] == [AGENCY_OFFICE]
    with pytest.raises(Declined):
        me.sender.find(told.message_id)


def test_a_refusal_is_told_with_all_its_reasons(live: LiveHub) -> None:
    unknown = (Recipient(office="B0000999-I"), Recipient(office=AGENCY_OFFICE))
    with pytest.raises(Rejected, match="WASL-RTE-001"):
        partner(live).send(live.hub.signed(live.hub.envelope(recipients=unknown)))


def test_the_feed_tells_everything_once_and_goes_on_where_it_was_left(live: LiveHub) -> None:
    me, seen, after = partner(live), [], None
    sent = {me.send(live.hub.signed(live.hub.envelope()))[0].receipt_id for _ in range(3)}
    while True:
        page = me.sender.events(after, limit=2)
        seen += [one.id for one in page.events]
        after = page.next
        if not page.more:
            break
    assert sent <= set(seen)
    assert len(seen) == len(set(seen))
    assert me.sender.events(after).events == ()
    with pytest.raises(Declined):
        me.sender.events("made-up")


def test_a_letter_is_taken_back_while_that_is_possible(live: LiveHub) -> None:
    me = partner(live)
    office = (Recipient(office=COMMUNE_OFFICE),)
    receipt, _ = me.send(live.hub.signed(live.hub.envelope(recipients=office)))
    [taken] = me.sender.cancel(receipt.reference or "")
    assert (taken.state, taken.refusal) == ("CANCELLED", None)
    assert (
        open_receipt(me.sender.receipt(taken.receipt or "", XML), XML).receipt.reference == receipt.reference
    )
    other, _ = me.send(live.hub.signed(live.hub.envelope(recipients=office)))
    live.hub.dispatch().run_once(100)
    with pytest.raises(Declined) as caught:
        me.sender.cancel(other.reference or "")
    assert caught.value.status == 409


def test_an_office_locks_fetches_registers_and_goes_on(live: LiveHub, tmp_path: Path) -> None:
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(b"plan" * 100_000)
    delivery = live.lying(MINISTRY_OFFICE, plan)
    me, desk = partner(live, reader="desk-1").inbox, partner(live, reader="desk-2").inbox
    assert me.lock(delivery) > live.hub.clock()
    with pytest.raises(Declined) as caught:
        desk.content(delivery)
    assert caught.value.status == 409
    fetched, into = me.content(delivery), io.BytesIO()
    assert fetched.media_type == XML
    me.attachment(fetched.attachments[0], into)
    assert into.getvalue() == plan.read_bytes()
    me.unlock(delivery)
    standing = desk.acknowledge(delivery, "7/2026", date(2026, 3, 1), "Arrivée")
    assert (standing.state, standing.register_number) == ("HANDED_OVER", "7/2026")
    assert desk.progress(delivery, "IN_PROGRESS").processing == "IN_PROGRESS"
    assert desk.refuse(delivery, "WASL-DLV-039", "hors délai").processing == "DECLINED"
    assert delivery not in [one.delivery for one in me.letters(MINISTRY_OFFICE)]


def test_more_letters_than_a_page_holds_are_all_listed(live: LiveHub) -> None:
    laid = {live.lying(MINISTRY_OFFICE) for _ in range(51)}
    listed = [one.delivery for one in partner(live).inbox.letters(MINISTRY_OFFICE)]
    assert laid <= set(listed)
    assert len(listed) == len(set(listed))


def test_to_another_party_nothing_is_there(live: LiveHub) -> None:
    delivery = live.lying(MINISTRY_OFFICE)
    stranger = partner(live, COMMUNE)
    receipt, _ = partner(live).send(live.hub.signed(live.hub.envelope()))
    for ask in (
        lambda: stranger.inbox.content(delivery),
        lambda: stranger.inbox.acknowledge(delivery),
        lambda: list(stranger.inbox.letters(MINISTRY_OFFICE)),
        lambda: stranger.sender.follow(receipt.reference or ""),
        lambda: stranger.sender.cancel(receipt.reference or ""),
    ):
        with pytest.raises(Declined) as caught:
            ask()
        assert caught.value.status == 404
