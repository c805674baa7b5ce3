"""Receipts that must stand alone for years are had with a time-stamp over their seal, made once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from jwcrypto import jwk, jws
from sqlalchemy import delete, select

from gateway.bootstrap import evidence
from gateway.domain.errors import NotFound, Unavailable
from gateway.domain.evidence.receipt import ReceiptKind
from gateway.exchange.evidence import longterm
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.evidence.longterm import LongTerm
from gateway.store.evidence.models import ReceiptRow, Rendering
from gateway.trust.jwstimestamp import jws_timestamp
from gateway.trust.pades import open_pdf
from gateway.trust.timestamp import Stamp, TimeSource, check_imprint, read_token
from gateway.trust.xmltimestamp import xml_timestamp
from gateway.verifier.opening import open_receipt
from tests.support.hub import JWS, MINISTRY, XML, HubUnderTest, make_hub

FLATTENED, PDF = "application/jose+json", "application/pdf"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def hub(built: HubUnderTest) -> HubUnderTest:
    """The hub without renderings of level T; whatever was accepted before is out of the job's sight."""
    with built.gateway.store.write() as session:
        session.execute(delete(Rendering).where(Rendering.level == "T"))
    return built


class Counting:
    """Implements TimeSource; nobody answers when ``out``."""

    def __init__(self, source: TimeSource, out: bool = False) -> None:
        self.source, self.out, self.asked = source, out, 0

    def stamp(self, digest: bytes) -> Stamp:
        self.asked += 1
        if self.out:
            raise Unavailable("time-stamps: none")
        return self.source.stamp(digest)


@pytest.fixture
def source(hub: HubUnderTest) -> Counting:
    return Counting(evidence.time_source(hub.gateway.settings, hub.gateway.ambient))


@pytest.fixture
def receipts(hub: HubUnderTest, source: Counting) -> Receipts:
    return replace(hub.gateway.services.receipts, source=source)


def accepted(hub: HubUnderTest, media_type: str = XML, **headers: str) -> ReceiptRow:
    """The acceptance of a new letter."""
    answer = hub.post(hub.signed(media_type=media_type), **headers)
    assert answer.status_code == 201, answer.text
    with hub.gateway.store.read() as session:
        return session.scalars(select(ReceiptRow).order_by(ReceiptRow.id.desc()).limit(1)).one()


def job(hub: HubUnderTest, receipts: Receipts, *since: ReceiptRow) -> LongTerm:
    """The job, with everything before these receipts behind it."""
    return LongTerm(hub.gateway.store, receipts, hub.clock, min(row.id for row in since) - 1)


def stored(hub: HubUnderTest, *rows: ReceiptRow) -> set[tuple[int, str]]:
    with hub.gateway.store.read() as session:
        query = select(Rendering).where(Rendering.level == "T", Rendering.receipt.in_([r.id for r in rows]))
        return {(one.receipt, one.media_type) for one in session.scalars(query)}


# --- in the background


@pytest.mark.parametrize(
    ("submitted", "asked", "made"),
    [(XML, XML, XML), (JWS, JWS, FLATTENED), (XML, JWS, FLATTENED)],
)
def test_long_term_form_has_the_format_of_the_first_seal(
    hub: HubUnderTest, receipts: Receipts, submitted: str, asked: str, made: str
) -> None:
    row = accepted(hub, submitted, Accept=asked)
    assert job(hub, receipts, row).run() == 1
    assert stored(hub, row) == {(row.id, made)}


def test_second_turn_has_nothing_to_do(hub: HubUnderTest, receipts: Receipts, source: Counting) -> None:
    background = job(hub, receipts, accepted(hub), accepted(hub))
    assert (background.run(), background.run(), source.asked) == (2, 0, 2)


def test_kinds_that_need_no_long_term_form_get_none(hub: HubUnderTest, receipts: Receipts) -> None:
    other, row = accepted(hub), accepted(hub)
    with hub.gateway.store.write() as session:
        session.get_one(ReceiptRow, other.id).kind = ReceiptKind.NOTIFICATION.value
    assert job(hub, receipts, other).run() == 1
    assert stored(hub, other, row) == {(row.id, XML)}
    for media_type in (XML, FLATTENED, PDF):
        with pytest.raises(NotFound, match="WASL-REQ-012"):
            receipts.rendering(other.id, media_type, "T")


