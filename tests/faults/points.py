"""The points at which a hub's processes kill themselves, and how each is reached.

A point is the end of one transaction, or one step outside the database; processes die on both sides of
it. Scenes lead a process to points and leave what they sent to be judged.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import tomli_w

from gateway.domain.transit.envelope import Attachment, AttachmentRole
from tests.faults import target
from tests.faults.scenario import NOWHERE, WHY, Scenario, Sent
from tests.faults.town import FINDS, INBOX, LEASE_S, NOTHING, OFFICE, REPEATS, STORES, Town, until
from tests.support.hub import XML

BEFORE, AFTER, MIDWAY = ":before", ":after", ":midway"
SIDES = (BEFORE, AFTER)
DEAD = "repeats-dead"


@dataclass(frozen=True)
class Scene:
    """One way to points.

    Attributes:
        points: without their side.
        act: leads a process to a point with its side, at which it dies.
        sides: on which it dies.
        leaves: what is open at the end, as the auditor reads it.
    """

    name: str
    points: tuple[str, ...]
    act: Callable[[Scenario, str], None]
    sides: tuple[str, ...] = SIDES
    leaves: tuple[dict[str, Any], ...] = ()

    @property
    def all(self) -> list[str]:
        return [point + side for point in self.points for side in self.sides]


# intake


def accept(scenario: Scenario, point: str) -> None:
    scenario.town.arm(point)
    [sent] = scenario.send(REPEATS, FINDS)
    scenario.town.wait_for_death(point)
    assert 0 in sent.statuses, sent.answers


def accept_a_file(scenario: Scenario, point: str) -> None:
    plan = scenario.town.folder / "plan.bin"
    plan.write_bytes(b"DEMONSTRATION plan " * 9000)
    scenario.town.arm(point)
    [sent] = scenario.send(REPEATS, files=(plan,))
    scenario.town.wait_for_death(point)
    assert 0 in sent.statuses, sent.answers


def upload_before(scenario: Scenario, point: str) -> None:
    """A content comes in two requests and is listed by a letter; whoever died, it goes on where it was."""
    content = os.urandom(16) + b"DEMONSTRATION plan " * 9000
    scenario.town.arm(point)
    scenario.upload(content)
    scenario.town.wait_for_death(point)
    listed = Attachment(
        "plan", "plan.bin", "text/plain", len(content), sha256(content).hexdigest(), AttachmentRole.MAIN
    )
    scenario.send(REPEATS, attachments=(listed,))


def refuse_a_letter(scenario: Scenario, point: str) -> None:
    scenario.town.arm(point)
    sent = scenario.letter(NOWHERE)
    assert scenario.submit(sent) == 422
    scenario.town.wait_for_death(point)
    assert [scenario.once(sent), sent.statuses[0]] == [422, 0]


def fetch_another_rendering(scenario: Scenario, point: str) -> None:
    [sent] = scenario.send(REPEATS, media_type=XML)
    scenario.town.arm(point)
    scenario._fetch(sent)
    scenario.town.wait_for_death(point)


def take_back(scenario: Scenario, point: str) -> None:
    [sent] = resting(scenario)
    scenario.town.arm(point)
    until("the letter is taken back", lambda: scenario.cancel(sent) == 200)
    scenario.town.wait_for_death(point)


# dispatch


def deliver(scenario: Scenario, point: str) -> None:
    scenario.town.arm(point)
    scenario.send(REPEATS)
    scenario.town.wait_for_death(point)


def deliver_to_who_can_be_asked(scenario: Scenario, point: str) -> None:
    scenario.town.arm(point)
    scenario.send(FINDS)
    scenario.town.wait_for_death(point)


def deliver_to_who_cannot_tell(scenario: Scenario, point: str) -> None:
    scenario.town.arm(point)
    scenario.send(NOTHING)
    scenario.town.wait_for_death(point)


def take_over(scenario: Scenario, point: str) -> None:
    deliver(scenario, "claim.claim:after")
    scenario.town.arm(point)
    scenario.town.clock.jump(LEASE_S + 1)
    scenario.town.wait_for_death(point)


def transfer_for_long(scenario: Scenario, point: str) -> None:
    town = scenario.town
    town.target.gate.clear()
    town.target.always["repeats"] = "gate"  # whatever gives up is tried again, until the clock meets one
    town.arm(point)
    scenario.send(REPEATS)
    town.wait_for_death(point)
    del town.target.always["repeats"]
    town.target.gate.set()


def send_more_under_an_old_lease(scenario: Scenario, point: str) -> None:
    town = scenario.town
    scenario.settle()
    town.target.faults["finds"].extend(["resets-midway"] * 3)
    town.target.at_look.clear()
    town.target.look_gate.clear()
    town.arm(point)
    scenario.send(FINDS)
    until("somebody looks", town.target.at_look.is_set)
    town.clock.jump(LEASE_S / 2 + 0.2)
    town.target.look_gate.set()
    town.wait_for_death(point)
    town.target.faults["finds"].clear()


def meet(*faults: str, store: str = REPEATS) -> Callable[[Scenario, str], None]:
    """A delivery whose system misbehaves so."""

    def act(scenario: Scenario, point: str) -> None:
        scenario.settle()
        scenario.town.target.faults[STORES[store]].extend(faults)
        scenario.town.arm(point)
        scenario.send(store)
        scenario.town.wait_for_death(point)
        scenario.settle()
        scenario.town.target.faults[STORES[store]].clear()

    return act


def outlive(scenario: Scenario, point: str) -> None:
    now = scenario.town.clock()
    [sent] = scenario.send(
        REPEATS, not_before=now + timedelta(minutes=5), expires_at=now + timedelta(minutes=6)
    )
    scenario.town.arm(point)
    scenario.town.clock.jump(420)
    scenario.town.wait_for_death(point)
    scenario.wait_for("EXPIRED", sent)


def lay_ready(scenario: Scenario, point: str) -> None:
    scenario.town.arm(point)
    sent = scenario.send(INBOX)
    scenario.town.wait_for_death(point)
    hand_over_at_the_desk(scenario, *sent)


def stop_between_claim_and_sending(scenario: Scenario, point: str) -> None:
    town = scenario.town
    scenario.settle()
    town.arm(point)
    (town.folder / "stop-when-claimed").touch()
    scenario.send(REPEATS)
    town.wait_for_death(point)


# lifecycle


def fall_back(scenario: Scenario, point: str) -> None:
    town = scenario.town
    office = _dead_office(scenario)
    town.target.always[DEAD] = "busy"
    [sent] = scenario.send(office)
    scenario.until("it failed", lambda: scenario.delivery(sent).failures)
    town.arm(point)
    town.clock.jump(150)
    town.rest()  # the job runs when a worker starts, and then once a minute
    town.wait_for_death(point)
    _again_until(scenario, lambda: scenario.delivery(sent).state == "AVAILABLE")
    hand_over_at_the_desk(scenario, sent)


def ask_for_news(scenario: Scenario, point: str) -> None:
    """A system gives the number when it is asked; whoever died, it is asked and told once."""
    from gateway.domain.identifiers import directory_id

    town, office = scenario.town, directory_id("B", 2101)
    options = target.options(town.target.port, "repeats-later")
    town.route({"id": office, "route": {"kind": "adapter", "adapter": "rest", "options": options}})
    town.arm(point)
    [sent] = scenario.send(office)
    town.wait_for_death(point)

    def closed() -> bool:
        town.at_work()
        row = scenario.delivery(sent)
        return row.register_number is not None and row.processing == "CLOSED"

    until("its number came", closed)


def _dead_office(scenario: Scenario) -> str:
    from gateway.domain.identifiers import directory_id

    office = directory_id("B", 2100)
    # tried again so late that no attempt meets the job that lays the letter ready
    route = {"kind": "adapter", "adapter": "rest", "fallback_seconds": 60,
             "retry": {"first": 3600, "cap": 3600},
             "options": target.options(scenario.town.target.port, DEAD)}  # fmt: skip
    addresses = {"order-office-1": "reader@commune.test"}
    scenario.town.route({"id": office, "route": route, "reader_addresses": addresses})
    return office


def _again_until(scenario: Scenario, met: Callable[[], Any]) -> None:
    """Let fresh workers do what workers do when they start, until something is so."""
    for _ in range(10):
        scenario.town.at_work()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if met():
                return
            time.sleep(0.02)
        scenario.town.rest()
    raise AssertionError(scenario.town.last_words())


def let_the_deadline_pass(scenario: Scenario, point: str) -> None:
    town = scenario.town
    scenario.settle()
    town.target.faults["nothing"].append("taken-then-resets")
    [sent] = scenario.send(NOTHING)
    scenario.wait_for("HELD", sent)
    name, end = scenario.delivery(sent).id, town.clock() + timedelta(seconds=100)
    town.command("delivery", "hold", name, "--until", end.isoformat(), *WHY)
    town.arm(point)
    town.clock.jump(150)
    town.rest()
    town.wait_for_death(point)
    _again_until(scenario, lambda: scenario.delivery(sent).state == "FAILED")


def resting(scenario: Scenario) -> list[Sent]:
    """A letter that nobody sends yet."""
    return scenario.send(REPEATS, not_before=scenario.town.clock() + timedelta(minutes=30))


def decide(*verb: str, held: bool = False) -> Callable[[Scenario, str], None]:
    """An operator's command that dies, and is given again."""

    def act(scenario: Scenario, point: str) -> None:
        town = scenario.town
        [sent] = resting(scenario)
        name = scenario.delivery(sent).id
        if held:
            town.command("delivery", "hold", name, *WHY)
        command = ("delivery", verb[0], name, *verb[1:], *WHY)
        town.dies(point, *command)
        town.command(*command, expect=int(point.endswith(AFTER)))

    return act


