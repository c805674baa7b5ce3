"""A hub's process that kills itself at a named point, and whose clock can be set, for tests of faults.

    python -m tests.faults.killed --at intake._write:after --nth 2 -- serve
    python -m tests.faults.killed --nursery

Nothing of this is known to the product: the wrappers stand around `Store.write`, around the payloads'
writer, around the way out and around the clock, from outside. What a point is called is read off the call
stack: the function of a service that opened the transaction, and before or after its commit.

Fuses are files: a point at which a fuse burns lets the process that reaches it kill itself, once. So a point
can be armed while everything is running. `FAULTS_FOLDER` names the folder that holds them, and the file
``clock`` beside them says by how many seconds the process's clock is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import select
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

FOLDER = "FAULTS_FOLDER"
_SERVICES = "gateway.exchange."
_CHAIN = "chain.commit"
_LOADED = (
    "gateway.clients.s3_place",
    "gateway.workers.wakeups",
    "boto3.session",
    "celery.concurrency.thread",
    "kombu.transport.pyamqp",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "gunicorn.workers.gthread",
    "tests.faults.reader",
)
_writes = threading.local()


# Fuses


def reach(point: str) -> None:
    """Die here, now, if a fuse burns at this point: no clean-up, no buffers, no answers."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return
    fuse = Path(folder, "fuses", point)
    try:
        left = int(fuse.read_text() or 1)
        if left > 1:
            fuse.write_text(str(left - 1))
            return
        fuse.rename(Path(folder, "spent", point))
    except (FileNotFoundError, ValueError):
        return
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal is on its way


def skew() -> float:
    """By how many seconds this process's clock is wrong."""
    try:
        return float(Path(os.environ[FOLDER], "clock").read_text())
    except (KeyError, FileNotFoundError, ValueError):
        return 0.0


def _shifted_now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=skew())


# Points


def opened_by(frame: FrameType | None) -> str:
    """The name of the service's function that opens a transaction, ``module.function``.

    A delivery's chain is committed in one place for everybody: there the verb that did it is named too.
    """
    name = ""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(_SERVICES):
            function = frame.f_code.co_qualname.split(".<locals>")[0].rpartition(".")[2]
            here = f"{module.rpartition('.')[2]}.{function}"
            if not name:
                name = here
                if here != _CHAIN:
                    return name
            elif not function.startswith("_"):
                return here
        frame = frame.f_back
    return name or "elsewhere"


def _watch_transactions() -> None:
    from sqlalchemy import Engine, event

    from gateway.store.sessions import Store

    real = Store.write

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
            _writes.any = True

    @contextlib.contextmanager
    def write(store: Store) -> Iterator[Any]:
        name = opened_by(sys._getframe(2))
        with real(store) as session:
            _writes.any = False
            yield session
            session.flush()
            wrote = _writes.any
            if wrote:
                reach(f"{name}:before")
        if wrote:
            reach(f"{name}:after")

    Store.write = write  # type: ignore[method-assign]


def _watch_payloads() -> None:
    from gateway.store.payload_writer import PayloadWriter

    real_write, real_commit = PayloadWriter.write, PayloadWriter.commit

    def write(writer: PayloadWriter, chunk: bytes) -> int:
        written = real_write(writer, chunk)
        reach("payload:midway")
        return written

    def commit(writer: PayloadWriter) -> Any:
        reach("payload:before")
        stored = real_commit(writer)
        reach("payload:after")
        return stored

    PayloadWriter.write, PayloadWriter.commit = write, commit  # type: ignore[method-assign]


def _watch_way_out() -> None:
    from gateway.clients.http import GuardedHttp

    real = GuardedHttp.request

    def request(http: GuardedHttp, method: str, url: str, **options: Any) -> Any:
        reach("adapter:before")
        body = options.get("body")
        if body and Path(os.environ.get(FOLDER, "/"), "fuses", "adapter:midway").exists():
            octets = body if isinstance(body, bytes) else b"".join(body)
            options |= {"body": _in_two(octets), "content_length": len(octets)}
        answer = real(http, method, url, **options)
        reach("adapter:after")
        return answer

    GuardedHttp.request = request  # type: ignore[method-assign]


def _in_two(octets: bytes) -> Iterator[bytes]:
    half = len(octets) // 2
    yield octets[:half]
    time.sleep(0.05)  # the first half is to leave
    reach("adapter:midway")
    yield octets[half:]


def _watch_mail() -> None:
    from gateway.exchange.transit.tell import Teller

    real = Teller._trouble

    def trouble(teller: Teller, notice: Any) -> Any:
        reach("mailer:before")
        told = real(teller, notice)
        reach("mailer:after")
        return told

    Teller._trouble = trouble  # type: ignore[method-assign]


def _watch_claims() -> None:
    """Where a file ``stop-when-claimed`` lies, a worker that has claimed is told to stop in that moment."""
    from gateway.exchange.transit.claim import Claims

    real = Claims.claim

    def claim(claims: Claims, limit: int) -> list[str]:
        taken = real(claims, limit)
        if taken and _taken_away("stop-when-claimed"):
            os.kill(os.getpid(), signal.SIGTERM)
            while not claims.draining:
                time.sleep(0.001)
        return taken

    Claims.claim = claim  # type: ignore[method-assign]


