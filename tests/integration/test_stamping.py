"""Checkpoints get independent time: from the first authority that is good for it, after every outage."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import tsp
from sqlalchemy import delete, select

from certs.testpki import revoke, write_crls
from gateway.bootstrap import evidence
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import Misconfigured, Unavailable
from gateway.exchange.evidence import stamping as stamping_module
from gateway.exchange.evidence.stamping import Stamping, Unstamped
from gateway.exchange.evidence.time_source import HttpAuthorities, Resting
from gateway.store.evidence.ledger_models import CheckpointRow, LedgerRow, TokenRow
from gateway.trust.anchors import Anchors
from gateway.trust.timestamp import Stamp, TimeSource, check_imprint, judge_authority, read_token
from tests.support.hub import HubUnderTest, make_hub
from tests.support.tsa import Answer, OpensslAuthority, openssl_verifies, serving, stamping_holder

LIMITS = HttpLimits(connect_s=2, read_s=2, total_s=2, answer_bytes=64 * 1024)
IMPATIENT = replace(LIMITS, read_s=0.2, total_s=0.2)
YEAR = timedelta(days=365)
DIGEST = hashlib.sha256(b"demonstration").digest()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def openssl(hub: HubUnderTest, tmp_path_factory: pytest.TempPathFactory) -> OpensslAuthority:
    return OpensslAuthority(tmp_path_factory.mktemp("tsa") / "good", hub.pki["tsa"])


@pytest.fixture
def ledger(hub: HubUnderTest) -> Iterator[int]:
    """A ledger of the test's own with three checkpoints, one each hour, the last one now."""
    origin = f"demo-hub.test/ledger-{hub.clock().timestamp()}"
    with hub.gateway.store.write() as session:
        row = LedgerRow(test=False, generation=99, origin=origin, started_at=hub.clock())
        session.add(row)
        session.flush()
        made = row.id
        session.add_all(checkpoint(hub, made, size) for size in (1, 2, 3))
    yield made
    with hub.gateway.store.write() as session:
        for table in (TokenRow, CheckpointRow):
            session.execute(delete(table).where(table.ledger == made))
        session.execute(delete(LedgerRow).where(LedgerRow.id == made))


def checkpoint(hub: HubUnderTest, ledger: int, size: int) -> CheckpointRow:
    made_at = hub.clock() - timedelta(hours=3 - size)
    return CheckpointRow(ledger=ledger, size=size, root=bytes(32), made_at=made_at, note=note(size))


def note(size: int) -> bytes:
    return f"demo-hub.test/ledger\n{size}\nroot\n\n— demo-hub.test/ledger key\n".encode()


def tokens(hub: HubUnderTest, ledger: int) -> dict[int, list[TokenRow]]:
    """The tokens of each checkpoint, in the order they were made."""
    with hub.gateway.store.read() as session:
        rows = session.scalars(select(TokenRow).where(TokenRow.ledger == ledger).order_by(TokenRow.id))
        found: dict[int, list[TokenRow]] = {}
        for row in rows:
            found.setdefault(row.size, []).append(row)
        return found


def stamping(hub: HubUnderTest, source: TimeSource) -> Stamping:
    return Stamping(hub.gateway.store, source, hub.clock, YEAR)


def authorities(hub: HubUnderTest, *urls: str, limits: HttpLimits = LIMITS) -> HttpAuthorities:
    http = GuardedHttp(HttpSettings(allow=("127.0.0.1",), limits=limits))
    return HttpAuthorities(urls, http, hub.pki.trust / "tsa", hub.gateway.ambient.random_bytes)


