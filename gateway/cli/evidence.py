"""Commands on evidence: ``verify``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.verifier.verify import verify_file

_MARKS = {"good": "✔", "note": "·", "undecided": "?", "bad": "✘", "usage": "!"}


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--trust",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/trust"),
    help="Folder with seal/ parties/ ledger/ tsa/.",
)
@click.option(
    "--original",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="The letter or the attachment that the receipt is said to be about.",
)
@click.option(
    "--language", type=click.Choice(["ar", "fr", "en"]), default="en", help="Language of the answer."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify(file: Path, trust: Path, original: Path | None, language: str, as_json: bool) -> None:
    """Verify a receipt without the hub and without a network.

    Exit status 0: it is good; 1: it is not; 2: wrong usage; 3: cannot be decided.

    Example: wasl verify 01-letter-receipt-acceptance.xml --trust trust
    """
    report = verify_file(file, trust, original, datetime.now(UTC))
    if as_json:
        click.echo(json.dumps(report.as_dict(language), ensure_ascii=False, indent=1))
    else:
        for step in report.steps:
            click.echo(f"{_MARKS[step.status.value]} {step.text(language)}")
        click.echo(report.sentence(language))
    sys.exit(report.exit_code)