def _taken_away(name: str) -> bool:
    try:
        Path(os.environ[FOLDER], name).unlink()
    except (KeyError, FileNotFoundError):
        return False
    return True


def _set_clock() -> None:
    from gateway.exchange.clock import Ambient

    defaults = Ambient.__init__.__defaults__
    assert defaults is not None
    Ambient.__init__.__defaults__ = (_shifted_now, *defaults[1:])


def _let_everybody_lead() -> None:
    """Every process believes that it leads: what a lock that was lost unseen comes to."""
    from gateway.store import leader

    for kind in (leader.FileLead, leader.DatabaseLead):
        kind.leads = lambda _self: True  # type: ignore[method-assign]


def install() -> None:
    """Put the wrappers around the product; they do nothing while no fuse burns and the clock is right."""
    for watch in (
        _watch_transactions, _watch_payloads, _watch_way_out, _watch_mail, _watch_claims, _set_clock,
    ):  # fmt: skip
        watch()


# Processes


def run(arguments: list[str]) -> int:
    """Be the command ``wasl``, or the reader of an inbox, in this very process."""
    if os.environ.get("FAULTS_ALL_LEAD"):
        _let_everybody_lead()
    sys.argv = ["wasl", *arguments]
    try:
        if arguments[:1] == ["reader"]:
            from tests.faults.reader import main as read

            return read(arguments[1:])
        from gateway.cli import main

        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _born(order: dict[str, Any]) -> int:
    """A child that runs a command with its own environment and output; its process id.

    When this returns the child leads its group: whoever learns of it may signal the group at once.
    """
    leads, tells = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tells)
        os.read(leads, 1)
        os.close(leads)
        return pid
    code = 70
    try:
        os.setsid()
        os.close(leads)
        os.close(tells)
        code = _live(order)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _live(order: dict[str, Any]) -> int:
    nothing = os.open(os.devnull, os.O_RDONLY)
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    err = os.open(order["err"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(order["environment"])
    return run(order["arguments"])


def _load() -> None:
    """Load what children need, and build one hub and forget it: once is enough to read and to compile."""
    for module in _LOADED:
        importlib.import_module(module)
    from sqlalchemy.orm import configure_mappers

    from gateway.exchange.clock import Ambient
    from gateway.settings import load
    from gateway.web.app import create_app
    from tests.support.commands import load_all, read_all
    from tests.support.shared import built

    load_all()
    gateway = built(load(os.environ), Ambient())
    create_app(gateway.settings, gateway.services, gateway.languages, gateway.pack)
    gateway.store.engine.dispose()
    configure_mappers()
    read_all()
    assert threading.active_count() == 1  # a child has no thread but the one that bore it


def nursery() -> None:
    """Bear children on command, all modules loaded already, and tell how each one ended.

    Orders come in on standard input, one JSON object on a line; on standard output go ``{"born": pid}`` for
    each, and ``{"dead": pid, "status": …}`` (as `subprocess`: negative for a signal). The environment is that
    of the hub whose processes they are.
    """
    _load()
    install()
    alive: set[int] = set()
    try:
        _bear_until_told_to_stop(alive)
    finally:
        for pid in alive:  # whoever ordered them is gone, and nobody else will end them
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def _bear_until_told_to_stop(alive: set[int]) -> None:
    pending, waiting = b"", True
    while waiting:
        ready, _, _ = select.select([0], [], [], 0.02)
        if ready:
            octets = os.read(0, 1 << 16)
            waiting = bool(octets)
            *lines, pending = (pending + octets).split(b"\n")
            for line in lines:
                alive.add(pid := _born(json.loads(line)))
                _tell(born=pid)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                alive.discard(ended[0])
                _tell(dead=ended[0], status=os.waitstatus_to_exitcode(ended[1]))


def _tell(**what: int) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def main(arguments: list[str]) -> int:
    """One command with one point armed, or a nursery."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nursery", action="store_true")
    parser.add_argument(
        "--at", metavar="POINT", help="such as intake._write:before; see tests/faults/points.py"
    )
    parser.add_argument("--nth", type=int, default=1, help="at the Nth time that it is reached")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and then a command of wasl")
    wanted = parser.parse_args(arguments)
    if wanted.nursery:
        nursery()
        return 0
    install()
    if wanted.at:
        folder = Path(tempfile.mkdtemp(prefix="wasl-fuse-"))
        prepare(folder)
        (folder / "fuses" / wanted.at).write_text(str(wanted.nth))
        os.environ[FOLDER] = str(folder)
    return run([one for one in wanted.command if one != "--"])


def prepare(folder: Path) -> None:
    """Make the folders of the fuses."""
    for name in ("fuses", "spent"):
        (folder / name).mkdir(parents=True, exist_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