def prolong(scenario: Scenario, point: str) -> None:
    end = (scenario.town.clock() + timedelta(days=2)).isoformat()
    decide("hold", "--until", end, held=True)(scenario, point)


def send_anew(scenario: Scenario, point: str) -> None:
    town = scenario.town
    [sent] = resting(scenario)
    name = scenario.delivery(sent).id
    town.command("delivery", "fail", name, *WHY)
    command = ("delivery", "resend", name, *WHY)
    town.dies(point, *command)
    # a second successor is refused while the first one owes its outcome
    town.command(*command, expect=int(point.endswith(AFTER)))
    assert len(scenario.deliveries(sent)) == 2


def pause(scenario: Scenario, point: str) -> None:
    town = scenario.town
    scenario.settle()
    town.dies(point, "route", "pause", REPEATS)
    town.command("route", "pause", REPEATS)
    scenario.send(REPEATS)
    town.command("route", "resume", REPEATS)
    scenario.settle()


def change_a_route(scenario: Scenario, point: str) -> None:
    """Every step with a version dies once, is found done or not done at all, and letters go on."""
    town, draft = scenario.town, scenario.town.folder / "version.toml"
    scenario.settle()
    options = {
        **target.options(town.target.port, STORES[REPEATS]),
        "headers": {"X-Step": point},
    }
    draft.write_text(tomli_w.dumps({"route": {"kind": "adapter", "adapter": "rest", "options": options}}))
    town.dies(point, "route", "draft", REPEATS, str(draft))
    if point.endswith(BEFORE):
        town.command("route", "draft", REPEATS, str(draft))
    number = str(json.loads(town.command("route", "history", REPEATS, "--json"))[-1]["number"])
    for step, after in (
        (("route", "test", REPEATS, number, "--letters", "2"), 0),
        (("route", "activate", REPEATS, number), 1),
    ):
        town.dies(point, *step)
        town.command(*step, expect=after if point.endswith(AFTER) else 0)
    scenario.send(REPEATS)
    town.dies(point, "route", "rollback", REPEATS, "--from", number)
    town.command("route", "rollback", REPEATS, "--from", number, expect=int(point.endswith(AFTER)))
    scenario.send(REPEATS)
    scenario.settle()
    states = [one["state"] for one in json.loads(town.command("route", "history", REPEATS, "--json"))]
    assert states.count("ACTIVE") == 1, states


