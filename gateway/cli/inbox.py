"""Commands of a recipient: ``inbox`` lists, fetches, acknowledges, refuses and passes on."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from gateway.cli.partner.cms import decryption
from gateway.cli.partner.laid import Laying, folder_name
from gateway.cli.partner.party_file import FILE, FOLDER, party_options, trust_option
from gateway.cli.posting import hub_client
from gateway.clients.hub_answers import Standing
from gateway.clients.hub_inbox import InboxClient
from gateway.domain.errors import DeliveryError
from gateway.domain.evidence.verdict import Indication
from gateway.domain.lines import printable
from gateway.exchange.clock import Ambient
from gateway.trust.seal import KeySealer
from gateway.wire.zip_names import safe_segment

_DAY = click.DateTime(["%Y-%m-%d"])
_EXIT = {None: 0, Indication.PASSED.value: 0, Indication.FAILED.value: 1}


@click.group()
def inbox() -> None:
    """Read the inbox of your office at a hub.

    Example: wasl inbox list --settings party.toml
    """


def _reader(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a reader, and its client as first argument; trouble ends it plainly."""

    @party_options
    @click.option("--unit", default=None, help="Who acts, as receipts name it; by default the office.")
    @click.option("--reader", default=None, help="Whose lock it is; by default the party.")
    @click.option("--json", "as_json", is_flag=True, help="For programs.")
    @wraps(command)
    def reading(
        url: str, party: str, key: Path, cert: Path, unit: str | None, reader: str | None, **more: Any
    ) -> None:
        client = hub_client(url, party, KeySealer.from_files(key, cert))
        try:
            command(InboxClient(client, unit=unit, reader=reader), **more)
        except DeliveryError as error:
            click.echo(f"no answer: {error}; a repeat is safe", err=True)
            sys.exit(3)
        except PermissionError as error:
            click.echo(f"not allowed: {error}", err=True)
            sys.exit(1)

    return reading


@inbox.command(name="list")
@_reader
@click.option("--office", required=True, help="Your order office, such as B0001234-F.")
def list_letters(client: InboxClient, as_json: bool, office: str) -> None:
    """List the letters that lie ready for an office.

    Example: wasl inbox list --settings party.toml
    """
    letters = list(client.letters(office))
    if as_json:
        found = [dataclasses.asdict(one) for one in letters]
        click.echo(json.dumps(found, ensure_ascii=False, indent=1, default=datetime.isoformat))
        return
    for one in letters:
        held = f"  locked until {one.locked_until:%H:%M}Z" if one.locked_until else ""
        files = f"  files: {one.attachments}" if one.attachments else ""
        about = printable(f"{one.sender_name}: {one.subject}")
        click.echo(f"{one.delivery}  {one.reference}  {about}{files}{held}")


@inbox.command()
@_reader
@click.argument("delivery")
@click.option("--out", type=FOLDER, default=Path(), help="Where its folder is made; here by default.")
@click.option("--office", default=None, help="Your office, to name the folder by the letter's reference.")
@trust_option
@click.option("--decrypt-with", type=FILE, default=None, help="Key for what is encrypted to you (PEM).")
@click.option("--decrypt-cert", type=FILE, default=None, help="The certificate of that key (PEM).")
def fetch(
    client: InboxClient,
    as_json: bool,
    delivery: str,
    out: Path,
    office: str | None,
    trust: Path | None,
    decrypt_with: Path | None,
    decrypt_cert: Path | None,
) -> None:
    """Fetch the letter DELIVERY into a folder of its own, after verifying its signature.

    Ends with 1 if the signer's certificate is not good under the trust folder, with 3 if that cannot be
    decided; the letter is there all the same.

    Example: wasl inbox fetch 0198… --settings party.toml --out mail
    """
    entry = (
        next((one for one in client.letters(office) if one.delivery == delivery), None) if office else None
    )
    target = out / (folder_name(entry) if entry else safe_segment(delivery, "letter"))
    if target.exists():
        raise click.BadParameter(f"{target} is there already")
    out.mkdir(parents=True, exist_ok=True)
    decrypt = decryption(decrypt_with, decrypt_cert) if decrypt_with and decrypt_cert else None
    manifest = Laying(client, Ambient().now, trust, decrypt).lay(delivery, target, entry)
    if as_json:
        click.echo(json.dumps({"folder": str(target), **manifest}, ensure_ascii=False))
    else:
        signature = manifest["signature"]
        judged = signature["certificate"] or "certificate not judged, for want of --trust"
        click.echo(f"{target}: {printable(manifest['subject'])}")
        click.echo(f"  signed by {printable(signature['signer'])} ({signature['level']}): {judged}")
    sys.exit(_EXIT.get(manifest["signature"]["certificate"], 3))


@inbox.command()
@_reader
@click.argument("delivery")
@click.option("--number", default=None, help="Your register number.")
@click.option("--date", "day", type=_DAY, default=None, help="Date of the register entry.")
@click.option("--book", default=None, help="Register book.")
def acknowledge(
    client: InboxClient,
    as_json: bool,
    delivery: str,
    number: str | None,
    day: datetime | None,
    book: str | None,
) -> None:
    """Take the letter DELIVERY, registered under a number if there is one.

    Example: wasl inbox acknowledge 0198… --settings party.toml --number 2026/17 --date 2026-03-01
    """
    _tell(client.acknowledge(delivery, number, day and day.date(), book), as_json)


@inbox.command()
@_reader
@click.argument("delivery")
@click.argument("state", type=click.Choice(["IN_PROGRESS", "AWAITING_SENDER", "CLOSED"]))
def progress(client: InboxClient, as_json: bool, delivery: str, state: str) -> None:
    """Tell how far your office is with the letter DELIVERY.

    Example: wasl inbox progress 0198… IN_PROGRESS --settings party.toml
    """
    _tell(client.progress(delivery, state), as_json)


_code = click.option("--code", default=None, help="Reason of the catalogue, such as WASL-DLV-031.")
_text = click.option("--text", default=None, help="In your words, in one line.")


@inbox.command()
@_reader
@click.argument("delivery")
@click.option("--code", required=True, help="Reason of the catalogue, such as WASL-DLV-031.")
@_text
def refuse(client: InboxClient, as_json: bool, delivery: str, code: str, text: str | None) -> None:
    """Do not take the letter DELIVERY, or decline it after it was taken.

    Example: wasl inbox refuse 0198… --settings party.toml --code WASL-DLV-039 --text "not ours"
    """
    _tell(client.refuse(delivery, code, text), as_json)


@inbox.command()
@_reader
@click.argument("delivery")
@click.option("--to", "office", required=True, help="The office that is to have it.")
@_code
@_text
def redirect(
    client: InboxClient, as_json: bool, delivery: str, office: str, code: str | None, text: str | None
) -> None:
    """Pass the letter DELIVERY on to another office.

    Example: wasl inbox redirect 0198… --settings party.toml --to B0000002-4
    """
    _tell(client.redirect(delivery, office, code, text), as_json)


def _tell(standing: Standing, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(standing), ensure_ascii=False))
        return
    number = f"  under {standing.register_number}" if standing.register_number else ""
    passed = f"  passed on as {standing.successor}" if standing.successor else ""
    click.echo(f"{standing.delivery}: {standing.state} {standing.processing}{number}{passed}")
