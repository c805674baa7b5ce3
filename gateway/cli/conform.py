"""The command ``conform``: how a partner's own program stands up to what will happen to it."""

from __future__ import annotations

import json
import sys
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import click

from gateway.cli.partner.examination import Examination
from gateway.cli.partner.examiner import serving
from gateway.cli.partner.inbox_examination import InboxExamination
from gateway.cli.partner.inbox_examiner import serving_inbox
from gateway.cli.partner.inbox_trials import InboxMark
from gateway.cli.partner.party_file import FILE, FOLDER, read_party_file
from gateway.cli.partner.receipt_deck import Deck
from gateway.cli.partner.receipt_examination import LETTERS, ReceiptExamination
from gateway.cli.partner.receipt_examiner import SAID, serving_receipts
from gateway.cli.partner.receipt_trials import ReceiptMark
from gateway.cli.partner.trials import Mark, Outcome
from gateway.cli.posting import hub_client
from gateway.clients.http import GuardedHttp, HttpSettings
from gateway.clients.hub import HubClient
from gateway.exchange.clock import Ambient
from gateway.trust.seal import KeySealer

Examined = Examination | InboxExamination | ReceiptExamination
Marks = tuple[Mark, ...] | tuple[InboxMark, ...] | tuple[ReceiptMark, ...]
_SIGNS = {Outcome.PASSED: "✔", Outcome.FAILED: "✘", Outcome.LOOK: "?", Outcome.OPEN: "·"}


@click.command()
@click.option("--hub", "url", default="http://127.0.0.1:8080", help="Address of a hub for tests.")
@click.option("--inbox", "settings", type=FILE, default=None, help="party.toml of the office that reads.")
@click.option("--receipts", "trust", type=FOLDER, default=None, help="Trust folder to make for your program.")
@click.option("--port", default=8099, help="Where your program calls; 0 takes a free one.")
@click.option("--quiet", default=20.0, help="Seconds after which no repeat is expected any more.")
@click.option("--seconds", default=900.0, help="Longest time for all of it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def conform(
    url: str,
    settings: Path | None,
    trust: Path | None,
    port: int,
    quiet: float,
    seconds: float,
    as_json: bool,
) -> None:
    """Stand between your program and a hub for tests, and see what it does in each situation.

    Let it send seven letters to http://127.0.0.1:PORT. Each meets another one: the hub answers, the answer
    is lost, the connection breaks, 503, 429, a refusal, a forged receipt. With --inbox let it take seven
    letters that lie ready for its office there instead: content that is cut off, an acknowledgment whose
    answer is lost, 503, a lock, a letter that is listed again, progress. With --receipts no hub is needed:
    let it send eight letters and fetch what the feed announces; receipts of every kind come whole, altered,
    under a wrong seal, and of another letter. Ends with 0 if it did right in all of them, with 1 if not,
    with 3 if some were not met.

    Example: wasl conform --hub http://127.0.0.1:8080 --port 8099
    """
    if settings is not None and trust is not None:
        raise click.UsageError("either --inbox or --receipts")
    if trust is not None:
        _conform(*_of_receipts(trust, port, quiet), seconds, as_json)
    elif settings is None:
        _conform(*_of_sender(url, port, quiet), seconds, as_json)
    else:
        _conform(*_of_reader(settings, port, quiet), seconds, as_json)


def _of_sender(url: str, port: int, quiet: float) -> tuple[Examined, ThreadingHTTPServer, str]:
    hub = HubClient(GuardedHttp(HttpSettings(allow=(urlsplit(url).hostname or "",))), url.rstrip("/"))
    examination = Examination(time.monotonic, quiet)
    return examination, serving(examination, hub, port), "send your letters to"


def _of_reader(settings: Path, port: int, quiet: float) -> tuple[Examined, ThreadingHTTPServer, str]:
    told = read_party_file(settings, frozenset({"hub", "party", "key", "certificate"}))
    hub = hub_client(told["url"], told["party"], KeySealer.from_files(Path(told["key"]), Path(told["cert"])))
    examination = InboxExamination(time.monotonic, quiet)
    return examination, serving_inbox(examination, hub, port), "read your inbox at"


def _of_receipts(trust: Path, port: int, quiet: float) -> tuple[Examined, ThreadingHTTPServer, str]:
    if trust.exists():
        raise click.BadParameter(f"{trust} is there already")
    examination = ReceiptExamination(time.monotonic, quiet, Deck.make(trust, Ambient()))
    what = f"trust {trust}, tell what you make of receipts at {SAID}, send {len(LETTERS)} letters to"
    return examination, serving_receipts(examination, port), what


def _conform(
    examination: Examined, server: ThreadingHTTPServer, what: str, seconds: float, as_json: bool
) -> None:
    deadline = time.monotonic() + seconds
    with server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        click.echo(f"{what} http://127.0.0.1:{server.server_address[1]}", err=True)
        try:
            while not examination.over and time.monotonic() < deadline:
                Event().wait(0.2)
        finally:
            server.shutdown()
            thread.join()
    marks = examination.marks()
    click.echo(_for_programs(marks) if as_json else _for_people(marks))
    sys.exit(_status(marks))


def _for_programs(marks: Marks) -> str:
    return json.dumps(
        [{"trial": one.trial.value, "outcome": one.outcome.value, "why": one.why} for one in marks], indent=1
    )


def _for_people(marks: Marks) -> str:
    return "\n".join(f"{_SIGNS[one.outcome]} {one.trial.value}: {one.why}" for one in marks)


def _status(marks: Marks) -> int:
    outcomes = {one.outcome for one in marks}
    if Outcome.FAILED in outcomes:
        return 1
    return 3 if Outcome.OPEN in outcomes else 0