def at_the_desk(*verb: str) -> Callable[[Scenario, str], None]:
    """A reader's step that dies, and is taken again."""

    def act(scenario: Scenario, point: str) -> None:
        town = scenario.town
        [sent] = scenario.send(INBOX)
        scenario.wait_for("AVAILABLE", sent)
        name = scenario.delivery(sent).id
        if verb[0] in ("unlock", "progress"):
            town.command("reader", "lock" if verb[0] == "unlock" else "acknowledge", name)
        command = ("reader", verb[0], name, *verb[1:])
        town.dies(point, *command)
        [state] = [row.state for row in scenario.deliveries(sent) if row.id == name]
        if state == "AVAILABLE" or verb[0] in ("acknowledge", "progress"):
            town.command(*command)
        hand_over_at_the_desk(scenario, sent)

    return act


def hand_over_at_the_desk(scenario: Scenario, *letters: Sent) -> None:
    """The office takes what lies ready for it."""
    for sent in letters:
        row = (
            scenario.delivery(sent)
            if len(sent.offices) == 1 and len(scenario.deliveries(sent)) == 1
            else None
        )
        if row is not None and row.state not in ("REFUSED", "HANDED_OVER"):
            scenario.wait_for("AVAILABLE", sent)
            scenario.town.command("reader", "acknowledge", row.id)


