"""The command ``verify``, the same as ``wasl verify`` and as ``python -m gateway.verifier``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.verifier.print import page
from gateway.verifier.report import MARKS, Report
from gateway.verifier.texts import LANGUAGES
from gateway.verifier.verify import verify_file

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.option(
    "--trust",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/trust"),
    help="Folder with seal/ parties/ ledger/ tsa/ witnesses/.",
)
@click.option(
    "--original", type=_FILE, help="The letter or the attachment that the receipt is said to be about."
)
@click.option("--proof", type=_FILE, help="Proof of inclusion; by default FILE.tlog-proof, if it is there.")
@click.option(
    "--token", type=_FILE, help="Time-stamp of its checkpoint; by default FILE.tsr, if it is there."
)
@click.option("--language", type=click.Choice(LANGUAGES), default="en", help="Language of the answer.")
@click.option("--report", type=_FILE, help="Write the answer as a page to print, too.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify(
    file: Path,
    trust: Path,
    original: Path | None,
    proof: Path | None,
    token: Path | None,
    language: str,
    report: Path | None,
    as_json: bool,
) -> None:
    """Verify a receipt or a bundle without the hub and without a network.

    Exit status 0: it is good; 1: it is not; 2: wrong usage; 3: cannot be decided.

    Example: wasl verify 01-letter-receipt-acceptance.xml --trust trust
    """
    now = datetime.now(UTC)
    found = verify_file(file, trust, original, now, proof, token)
    if report is not None:
        _write(report, page(found, language, now))
    if as_json:
        click.echo(json.dumps(found.as_dict(language), ensure_ascii=False, indent=1))
    else:
        _tell(found, language)
        click.echo(found.sentence(language))
    sys.exit(found.exit_code)


def _tell(report: Report, language: str, indent: str = "") -> None:
    for step in report.steps:
        click.echo(f"{indent}{MARKS[step.status]} {step.text(language)}")
    for part in report.parts:
        click.echo(f"{indent}{MARKS[part.verdict]} {part.file}")
        _tell(part, language, indent + "  ")


def _write(path: Path, html: str) -> None:
    try:
        path.write_text(html, "utf-8")
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from error
