"""The command ``connector``: a small process beside an old system, which knows nothing but a folder."""

from __future__ import annotations

import fcntl
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway.cli.partner import durable
from gateway.cli.partner.cms import decryption
from gateway.cli.partner.incoming import Incoming
from gateway.cli.partner.laid import Laying
from gateway.cli.partner.manifest import Writer
from gateway.cli.partner.outbox import Outbox
from gateway.cli.partner.party_file import FILE, FOLDER, party_options, trust_option
from gateway.cli.partner.told import Told
from gateway.cli.partner.watching import Watch
from gateway.cli.posting import hub_client
from gateway.clients.hub_inbox import InboxClient
from gateway.clients.hub_sender import SenderClient
from gateway.domain.errors import WaslError
from gateway.domain.lines import printable
from gateway.exchange.clock import Ambient
from gateway.i18n import Translator, mark
from gateway.trust.seal import KeySealer
from gateway.workers.stop import Stop

PLACES = ("out", "work", "sent", "refused", "in", "done", "state")


@click.command()
@party_options
@click.option("--folder", type=FOLDER, required=True, help="The folder shared with the old system.")
@click.option("--hub-code", default="DEMO-HUB", help="Code of the hub, as its documentation states it.")
@click.option("--office", default=None, help="Order office whose inbox is fetched; none: only sends.")
@trust_option
@click.option("--decrypt-with", type=FILE, default=None, help="Key for what is encrypted to you (PEM).")
@click.option("--decrypt-cert", type=FILE, default=None, help="The certificate of that key (PEM).")
@click.option("--language", default="fr", help="Language of letters, of reasons, and of what is told.")
@click.option("--test", is_flag=True, help="Send tests.")
@click.option("--once", is_flag=True, help="Look once and end, for cron.")
@click.option("--every", default=15.0, help="Seconds between two looks.")
def connector(
    url: str,
    party: str,
    key: Path,
    cert: Path,
    folder: Path,
    hub_code: str,
    office: str | None,
    trust: Path | None,
    decrypt_with: Path | None,
    decrypt_cert: Path | None,
    language: str,
    test: bool,
    once: bool,
    every: float,
) -> None:
    """Send what lies in FOLDER/out, fetch the inbox into FOLDER/in, tell what was answered there.

    It may be killed at any moment and started again: nothing is lost, and nothing sent twice.

    Example: wasl connector --settings party.toml --folder /srv/mail
    """
    for place in PLACES:
        (folder / place).mkdir(parents=True, exist_ok=True)
    ambient, sealer = Ambient(), KeySealer.from_files(key, cert)
    hub, writer = hub_client(url, party, sealer), Writer(party, hub_code, language, test)
    watch = Watch(Translator(language), click.echo, sys.stderr)
    outbox = Outbox(folder, writer, sealer, hub, ambient.now, ambient.random_bytes, watch, trust)
    told = Told(folder, SenderClient(hub, language), watch, trust)
    rounds: list[Outbox | Told | Incoming] = [outbox, told]
    if office is not None:
        inbox = InboxClient(hub, language)
        decrypt = decryption(decrypt_with, decrypt_cert) if decrypt_with and decrypt_cert else None
        laying = Laying(inbox, ambient.now, trust, decrypt, watch)
        rounds.append(Incoming(folder, office, inbox, laying, language, watch))
    with _alone(folder):
        for place in ("in", "state"):
            durable.sweep(folder / place)
        _run(rounds, once, every, watch)


def _run(rounds: list[Outbox | Told | Incoming], once: bool, every: float, watch: Watch) -> None:
    if once:
        sys.exit(0 if _round(rounds, watch) else 3)
    watch.say(mark("Looks every {seconds} seconds; whatever is done is told here."), seconds=every)
    stopped = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopped.set)
    while not stopped.is_set():
        _round(rounds, watch)
        stopped.wait(every)
    watch.say(mark("Ended; what was begun goes on the next time."))


def _round(rounds: list[Outbox | Told | Incoming], watch: Watch) -> bool:
    """Whether everything went through; what did not is tried again the next time."""
    good = True
    for part in rounds:
        try:
            part.run()
        except (WaslError, OSError) as error:  # a full disk too: the next round finds what is there
            said = watch.translator.text(mark("not done, tried again the next time: {why}"), why=error)
            click.echo(f"wasl: {printable(said)}", err=True)
            good = False
    return good


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two at one folder would take each other's letters."""
    with (folder / "state" / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            click.echo(f"wasl: another connector works in {folder}", err=True)
            sys.exit(3)
        yield