def tell_the_readers(scenario: Scenario, point: str) -> None:
    town = scenario.town
    town.clock.jump(700)  # whoever was told has forgotten it, and leases on messages have run out
    town.arm(point)
    [sent] = scenario.send(OFFICE)
    town.wait_for_death(point)
    town.clock.jump(700)
    until("its chain says that they were told", lambda: _told(scenario, sent))
    hand_over_at_the_desk(scenario, sent)


def _told(scenario: Scenario, sent: Sent) -> bool:
    scenario.town.at_work()
    _, receipts = scenario._fetch(sent)
    return len(receipts) >= 3 and scenario.delivery(sent).state == "AVAILABLE"


# evidence


def let_the_ledger_grow(scenario: Scenario, point: str) -> None:
    scenario.town.arm(point)
    scenario.send(REPEATS)
    scenario.town.wait_for_death(point)


def start_a_worker(scenario: Scenario, point: str) -> None:
    town = scenario.town
    town.rest()
    town.arm(point)
    town.wait_for_death(point)


def end_a_worker(scenario: Scenario, point: str) -> None:
    town = scenario.town
    scenario.settle()
    town.at_work()
    log = town.folder / "processes.log"
    until(
        "they are at work",
        lambda: all(f":{one.pid}\n" in log.read_text("utf-8", "replace") for one in town.workers),
    )
    town.arm(point)
    for process in town.workers:
        process.signal(signal.SIGTERM)
    until("it dies", lambda: town.struck(point))
    (town.folder / "spent" / point).unlink()
    for process in town.workers:  # until it is known of the dead, they count as alive
        process.wait()


STOPPED = ({"state": "HELD", "reason": "WASL-DLV-050"},)
"""What an operator stopped, and nobody decided about yet."""
HELD_IN_DOUBT = ({"state": "HELD", "reason": "WASL-DLV-010"}, {"state": "HELD", "reason": "WASL-DLV-004"})
_OF_THE_WAY_OUT = (BEFORE, MIDWAY, AFTER)