class Recorded:
    """Implements TimeSource; tells in which order it was asked, and does something else meanwhile."""

    def __init__(self, source: TimeSource, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.source, self.meanwhile, self.asked = source, meanwhile, list[bytes]()

    def stamp(self, digest: bytes) -> Stamp:
        self.asked.append(digest)
        self.meanwhile()
        return self.source.stamp(digest)


class Out:
    """Implements TimeSource; nobody answers, as many times as it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def stamp(self, digest: bytes) -> Stamp:
        self.asked += 1
        raise Unavailable("time-stamps: none")


def local(hub: HubUnderTest) -> TimeSource:
    return evidence.time_source(hub.gateway.settings, hub.gateway.ambient)


# --- checkpoints


def test_every_signed_checkpoint_gets_one_token_over_its_note(
    hub: HubUnderTest, ledger: int, tmp_path: Path
) -> None:
    job = stamping(hub, local(hub))
    job.run()
    job.run()
    found = tokens(hub, ledger)
    assert {size: len(rows) for size, rows in found.items()} == {1: 1, 2: 1, 3: 1}
    anchors = Anchors.load(hub.pki.trust / "tsa")
    for size, (row,) in found.items():
        token = read_token(row.octets)
        check_imprint(token, note(size))
        assert judge_authority(token, anchors).passed
        assert (row.stated_at, row.authority) == (hub.clock(), "local")
        assert openssl_verifies(row.octets, note(size), hub.pki.trust / "tsa" / "tsa-ca.pem", tmp_path)


def test_checkpoint_that_is_not_signed_yet_waits(hub: HubUnderTest, ledger: int) -> None:
    with hub.gateway.store.write() as session:
        session.get_one(CheckpointRow, (ledger, 2)).note = None
    job = stamping(hub, local(hub))
    job.run()
    assert set(tokens(hub, ledger)) == {1, 3}
    with hub.gateway.store.write() as session:
        session.get_one(CheckpointRow, (ledger, 2)).note = note(2)
    job.run()
    assert set(tokens(hub, ledger)) == {1, 2, 3}


def test_newest_checkpoint_is_stamped_first(hub: HubUnderTest, ledger: int) -> None:
    source = Recorded(local(hub))
    stamping(hub, source).run()
    assert source.asked == [hashlib.sha256(note(size)).digest() for size in (3, 2, 1)]


def test_outage_blocks_nothing_and_is_caught_up(hub: HubUnderTest, ledger: int) -> None:
    out = Out()
    job = stamping(hub, out)
    with pytest.raises(Unavailable):
        job.run()
    assert (out.asked, tokens(hub, ledger)) == (1, {})
    job.source = local(hub)
    job.run()
    assert set(tokens(hub, ledger)) == {1, 2, 3}


def test_long_outage_is_caught_up_in_several_turns(
    hub: HubUnderTest, ledger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamping_module, "_MOST", 2)
    job = stamping(hub, local(hub))
    job.run()
    assert set(tokens(hub, ledger)) == {2, 3}
    job.run()
    assert set(tokens(hub, ledger)) == {1, 2, 3}


def test_nobody_waits_for_the_database_while_an_authority_thinks(hub: HubUnderTest, ledger: int) -> None:
    def write() -> None:
        with hub.gateway.store.write() as session:
            session.get_one(LedgerRow, ledger).started_at += timedelta(seconds=1)

    stamping(hub, Recorded(local(hub), write)).run()
    assert set(tokens(hub, ledger)) == {1, 2, 3}


def test_two_workers_make_one_token(hub: HubUnderTest, ledger: int) -> None:
    other = stamping(hub, local(hub))
    stamping(hub, Recorded(local(hub), other.run)).run()
    assert [len(rows) for rows in tokens(hub, ledger).values()] == [1, 1, 1]


def test_head_is_stamped_again_each_year_and_only_the_head(hub: HubUnderTest, ledger: int) -> None:
    job = stamping(hub, local(hub))
    job.run()
    with hub.clock.moved(days=364):
        job.run()
    assert [len(rows) for rows in tokens(hub, ledger).values()] == [1, 1, 1]
    with hub.clock.moved(days=366):
        job.run()
        job.run()
        found = tokens(hub, ledger)
        assert {size: len(rows) for size, rows in found.items()} == {1: 1, 2: 1, 3: 2}
        assert found[3][1].stated_at == hub.clock()


def test_complete_part_of_a_ledger_is_not_looked_at_again(hub: HubUnderTest, ledger: int) -> None:
    unstamped = Unstamped(hub.gateway.store)
    assert unstamped.oldest() == hub.clock() - timedelta(hours=2)
    stamping(hub, local(hub)).run()
    assert unstamped.oldest() is None
    with hub.gateway.store.write() as session:
        session.execute(delete(TokenRow).where(TokenRow.ledger == ledger, TokenRow.size == 1))
        session.add(checkpoint(hub, ledger, 4))
    assert unstamped.oldest() == hub.clock() + timedelta(hours=1)
    assert [row.size for row in unstamped.newest(10)] == [4]


# --- health


def ready(hub: HubUnderTest) -> Any:
    with hub.using(health=hub.second().gateway.services.health):
        return hub.client.get("/health/ready")


def test_lag_shows_in_health_and_takes_nothing_out_of_service(hub: HubUnderTest) -> None:
    hub.post(hub.signed())
    since = (hub.clock() + timedelta(seconds=61)).isoformat(timespec="seconds")
    with hub.clock.moved(seconds=61):
        evidence.sequencer(hub.gateway).run()
    with hub.clock.moved(hours=23):
        assert "timestamps" not in ready(hub).json["warnings"]
    with hub.clock.moved(hours=25):
        answer = ready(hub)
        assert answer.status_code == 200
        told = answer.json["warnings"]["timestamps"]
        assert told == f"a checkpoint has had no time-stamp since {since}"
        evidence.stamping(hub.gateway).run()
        assert "timestamps" not in ready(hub).json["warnings"]


# --- authorities elsewhere


def test_authority_elsewhere_gives_the_token(
    hub: HubUnderTest, ledger: int, openssl: OpensslAuthority
) -> None:
    with serving(openssl.answer) as url:
        stamping(hub, authorities(hub, url)).run()
    for size, (row,) in tokens(hub, ledger).items():
        token = read_token(row.octets)
        check_imprint(token, note(size))
        assert (row.authority, token.policy, token.time) == (url, "1.2.3.4.1", row.stated_at)
        assert abs(row.stated_at - datetime.now(UTC)) < timedelta(minutes=1)


BAD: dict[str, Callable[[OpensslAuthority, bytes], Answer]] = {
    "a page": lambda _, __: Answer(b"<html>Sign in</html>", media_type="text/html"),
    "a page that says it is a reply": lambda _, __: Answer(b"<html>Sign in</html>"),
    "another media type": lambda tsa, query: Answer(tsa.reply(query), media_type="application/octet-stream"),
    "a server error": lambda tsa, query: Answer(tsa.reply(query), status=500),
    "a redirect": lambda tsa, query: Answer(tsa.reply(query), status=302),
    "too much": lambda tsa, query: Answer(tsa.reply(query) + bytes(64 * 1024)),
    "half": lambda tsa, query: Answer(tsa.reply(query)[:-100]),
    "nothing": lambda _, __: Answer(b""),
    "another nonce": lambda tsa, query: Answer(tsa.reply(changed(query, nonce=77))),
    "no nonce": lambda tsa, query: Answer(tsa.reply(changed(query, nonce=None))),
    "another imprint": lambda tsa, query: Answer(tsa.reply(changed(query, imprint=bytes(32)))),
    "a refusal": lambda tsa, query: Answer(tsa.reply(changed(query, policy="1.2.3.4.99"))),
    "no certificate": lambda tsa, query: Answer(tsa.reply(changed(query, cert_req=False))),
}


def changed(query: bytes, **changes: Any) -> bytes:
    """Another request than the one that came."""
    request = tsp.TimeStampReq.load(query).native
    members = {
        "version": "v1",
        "message_imprint": {
            "hash_algorithm": {"algorithm": "sha256"},
            "hashed_message": changes.get("imprint", request["message_imprint"]["hashed_message"]),
        },
        "req_policy": changes.get("policy"),
        "nonce": changes.get("nonce", request["nonce"]),
        "cert_req": changes.get("cert_req", True),
    }
    return bytes(tsp.TimeStampReq({name: one for name, one in members.items() if one is not None}).dump())


@pytest.mark.parametrize("case", BAD)
def test_next_authority_is_asked_when_one_answers_badly(
    hub: HubUnderTest, openssl: OpensslAuthority, case: str
) -> None:
    with serving(lambda query: BAD[case](openssl, query)) as bad, serving(openssl.answer) as good:
        assert authorities(hub, bad, good).stamp(DIGEST).authority == good
        with pytest.raises(Unavailable, match=bad):
            authorities(hub, bad).stamp(DIGEST)


def test_silence_of_an_authority_ends_within_its_bounds(hub: HubUnderTest) -> None:
    with serving(lambda _: None) as silent, pytest.raises(Unavailable, match=silent):
        authorities(hub, silent, limits=IMPATIENT).stamp(DIGEST)


@pytest.mark.parametrize("case", ["untrusted", "expired", "revoked"])
def test_token_that_would_not_verify_later_is_not_taken(
    hub: HubUnderTest, openssl: OpensslAuthority, tmp_path: Path, case: str
) -> None:
    with serving(unbelieved(hub, tmp_path, case).answer) as bad, serving(openssl.answer) as good:
        assert authorities(hub, bad, good).stamp(DIGEST).authority == good
        with pytest.raises(Unavailable, match="certificate"):
            authorities(hub, bad).stamp(DIGEST)


def unbelieved(hub: HubUnderTest, folder: Path, case: str) -> OpensslAuthority:
    issuer = "foreign-ca" if case == "untrusted" else "tsa-ca"
    more = {"start": timedelta(days=-60), "days": 30} if case == "expired" else {}
    holder = stamping_holder(hub.pki, f"{case}-tsa", issuer=issuer, **more)
    if case == "revoked":
        revoke(hub.pki, holder.name, hub.clock() - timedelta(days=1))
        write_crls(hub.pki, hub.clock())
    return OpensslAuthority(folder / case, holder)


def test_all_causes_are_told_when_none_answers(hub: HubUnderTest) -> None:
    with serving(lambda _: Answer(b"", status=503)) as one:
        gone = "http://127.0.0.1:9/tsa"
        with pytest.raises(Unavailable) as outage:
            authorities(hub, gone, one).stamp(DIGEST)
    assert gone in str(outage.value)
    assert f"{one}: WASL-DLV-008 status 503" in str(outage.value)


def test_authority_inside_the_network_must_be_allowed(hub: HubUnderTest, openssl: OpensslAuthority) -> None:
    source = replace(authorities(hub), http=GuardedHttp(HttpSettings(limits=LIMITS)))
    with serving(openssl.answer) as url, pytest.raises(Unavailable, match=url):
        replace(source, urls=(url,)).stamp(DIGEST)


def test_missing_revocation_list_is_no_fault_of_a_token(
    hub: HubUnderTest, openssl: OpensslAuthority, tmp_path: Path
) -> None:
    (tmp_path / "tsa-ca.pem").write_bytes((hub.pki.trust / "tsa" / "tsa-ca.pem").read_bytes())
    with serving(openssl.answer) as url:
        assert replace(authorities(hub, url), folder=tmp_path).stamp(DIGEST).authority == url


def test_unreadable_trust_folder_is_an_outage(hub: HubUnderTest, tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("no certificate")
    with pytest.raises(Unavailable) as outage:
        replace(authorities(hub, "http://127.0.0.1:9/"), folder=tmp_path).stamp(DIGEST)
    assert isinstance(outage.value.__cause__, Misconfigured)


def test_source_that_failed_is_left_alone_for_a_while(hub: HubUnderTest) -> None:
    out = Out()
    source = Resting(out, hub.clock, timedelta(seconds=10))
    for _ in range(3):
        with pytest.raises(Unavailable):
            source.stamp(DIGEST)
    assert out.asked == 1
    with hub.clock.moved(seconds=10), pytest.raises(Unavailable):
        source.stamp(DIGEST)
    assert out.asked == 2
    source.source = local(hub)
    with hub.clock.moved(seconds=20):
        assert source.stamp(DIGEST).authority == "local"


# --- from the settings


def test_settings_name_the_authorities(tmp_path: Path, openssl: OpensslAuthority) -> None:
    with serving(openssl.answer) as url:
        named = {"WASL_TIMESTAMPS_AUTHORITIES": url, "WASL_OUTGOING_ALLOW": "127.0.0.1"}
        other = make_hub(tmp_path / "hub", **named)
        anchor = (openssl.folder / "signer.pem").read_bytes()
        (other.pki.trust / "tsa" / "other.pem").write_bytes(anchor)
        assert evidence.stamping(other.gateway).source.stamp(DIGEST).authority == url


def test_receipt_gets_its_place_and_its_time(hub: HubUnderTest) -> None:
    assert hub.post(hub.signed()).status_code == 201
    with hub.clock.moved(seconds=61):
        evidence.sequencer(hub.gateway).run()
        evidence.stamping(hub.gateway).run()
    with hub.gateway.store.read() as session:
        signed = session.scalars(select(CheckpointRow).where(CheckpointRow.size > 0)).all()
        stamped = {(row.ledger, row.size): row for row in session.scalars(select(TokenRow))}
    assert signed
    for row in signed:
        check_imprint(read_token(stamped[row.ledger, row.size].octets), row.note or b"")
