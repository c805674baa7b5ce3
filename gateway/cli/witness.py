"""Commands of a witness, which watches a hub's ledger from outside: ``witness init|run|accept``."""

from __future__ import annotations

import json
import re
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.clients.ledger import LedgerClient
from gateway.domain.errors import DeliveryError, Misconfigured, Unavailable
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.witness import Alarm, Incomplete, NotBelieved, Turn, Witness
from gateway.exchange.evidence.witness_folder import WitnessFolder
from gateway.trust.note import LOG, VerifierKey, read_vkey
from gateway.workers.stop import Stop

_NAME = re.compile(r"[!-*,-~]{1,200}")
"""Visible ASCII without a plus sign (C2SP signed-note)."""
_LIMITS = HttpLimits(connect_s=10, read_s=20, total_s=30, answer_bytes=64 * 1024)
_NO, _UNDECIDED = 1, 3

state_option = click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the witness."
)


@click.group()
def witness() -> None:
    """Watch a hub's ledger from outside, and cosign it while it contradicts nothing.

    Needs no home, no database and no secret of the hub; it should run where the hub's operator
    cannot reach it.

    Example: wasl witness run --state w1 --hub https://hub.example --ledger-key ledger.vkey --submit
    """


@witness.command()
@state_option
@click.option("--name", required=True, help="Name of the witness, such as witness.example/w1.")
def init(state: Path, name: str) -> None:
    """Make a witness: its folder and its key.

    Example: wasl witness init --state w1 --name witness.example/w1
    """
    if not _NAME.fullmatch(name):
        raise Misconfigured(["--name: visible ASCII characters without spaces and plus signs"])
    vkey = WitnessFolder(state).create(name)
    file = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "witness"
    click.echo(f"witness ready: {state}", err=True)
    click.echo(f"The hub's operator puts this line into trust/witnesses/{file}.vkey:", err=True)
    click.echo(vkey.line)


@witness.command()
@state_option
@click.option("--hub", "url", required=True, help="Address of the hub.")
@click.option(
    "--ledger-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The ledger's verifier key (.vkey), from a source you believe.",
)
@click.option("--test", is_flag=True, help="Watch the separate ledger for tests.")
@click.option("--once", is_flag=True, help="Look once and say by the exit status what was found.")
@click.option(
    "--every",
    "seconds",
    type=click.FloatRange(min=0.05, max=86_400),
    default=60.0,
    help="Seconds between two looks.",
)
@click.option("--submit", is_flag=True, help="Hand the cosignatures in at the hub.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def run(
    state: Path,
    url: str,
    ledger_key: Path,
    test: bool,
    once: bool,
    seconds: float,
    submit: bool,
    as_json: bool,
) -> None:
    """Look at the ledger's checkpoints, again and again, and cosign each that continues the last.

    Exit status 0: it does; 1: ALARM, the ledger contradicts itself, or what came is not signed by it;
    2: wrong usage; 3: the hub could not be reached or its answer cannot be judged.

    Example: wasl witness run --state w1 --hub https://hub.example --ledger-key ledger.vkey --once
    """
    watcher = Witness(WitnessFolder(state), _client(url, test), _vkey(ledger_key), Ambient().now, submit)
    stopped = Stop()
    if once:
        sys.exit(_look(watcher, as_json))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopped.set)
    while not stopped.is_set():
        _look(watcher, as_json)
        stopped.wait(seconds)


@witness.command()
@state_option
@click.option("--why", required=True, help="What was found out, in one line; it is kept.")
@click.option(
    "--restart",
    is_flag=True,
    help="Forget what was seen and begin anew: only for a ledger that its operator continues under"
    " another name, as documented.",
)
def accept(state: Path, why: str, restart: bool) -> None:
    """Decide about an alarm, as a person: its evidence is filed away, then the witness works again.

    Example: wasl witness accept --state w1 --why "continued after the loss of 3 May" --restart
    """
    folder = WitnessFolder(state)
    with folder.held():
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        click.echo(f"kept in {folder.decide(stamp, why, restart=restart)}")


def _client(url: str, test: bool) -> LedgerClient:
    host = urlsplit(url).hostname or ""
    if urlsplit(url).scheme not in ("http", "https") or not host:
        raise Misconfigured(["--hub: an address such as https://hub.example"])
    http = GuardedHttp(HttpSettings(allow=(host,), limits=_LIMITS))
    return LedgerClient(http, url.rstrip("/"), test)


def _vkey(path: Path) -> VerifierKey:
    """The one key in a file.

    Raises:
        Misconfigured: it holds anything else.
    """
    try:
        key = read_vkey(path.read_text("utf-8").strip())
    except (OSError, ValueError) as error:
        raise Misconfigured([f"--ledger-key: {path}: {error}"]) from error
    if key.kind != LOG:
        raise Misconfigured([f"--ledger-key: {path}: a witness's key, not a ledger's"])
    return key


def _look(watcher: Witness, as_json: bool) -> int:
    """One turn, told; the exit status that it stands for. An alarm ends the program at once."""
    try:
        turn = watcher.turn()
    except Alarm as error:
        _tell(as_json, "alarm", found=error.found.value if error.found else "undecided", kept=error.evidence)
        sys.exit(_NO)
    except NotBelieved as error:
        _tell(as_json, "not-believed", detail=str(error))
        return _NO
    except (DeliveryError, Incomplete, Unavailable) as error:
        _tell(as_json, "undecided", detail=str(error))
        return _UNDECIDED
    _tell_turn(as_json, turn)
    return 0


def _tell_turn(as_json: bool, turn: Turn) -> None:
    _tell(
        as_json,
        "cosigned" if turn.fresh else "unchanged",
        origin=turn.checkpoint.origin,
        size=turn.checkpoint.size,
        root=turn.checkpoint.root.hex(),
        submitted=turn.submitted,
    )


_WORDS = {
    "alarm": "ALARM ({found}): the ledger contradicts itself. Evidence: {kept}. Nothing is cosigned until a"
    " person decides (wasl witness accept).",
    "not-believed": "not believed: {detail}",
    "undecided": "cannot be judged now: {detail}",
    "cosigned": "cosigned {origin} at {size} entries, root {root}",
    "unchanged": "unchanged {origin} at {size} entries, root {root}",
}


def _tell(as_json: bool, kind: str, **values: object) -> None:
    bad = kind in ("alarm", "not-believed", "undecided")
    line = json.dumps({"kind": kind, **values}) if as_json else _WORDS[kind].format(**values)
    click.echo(line, err=bad and not as_json)