SCENES: dict[str, tuple[Scene, ...]] = {
    "intake": (
        Scene("a letter is accepted", ("intake._write",), accept),
        Scene("contents are stored", ("payload",), accept_a_file, (BEFORE, MIDWAY, AFTER)),
        Scene(
            "a content is uploaded before its letter",
            ("uploads._begin", "uploads._keep", "uploads._finish"),
            upload_before,
        ),
        Scene("a letter is refused", ("refusal._seal",), refuse_a_letter),
        Scene("a rendering is made", ("fetch._keep",), fetch_another_rendering),
        Scene("a letter is taken back", ("outcomes.cancel",), take_back),
    ),
    "dispatch": (
        Scene("a letter is delivered", ("claim.claim", "claim.mark_sending", "outcomes.hand_over"), deliver),
        Scene("a letter is sent", ("adapter",), deliver, _OF_THE_WAY_OUT),
        Scene(
            "a letter is sent to who can be asked", ("adapter",), deliver_to_who_can_be_asked, _OF_THE_WAY_OUT
        ),
        Scene("a handover is kept of who can be asked", ("outcomes.hand_over",), deliver_to_who_can_be_asked),
        Scene(
            "a letter is sent to who cannot tell",
            ("adapter",),
            deliver_to_who_cannot_tell,
            _OF_THE_WAY_OUT,
            HELD_IN_DOUBT,
        ),
        Scene(
            "sending to who cannot tell is marked",
            ("claim.mark_sending", "outcomes.hand_over"),
            deliver_to_who_cannot_tell,
            SIDES,
            HELD_IN_DOUBT,
        ),
        Scene("a lost lease is taken over", ("claim._recover",), take_over),
        Scene("a lease is renewed by the clock", ("leases.beat",), transfer_for_long),
        Scene("a lease is renewed between two requests", ("claim.renew",), send_more_under_an_old_lease),
        Scene("a worker gives back", ("claim.give_back",), stop_between_claim_and_sending),
    ),
    "trouble": (
        Scene("a route's breaker is kept", ("routes._keep",), meet("busy")),
        Scene("an attempt failed", ("outcomes.wait",), meet("busy")),
        Scene("what was exchanged is kept", ("exchanges._keep",), meet("busy")),
        Scene(
            "a system is asked for news",
            (
                "news_poll._begin",
                "processing.register",
                "processing.close",
                "news_poll._settle",
                "news_kept._keep",
            ),
            ask_for_news,
        ),
        Scene(
            "an attempt is in doubt",
            ("outcomes.hold",),
            meet("taken-then-resets", store=NOTHING),
            SIDES,
            HELD_IN_DOUBT,
        ),
        Scene("a letter is given up", ("outcomes.give_up",), meet("refuses", "refuses")),
        Scene("a letter outlives its end", ("outcomes.expire",), outlive),
        Scene("a letter is laid ready", ("outcomes.make_available",), lay_ready),
        Scene("a letter falls back", ("outcomes.make_available",), fall_back),
        Scene("a held letter's deadline passes", ("outcomes.give_up",), let_the_deadline_pass),
    ),
    "people": (
        Scene("an operator holds", ("outcomes.hold",), decide("hold"), SIDES, STOPPED),
        Scene("an operator prolongs", ("repair.hold",), prolong, SIDES, STOPPED),
        Scene("an operator releases", ("repair.release",), decide("release", held=True)),
        Scene("an operator requeues", ("outcomes.resend",), decide("requeue", held=True)),
        Scene("an operator redirects", ("redirecting.redirect",), decide("redirect", "--to", FINDS)),
        Scene("an operator cancels", ("outcomes.cancel",), decide("cancel")),
        Scene("an operator gives up", ("outcomes.give_up",), decide("fail")),
        Scene("an operator sends anew", ("resending.resend",), send_anew),
        Scene("an operator pauses a route", ("apply.pause",), pause),
        Scene("an operator changes a route and takes it back", ("versions._step",), change_a_route),
        Scene("a reader locks", ("inbox.lock",), at_the_desk("lock")),
        Scene("a reader unlocks", ("inbox.unlock",), at_the_desk("unlock")),
        Scene("a reader opens", ("notices.opened",), at_the_desk("content")),
        Scene("a reader acknowledges", ("outcomes.acknowledge",), at_the_desk("acknowledge")),
        Scene("a reader tells progress", ("processing.begin_work",), at_the_desk("progress")),
        Scene("a reader refuses", ("outcomes.refuse",), at_the_desk("refuse")),
        Scene("a reader redirects", ("redirecting.redirect",), at_the_desk("redirect", REPEATS)),
    ),
    "evidence": (
        Scene(
            "readers are told",
            ("tell._claim", "mailer", "tell._settle", "notices.notified", "tell._attest"),
            tell_the_readers,
        ),
        Scene(
            "the ledger grows", ("sequencer._grow", "sequencer._sign", "stamping._stamp"), let_the_ledger_grow
        ),
        Scene("a long-term form is made", ("fetch.keep",), let_the_ledger_grow),
        Scene("a worker starts", ("presence.beat",), start_a_worker),
        Scene("a worker ends", ("presence.leave",), end_a_worker),
    ),
}

CHAIN_VERBS: dict[str, tuple[str, ...]] = {
    "outcomes._end_well": ("outcomes.hand_over", "outcomes.acknowledge"),
    "outcomes.hand_over_late": ("outcomes.hand_over_late",),
    "outcomes.make_available": ("outcomes.make_available",),
    "outcomes.wait": ("outcomes.wait",),
    "outcomes.hold": ("outcomes.hold",),
    "outcomes.resend": ("outcomes.resend",),
    "outcomes._fail": ("outcomes.give_up", "outcomes.fail_to_make_available"),
    "outcomes._end": ("outcomes.expire", "outcomes.refuse", "outcomes.decline", "outcomes.cancel"),
    "redirecting.redirect": ("redirecting.redirect",),
    "resending.resend": ("resending.resend",),
    "repair.release": ("repair.release",),
    "repair._prolong": ("repair.hold",),
    "relays._rest": ("relays.relayed", "relays.mailed"),
    "relays._fail": ("relays.relay_refused", "relays.relay_failed"),
    "processing.register": ("processing.register",),
    "processing._commit": (
        "processing.begin_work", "processing.await_sender", "processing.close",
        "processing.answer", "processing.decline",
    ),
    "limits._commit": ("limits.extend", "limits.reckon"),
    "notices._commit": ("notices.notified", "notices.not_notified", "notices.opened", "notices.accept"),
}  # fmt: skip
"""Which verbs lie behind each function that continues a delivery's chain."""