def test_outage_is_caught_up(hub: HubUnderTest, receipts: Receipts, source: Counting) -> None:
    rows = [accepted(hub) for _ in range(3)]
    background = job(hub, receipts, *rows)
    source.out = True
    with pytest.raises(Unavailable):
        background.run()
    assert (source.asked, stored(hub, *rows)) == (1, set())
    source.out = False
    assert background.run() == 3
    assert {receipt for receipt, _ in stored(hub, *rows)} == {row.id for row in rows}


def test_newest_come_first_and_none_is_lost(
    hub: HubUnderTest, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(longterm, "_MOST", 2)
    monkeypatch.setattr(longterm, "_BATCH", 1)
    rows = [accepted(hub) for _ in range(3)]
    background = job(hub, receipts, *rows)
    assert background.run() == 2
    assert {receipt for receipt, _ in stored(hub, *rows)} == {rows[1].id, rows[2].id}
    assert background.run() == 1
    assert {receipt for receipt, _ in stored(hub, *rows)} == {row.id for row in rows}


def test_receipt_of_a_transaction_that_was_still_open_is_not_passed_over(
    hub: HubUnderTest, receipts: Receipts
) -> None:
    early, late = accepted(hub), accepted(hub)
    background = job(hub, receipts, early)
    assert background.run() == 2
    with hub.gateway.store.write() as session:  # as if it had been committed after the later one
        session.execute(delete(Rendering).where(Rendering.level == "T", Rendering.receipt == early.id))
    assert background.run() == 1
    with hub.clock.moved(hours=2):
        background.run()
        assert background._complete >= late.id


def test_damaged_rendering_keeps_no_other_waiting(hub: HubUnderTest, receipts: Receipts) -> None:
    early, damaged, late = (accepted(hub) for _ in range(3))
    with hub.gateway.store.write() as session:
        session.get_one(Rendering, (damaged.id, XML, "B")).octets = b"<broken"
    assert job(hub, receipts, early).run() == 3
    assert {receipt for receipt, _ in stored(hub, early, damaged, late)} == {early.id, late.id}


def test_letters_go_first(hub: HubUnderTest, receipts: Receipts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longterm, "_BATCH", 2)
    rows = [accepted(hub) for _ in range(5)]
    answers = iter([True, False, False])
    background = replace(job(hub, receipts, *rows), busy=lambda: next(answers))
    assert background.run() == 2
    assert {receipt for receipt, _ in stored(hub, *rows)} == {rows[3].id, rows[4].id}
    assert background.run() == 3
    assert {receipt for receipt, _ in stored(hub, *rows)} == {row.id for row in rows}


def test_what_was_made_before_an_outage_is_kept(hub: HubUnderTest, receipts: Receipts) -> None:
    rows = [accepted(hub) for _ in range(3)]

    class Ending(Counting):
        def stamp(self, digest: bytes) -> Stamp:
            self.out = self.asked == 2
            return super().stamp(digest)

    with pytest.raises(Unavailable):
        job(hub, replace(receipts, source=Ending(receipts.source)), *rows).run()
    assert {receipt for receipt, _ in stored(hub, *rows)} == {rows[1].id, rows[2].id}


def test_one_that_is_asked_for_meanwhile_stays_and_the_others_are_kept(
    hub: HubUnderTest, receipts: Receipts
) -> None:
    rows, quicker = [accepted(hub) for _ in range(3)], list[bytes]()

    class Meanwhile:
        def stamp(self, digest: bytes) -> Stamp:
            if not quicker:
                quicker.append(receipts.rendering(rows[0].id, XML, "T"))
            return receipts.source.stamp(digest)

    assert job(hub, replace(receipts, source=Meanwhile()), *rows).run() == 3
    assert {receipt for receipt, _ in stored(hub, *rows)} == {row.id for row in rows}
    assert receipts.rendering(rows[0].id, XML, "T") == quicker[0]


def test_worker_makes_it_with_the_settings_time_source(hub: HubUnderTest) -> None:
    row = accepted(hub)
    evidence.long_term(hub.gateway).run()
    assert stored(hub, row) == {(row.id, XML)}


# --- what is handed out


def tokens_of(media_type: str, octets: bytes) -> Any:
    found = xml_timestamp(octets) if media_type == XML else jws_timestamp(octets)
    assert found is not None
    token = read_token(found[0])
    check_imprint(token, found[1])
    return token


@pytest.mark.parametrize("media_type", [XML, FLATTENED])
@pytest.mark.parametrize("submitted", [XML, JWS])
def test_every_syntax_is_had_on_demand_made_once_and_stays(
    hub: HubUnderTest, receipts: Receipts, source: Counting, submitted: str, media_type: str
) -> None:
    row = accepted(hub, submitted)
    first = receipts.rendering(row.id, media_type, "T")
    with hub.clock.moved(days=1):
        assert receipts.rendering(row.id, media_type, "T") == first
    assert source.asked == 1
    assert tokens_of(media_type, first).time == hub.clock()
    sealed = receipts.rendering(row.id, JWS if media_type == FLATTENED else XML)
    assert open_receipt(first, media_type).digest == row.content_digest
    assert open_receipt(sealed, JWS if media_type == FLATTENED else XML).digest == row.content_digest


def test_sealed_parts_are_those_of_the_sealed_rendering(hub: HubUnderTest, receipts: Receipts) -> None:
    row = accepted(hub, JWS)
    members = json.loads(receipts.rendering(row.id, FLATTENED, "T"))
    sealed = receipts.rendering(row.id, JWS)
    assert [members[name].encode() for name in ("protected", "payload", "signature")] == sealed.split(b".")
    other = jws.JWS()
    other.deserialize(json.dumps(members))
    other.verify(jwk.JWK.from_pem(hub.pki.certificate_path("hub-seal").read_bytes()))
    assert other.payload == row.content


def test_time_stamp_that_cannot_be_had_yet_is_told_as_such(
    hub: HubUnderTest, receipts: Receipts, source: Counting
) -> None:
    row = accepted(hub)
    source.out = True
    for media_type in (XML, FLATTENED):
        with pytest.raises(NotFound, match="WASL-REQ-011"):
            receipts.rendering(row.id, media_type, "T")
    assert stored(hub, row) == set()
    source.out = False
    assert tokens_of(XML, receipts.rendering(row.id, XML, "T"))


@pytest.mark.parametrize(
    ("media_type", "level"), [(JWS, "T"), (FLATTENED, "B"), ("text/html", "B"), ("text/html", "T")]
)
def test_rendering_that_does_not_exist_is_not_found(
    hub: HubUnderTest, receipts: Receipts, media_type: str, level: str
) -> None:
    with pytest.raises(NotFound, match="WASL-REQ-005"):
        receipts.rendering(accepted(hub).id, media_type, level)


def test_only_the_sender_gets_it(hub: HubUnderTest, receipts: Receipts) -> None:
    row = accepted(hub)
    reference = json.loads(row.content)["reference"]
    mine = receipts.one(reference, row.receipt_id, XML, MINISTRY, "T")
    assert tokens_of(XML, mine)
    with pytest.raises(NotFound, match="WASL-REQ-005"):
        receipts.one(reference, row.receipt_id, XML, "ZZ-OTHER", "T")


def test_first_stored_one_wins(hub: HubUnderTest, receipts: Receipts, source: Counting) -> None:
    row, quicker = accepted(hub), list[bytes]()

    class Meanwhile:
        def stamp(self, digest: bytes) -> Stamp:
            quicker.append(receipts.rendering(row.id, XML, "T"))
            return source.stamp(digest)

    slower = replace(receipts, source=Meanwhile())
    assert [slower.rendering(row.id, XML, "T")] == quicker
    assert source.asked == 2


# --- PDF


def test_pdf_carries_the_first_rendering_and_its_long_term_form_a_time_stamp(
    hub: HubUnderTest, receipts: Receipts, source: Counting
) -> None:
    row = accepted(hub, JWS)
    sealed = receipts.rendering(row.id, PDF)
    stamped = receipts.rendering(row.id, PDF, "T")
    assert (receipts.rendering(row.id, PDF), receipts.rendering(row.id, PDF, "T")) == (sealed, stamped)
    opened = open_pdf(stamped)
    assert (opened.embedded, opened.embedded_media_type) == (receipts.rendering(row.id, JWS), JWS)
    assert opened.token is not None
    assert opened.token.time == hub.clock()
    assert open_pdf(sealed).token is None
    assert stamped.startswith(sealed)
    assert source.asked == 1
