"""The command ``evidence``; ``verify``, which needs no hub, is kept with the verifier."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

import click

from gateway.cli.registry import opened
from gateway.domain.identifiers import read_reference


@click.command()
@click.argument("reference")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="File to write; REFERENCE-evidence.asice here by default.",
)
def evidence(reference: str, output: Path | None) -> None:
    """Write everything about the letter REFERENCE into one sealed file (ASiC-E).

    Letter, attachments, receipts, proofs and time-stamps, as far as they are kept; for the operator, at
    the hub's home. Senders get the same from the hub's API.

    Example: wasl evidence 7K3M-Q9XT-V2H --output letter.asice
    """
    target = output or Path(f"{read_reference(reference) or 'letter'}-evidence.asice")
    bundles = opened().services.bundles
    # beside its place until it is whole: nobody finds half a bundle there
    with tempfile.NamedTemporaryFile(dir=target.absolute().parent, delete=False) as file:
        try:
            bundles.write(reference, None, cast("BinaryIO", file))
            file.flush()
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    click.echo(os.fspath(target))