_SAME = "the same function as a verb that a scene dies in, with other content"
_NOBODY = "nobody calls it yet"
_SAID_AGAIN = "said again by the next turn, or the next call; see tests/integration/test_news.py"
_TOLD_AGAIN = "senders are told at least once, whoever dies: see tests/integration/test_push.py"
ELSEWHERE: dict[str, str] = {
    "outcomes.hand_over_late": _SAME,
    "outcomes.decline": _SAME,
    "outcomes.fail_to_make_available": _NOBODY,
    "relays.relayed": _NOBODY,
    "relays.mailed": _NOBODY,
    "relays.relay_refused": _NOBODY,
    "relays.relay_failed": _NOBODY,
    "processing.await_sender": _SAME,
    "processing.answer": _NOBODY,
    "processing.decline": _SAME,
    "limits.extend": _NOBODY,
    "limits.reckon": "no letter of the tests has a time limit; see tests/integration/test_outcomes.py",
    "notices.not_notified": _SAME,
    "notices.accept": _NOBODY,
    "news_poll._failed": _SAID_AGAIN,
    "news._note": _SAID_AGAIN,
    "alerts.run": "found again by the next turn; see tests/integration/test_held.py",
    "fullness.keep_full": "a note for people, which the log has too; see tests/integration/test_memory.py",
    "setback.run": "done again by the next turn; see tests/integration/test_setback.py",
    "uploads._forget": "what is wrong is refused again; see tests/integration/test_uploads.py",
    "upload_expiry._forget": "forgotten by the next turn; see tests/integration/test_uploads.py",
    "apply.apply": "the registry's own; no letter is touched",
    "apply.close": "the registry's own; no letter is touched, and the command is given again",
    "apply.map_code": "the registry's own; letters are sent again by decisions of their own",
    "unmapped._write": "a list for people; see tests/integration/test_unmapped.py",
    "tokens._give": "a token that is lost is asked for again",
    "callers._remember": "a signed message that got no answer is signed anew; what it did is done once",
    "ledger._keep": "a witness sends it again",
    "selfcheck._keep": "the next check says it again",
    "continuation.run": "a person's decision about a ledger, given again",
    "holds.place": "a person's decision, given again",
    "holds.release": "a person's decision, given again",
    "push._move_on": _TOLD_AGAIN,
    "push._take": _TOLD_AGAIN,
    "push._settle": _TOLD_AGAIN,
    "push._put_off": _TOLD_AGAIN,
    "push._give_back": _TOLD_AGAIN,
    "push._renew": _TOLD_AGAIN,
    "webhooks.create": "a repeat gets the same subscription",
    "webhooks.change": "a party's decision, given again",
    "webhooks.switch": "a person's decision, given again",
    "webhooks.delete": "a party's decision, given again",
    "webhooks.replay": "a party's decision, given again",
    "push_repair.again_from": "a person's decision, given again",
    "push_repair.go_on": "a person's decision, given again",
    "push_repair.pass_over": "a person's decision, given again",
    "purge.purge": "see tests/integration/test_retention.py",
}
"""Transactions and verbs that no scene dies in, and why."""


def points() -> set[str]:
    """Every point of the matrix, without its side."""
    return {point for group in SCENES.values() for scene in group for point in scene.points}


def sides_in(group: str) -> tuple[str, ...]:
    """On which sides processes die in `make test`; the soak has all of them.

    Before the commit of a step that a person or a clock repeats, nothing has happened yet.
    """
    return (AFTER,) if group in ("people", "evidence") else (BEFORE, MIDWAY, AFTER)


def through(town: Town, group: str, sides: tuple[str, ...] = (BEFORE, MIDWAY, AFTER)) -> str:
    """Lead processes to every point of a group, and let the auditor judge what became of the letters.

    Args:
        sides: on which they die.
    """
    town.at_work()
    scenario = Scenario(town, group)
    for scene in SCENES[group]:
        for point in scene.all:
            if point.endswith(sides):
                scene.act(scenario, point)
    town.clock.jump(1900)  # what rested until its time is due
    table = scenario.judge(*(leave for scene in SCENES[group] for leave in scene.leaves))
    assert not list((town.folder / "fuses").iterdir())
    return table
