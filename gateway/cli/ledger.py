"""Commands on the ledger: ``status verify proof continue keep-head``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway.bootstrap import Gateway
from gateway.bootstrap import evidence as building
from gateway.cli.registry import opened
from gateway.domain.errors import Damaged
from gateway.domain.evidence.finding import Finding
from gateway.exchange.evidence.continuation import Continued
from gateway.exchange.evidence.sequencer import SequencedLedger
from gateway.store.evidence import ledger_queries as queries

json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
test_option = click.option("--test", is_flag=True, help="The ledger for tests instead of the real one.")
language_option = click.option(
    "--language", type=click.Choice(["ar", "fr", "en"]), default="en", help="Language of the answer."
)
yes_option = click.option("--yes", is_flag=True, help="Do it; without this nothing happens.")


@click.group()
def ledger() -> None:
    """The public tree in which every receipt has its place.

    Example: wasl ledger status
    """


@dataclass(frozen=True)
class Status:
    """Where one ledger stands."""

    origin: str
    size: int
    root: str | None
    made_at: str | None
    waiting: int
    unstamped: int

    def lines(self) -> list[str]:
        signed = f"last checkpoint {self.made_at}" if self.made_at else "no checkpoint yet"
        return [
            f"{self.origin}: {self.size} entries, {signed}",
            f"  root {self.root or '-'}",
            f"  {self.waiting} waiting, {self.unstamped} checkpoints without a time stamp",
        ]


@ledger.command()
@json_option
def status(as_json: bool) -> None:
    """Tell how far the ledgers have come; exit status 1 when one was rolled back or lost its head.

    Example: wasl ledger status --json
    """
    gateway = opened()
    found = [_status(gateway, lineage.test, lineage.origin) for lineage in gateway.services.ledger.lineages]
    if as_json:
        click.echo(json.dumps([vars(one) for one in found], ensure_ascii=False, indent=1))
    else:
        for one in found:
            click.echo("\n".join(one.lines()))
    try:
        gateway.services.ledger.must_stand()
    except Damaged as fault:
        click.echo(f"wasl: {fault}", err=True)
        sys.exit(1)


def _status(gateway: Gateway, test: bool, origin: str) -> Status:
    latest = gateway.services.ledger.checkpoint(test)
    with gateway.store.read() as session:
        waiting, _ = queries.waiting(session, test)
        unstamped = queries.untimestamped(session, latest.ledger) if latest is not None else 0
    if latest is None:
        return Status(origin, 0, None, None, waiting, unstamped)
    made_at = latest.made_at.isoformat()
    return Status(latest.origin, latest.size, latest.root.hex(), made_at, waiting, unstamped)


@ledger.command()
@click.option("--deep", is_flag=True, help="Open every sealed form and content too; may take hours.")
@language_option
@json_option
def verify(deep: bool, language: str, as_json: bool) -> None:
    """Check the whole evidence; one line for each finding.

    Exit status 0: everything holds; 1: it does not.

    Example: wasl ledger verify --json
    """

    def tell(finding: Finding) -> None:
        if as_json:
            click.echo(json.dumps({"code": finding.code, **finding.values}, ensure_ascii=False))
        else:
            click.echo(f"{finding.code}  {finding.text(language)}")

    report = building.self_check(opened()).run(deep, tell)
    if not as_json:
        click.echo(f"{report.entries} entries, {report.count} findings")
    sys.exit(1 if report.count else 0)


@ledger.command()
@click.argument("content_digest")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="A file, not the screen.",
)
def proof(content_digest: str, output: Path | None) -> None:
    """Write the proof that the receipt with CONTENT_DIGEST stands in the ledger.

    Beside a file, as FILE.tlog-proof, the verifier reads it by itself.

    Example: wasl ledger proof 5e88… --output receipt.xml.tlog-proof
    """
    found = opened().services.ledger.inclusion(content_digest.strip().lower())
    if found is None:
        click.echo("no such receipt in the ledger, or no checkpoint over it yet", err=True)
        sys.exit(1)
    if output is None:
        click.echo(found.proof, nl=False)
    else:
        output.write_bytes(found.proof)


@ledger.command(name="continue")
@test_option
@yes_option
@json_option
def continue_(test: bool, yes: bool, as_json: bool) -> None:
    """Continue a ledger under a new name after its database was rolled back.

    The first entry of the new ledger cites the head of the old one. Do it only when the database with all
    entries is lost for good: what the old ledger promised beyond this database is known to others.
    Exit status 1: nothing is wrong that this would mend.

    Example: wasl ledger continue --yes
    """
    gateway = opened()
    _must_mean_it(yes)
    done = building.continuation(gateway).run(_chosen(gateway, test))
    if done is None:
        click.echo("nothing to continue: the database was not rolled back", err=True)
        sys.exit(1)
    _tell_continued(done, as_json)


@ledger.command(name="keep-head")
@test_option
@yes_option
def keep_head(test: bool, yes: bool) -> None:
    """Keep the head outside the database anew, after that file was lost.

    Do it only when you know that the database is the latest one and no old copy: nothing else could tell.
    Exit status 1: the head is there.

    Example: wasl ledger keep-head --yes
    """
    gateway = opened()
    _must_mean_it(yes)
    head = building.continuation(gateway).keep_head(_chosen(gateway, test))
    if head is None:
        click.echo("nothing to keep: the head is there", err=True)
        sys.exit(1)
    click.echo(f"kept {head.origin} with {head.size} entries")


def _must_mean_it(yes: bool) -> None:
    if not yes:
        raise click.UsageError("this cannot be undone; say --yes")


def _chosen(gateway: Gateway, test: bool) -> SequencedLedger:
    return next(one for one in building.sequenced(gateway.settings) if one.lineage.test == test)


def _tell_continued(done: Continued, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_continued(done), ensure_ascii=False, indent=1))
        return
    click.echo(f"continued as {done.after.origin}; {done.again} entries wait for a place again")
    click.echo("publish, where the old head and key were published:")
    click.echo(f"  the head that was lost: {done.before.origin}, {done.before.size} entries,")
    click.echo(f"    root {done.before.root.hex()}")
    click.echo(f"  the new key, now in {done.vkey}:")
    click.echo(f"    {done.key.line}")
    click.echo("  that the first entry of the new ledger cites that head")


def _continued(done: Continued) -> Mapping[str, Any]:
    return {
        "before": {"origin": done.before.origin, "size": done.before.size, "root": done.before.root.hex()},
        "origin": done.after.origin,
        "vkey": done.key.line,
        "file": str(done.vkey),
        "waiting": done.again,
    }
