"""The command ``route try``: a test letter goes the real way, and what came of it is shown."""

from __future__ import annotations

import dataclasses
import getpass
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import click

from gateway.bootstrap import Gateway, lifecycle, trying
from gateway.cli.compose import XML, sign
from gateway.cli.exchange import tell_advice, tell_attempt
from gateway.cli.partner.party_file import FILE, read_party_file
from gateway.cli.registry import as_json as json_option
from gateway.cli.registry import opened
from gateway.cli.route_try import office_in
from gateway.cli.trial_party import PARTY_FILE, check_for_tests, make_party
from gateway.domain.errors import Fault, Refused
from gateway.domain.evidence.reasons import explain
from gateway.domain.registry.parties import Office
from gateway.domain.transit.states import Transport
from gateway.exchange.operate.trying_letters import PLAN, sample_envelope
from gateway.exchange.transit.overview import DeliveryFile
from gateway.exchange.transit.submission import Submission
from gateway.store.transit import exchange_queries as queries
from gateway.trust.seal import KeySealer

_NEEDED = frozenset({"party", "key", "certificate"})
_UNDER_WAY = frozenset({Transport.QUEUED.value, Transport.DELIVERING.value})
_WELL = frozenset({Transport.HANDED_OVER.value, Transport.AVAILABLE.value})
_LOOK_S = 0.1


@dataclass(frozen=True)
class _Sent:
    """A test letter that the hub took."""

    reference: str
    delivery: str


@click.command(name="try")
@click.argument("office_id", metavar="OFFICE")
@click.option("--as", "actor", default=getpass.getuser, help="Who tries; it stands in the letter.")
@click.option(
    "--settings",
    "party_file",
    type=FILE,
    help="Whose letter it is (party.toml); by default a party for tests.",
)
@click.option("--really", is_flag=True, help="Send a real letter, for a route that takes no tests.")
@click.option(
    "--wait", "seconds", type=click.IntRange(1, 3600), default=60, help="How long to wait. Seconds."
)
@json_option
def try_(
    office_id: str, actor: str, party_file: Path | None, really: bool, seconds: int, as_json: bool
) -> None:
    """Send a letter that says of itself that it is a test to OFFICE, the way that real ones go.

    The route must say accepts_test; a worker must run. With --really it is a letter like any other, from the
    party in --settings, and stays in the recipient's system.

    Example: wasl route try B0000002-4 --as operator
    """
    if really and party_file is None:
        raise click.UsageError("a real letter needs the party that sends it: --settings party.toml")
    gateway = opened()
    office = office_in(gateway, office_id)
    if not really and not office.route.accepts_test:
        click.echo(
            f"the route of {office_id} takes no tests: set accepts_test = true in its [office.route] if its "
            "system may get one, or send a real letter with --really",
            err=True,
        )
        sys.exit(1)
    about = read_party_file(party_file or _tester(gateway, actor), _NEEDED)
    sent = _submitted(gateway, office, about, actor, really)
    file = _awaited(lambda: lifecycle.overview(gateway).show(sent.delivery), seconds)
    _tell(gateway, sent, file, as_json)
    if file.line.state in _UNDER_WAY and not file.attempts:
        click.echo(f"nobody took it within {seconds} s: is a worker running?", err=True)
        sys.exit(3)
    if file.line.state not in _WELL:
        sys.exit(1)


def _tester(gateway: Gateway, actor: str) -> Path:
    """The file of a party for tests that this command made for itself, once."""
    folder = gateway.settings.home / "route-try"
    if not (folder / PARTY_FILE).exists():
        check_for_tests(gateway)
        make_party(gateway, "route-try", "p256", folder, actor)
    return folder / PARTY_FILE


def _submitted(gateway: Gateway, office: Office, about: dict[str, Any], actor: str, really: bool) -> _Sent:
    ambient = gateway.ambient
    envelope = sample_envelope(gateway.settings.hub.code, about["party"], office.id, ambient, not really)
    envelope = dataclasses.replace(envelope, attachments=(), body=f"{envelope.body}\n({actor})")
    sealer = KeySealer.from_files(Path(about["key"]), Path(about["cert"]))
    with TemporaryDirectory(prefix="wasl-try-") as folder:
        plan = Path(folder) / "plan d’essai — تجربة.pdf"
        plan.write_bytes(PLAN)
        letter = sign(envelope, sealer, XML, ambient.now(), (plan,))
        parts = iter([_Part(part.content_id, plan) for part in letter.parts])
        try:
            answer = gateway.services.intake.submit(Submission(letter.root, XML, parts, XML))
        except Refused as refusal:
            _refused(refusal.faults)
    if answer.reference is None:
        _refused(answer.faults)
    with gateway.store.read() as session:
        [delivery] = queries.deliveries_of(session, answer.reference)
    return _Sent(answer.reference, delivery.id)


@dataclass(frozen=True)
class _Part:
    """The content beside the envelope."""

    content_id: str
    path: Path

    @property
    def chunks(self) -> Any:
        return iter([self.path.read_bytes()])


def _refused(faults: tuple[Fault, ...]) -> NoReturn:
    for fault in faults:
        click.echo(f"the hub refused it: {fault.code} {' '.join(explain(fault, 'en'))}", err=True)
    sys.exit(1)


def _awaited(look: Callable[[], DeliveryFile], seconds: float) -> DeliveryFile:
    """What became of it, as soon as it ended or an attempt did."""
    end = time.monotonic() + seconds
    while True:
        file = look()
        if file.line.state not in _UNDER_WAY or time.monotonic() > end:
            return file
        time.sleep(_LOOK_S)


def _tell(gateway: Gateway, sent: _Sent, file: DeliveryFile, as_json: bool) -> None:
    attempts = trying.exchanges(gateway).of(sent.delivery)
    receipts = [{"kind": one.kind, "id": one.id, "event": one.event} for one in file.receipts]
    if as_json:
        shown = {
            "reference": sent.reference,
            "delivery": sent.delivery,
            "state": file.line.state,
            "targetReference": file.target_reference,
            "registerNumber": file.register_number,
            "attempts": [dataclasses.asdict(one) for one in attempts],
            "receipts": receipts,
        }
        click.echo(json.dumps(shown, default=str, ensure_ascii=False, indent=1))
        return
    number = f"  registered under {file.register_number}" if file.register_number else ""
    click.echo(f"{sent.reference}  {sent.delivery}  {file.line.state}{number}")
    for attempt in attempts:
        for line in tell_attempt(attempt):
            click.echo(line)
    code = next((one.why for one in reversed(file.events) if one.why), None)
    if code is not None and not attempts:  # it failed before anything was sent
        click.echo(f"{code}: {explain(Fault(code), 'en')[0]}")
        for line in tell_advice(code):
            click.echo(line)
    for receipt in receipts:
        click.echo(f"receipt {receipt['kind']}  {receipt['id']}")
