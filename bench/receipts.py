"""What evidence costs: a receipt as PDF, the seals of XML and JSON, an entry for the ledger and its place.

``python bench/receipts.py`` lets a hub of its own, in a temporary home and in this process, accept
letters, and then times the work on their receipts, in CPU time, each kind beside what nobody can avoid:
one signature with the same key.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from common import make_home
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from load import letters
from sqlalchemy import insert, select

from gateway.bootstrap import Gateway, build
from gateway.bootstrap.evidence import sequencer
from gateway.cli.compose import JWS, XML
from gateway.domain.evidence.ledger import receipt_entry
from gateway.domain.evidence.receipt import Receipt
from gateway.exchange.transit.submission import Submission
from gateway.settings import load
from gateway.store.evidence.ledger_models import PendingEntry
from gateway.store.evidence.models import ReceiptRow
from gateway.store.rows import table
from gateway.wire.receipts import read_receipt_json

PDF_MS, ENTRY_MS = 100.0, 1.0
"""Wanted: a PDF receipt, warm, and what an entry adds to the accept path, in milliseconds of CPU."""
_WARM_UP, _PDFS = 3, 20


@dataclass(frozen=True)
class Stored:
    """A receipt of the hub under measure."""

    row: int
    receipt: Receipt
    digest: str
    first: bytes


def accepted(gateway: Gateway, made: list[bytes]) -> list[Stored]:
    """The receipts of letters that the hub accepts."""
    firsts = [
        gateway.services.intake.submit(Submission(letter, XML, iter(()), XML)).octets for letter in made
    ]
    with gateway.store.read() as session:
        rows = list(session.scalars(select(ReceiptRow).order_by(ReceiptRow.id)))
    return [
        Stored(row.id, read_receipt_json(row.content), row.content_digest, first)
        for row, first in zip(rows, firsts, strict=True)
    ]


def cpu_ms(work: Callable[[Stored], object], stored: list[Stored]) -> float:
    """Median of the milliseconds of CPU that ``work`` takes on one receipt."""
    taken = []
    for one in stored:
        started = time.process_time()
        work(one)
        taken.append((time.process_time() - started) * 1000)
    return statistics.median(taken)


def entries_ms(gateway: Gateway, stored: list[Stored]) -> float:
    """What it takes to make an entry of a receipt and add it to an open transaction; undone again."""
    statement = insert(table(PendingEntry))

    def add_all(session_entries: Iterator[dict[str, object]]) -> float:
        started = time.process_time()
        with gateway.store.write() as session:
            for entry in session_entries:
                session.execute(statement, entry)
            taken = time.process_time() - started
            session.rollback()
        return taken

    entries = (
        {
            "test": one.receipt.test,
            "octets": receipt_entry(one.receipt, one.digest),
            "receipt": one.row,
            "since": one.receipt.event_time,
        }
        for one in stored
    )
    return add_all(entries) * 1000 / len(stored)


def report(gateway: Gateway, stored: list[Stored]) -> int:
    """Print the figures; 1 when one that is wanted is missed."""
    pdf, issuing = gateway.services.receipts.pdf, gateway.issuing
    if pdf is None:
        raise SystemExit("this hub makes no PDF receipts")
    key = issuing.seals.real.key
    once = cpu_ms(lambda one: key.sign(one.first, ec.ECDSA(hashes.SHA256())), stored)  # type: ignore[union-attr, call-arg, arg-type]

    def page(one: Stored) -> bytes:
        return pdf.make(one.receipt, one.first, XML)

    cpu_ms(page, stored[:_WARM_UP])
    figures = {
        "PDF receipt, warm, with its seal": (cpu_ms(page, stored[_WARM_UP : _WARM_UP + _PDFS]), PDF_MS),
        "XML receipt, sealed": (cpu_ms(lambda one: issuing.seal(one.receipt, XML), stored), None),
        "JSON receipt, sealed": (cpu_ms(lambda one: issuing.seal(one.receipt, JWS), stored), None),
        "entry for the ledger, in the accept path": (entries_ms(gateway, stored), ENTRY_MS),
    }
    started = time.process_time()
    sequencer(gateway).run()
    placed = (time.process_time() - started) * 1000 / len(stored)
    figures["place in the ledger, afterwards"] = (placed, None)
    print(f"one signature with the seal's key: {once:.3f} ms CPU")
    missed = 0
    for name, (taken, wanted) in figures.items():
        verdict = "" if wanted is None else f"  wanted < {wanted:.0f}: "
        if wanted is not None:
            verdict += "reached" if taken < wanted else "MISSED"
            missed += taken >= wanted
        print(f"{name:42} {taken:7.3f} ms CPU, {taken / once:6.1f} signatures{verdict}")
    return 1 if missed else 0


def run(count: int) -> int:
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name:
        keys = make_home(Path(name), 5)
        gateway = build(load({"WASL_HOME": name}))
        print(f"{count} receipts, {datetime.now(UTC):%Y-%m-%d}")
        return report(gateway, accepted(gateway, letters(keys, XML, count)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receipts", type=int, default=200)
    sys.exit(run(parser.parse_args().receipts))
