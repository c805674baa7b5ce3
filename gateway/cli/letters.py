"""Commands of a sender: ``send status``."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import click

from adapters.contract import Response
from gateway.cli.compose import JWS, XML, SignedLetter, sign
from gateway.cli.partner.cms import closed
from gateway.cli.partner.party_file import FILE, FOLDER, party_options
from gateway.cli.partner.reasons import reasons_in
from gateway.cli.posting import hub_client, post, post_patiently
from gateway.clients.hub import HubClient
from gateway.clients.hub_refused import check, refusal
from gateway.domain.errors import DeliveryError
from gateway.domain.identifiers import uuid7
from gateway.domain.lines import printable
from gateway.domain.transit.envelope import Envelope, Purpose, Recipient
from gateway.domain.transit.persons import Sender
from gateway.exchange.clock import Ambient
from gateway.trust.seal import KeySealer
from gateway.verifier.opening import NotOpened, open_receipt

_NAMES = {XML: ".xml", JWS: ".jws"}


@click.command()
@party_options
@click.option("--hub-code", default="DEMO-HUB", help="Code of the hub, as its documentation states it.")
@click.option("--to", "recipients", multiple=True, required=True, help="Office or party; repeatable.")
@click.option("--subject", required=True, help="What the letter is about, in one line.")
@click.option("--body", default=None, help="Text of the letter.")
@click.option("--type", "document_type", default=None, help="Code of the document type.")
@click.option("--language", default="fr", help="Language of the letter.")
@click.option("--attach", "files", multiple=True, type=FILE, help="File to attach; repeatable.")
@click.option(
    "--encrypt-for",
    "readers",
    multiple=True,
    type=FILE,
    help="Certificate (PEM; RSA or EC) of who alone may read the attachments; repeatable.",
)
@click.option("--format", "form", type=click.Choice(["xml", "json"]), default="xml", help="How to sign.")
@click.option("--test", is_flag=True, help="Send as a test.")
@click.option(
    "--repeat",
    type=click.IntRange(0, 10),
    default=0,
    help="How often to send the same octets again while no answer comes, each time after a longer wait.",
)
@click.option(
    "--out",
    type=FOLDER,
    default=Path(),
    help="Where envelope and receipt are kept; here by default.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def send(
    url: str,
    party: str,
    key: Path,
    cert: Path,
    hub_code: str,
    recipients: tuple[str, ...],
    subject: str,
    body: str | None,
    document_type: str | None,
    language: str,
    files: tuple[Path, ...],
    readers: tuple[Path, ...],
    form: str,
    test: bool,
    repeat: int,
    out: Path,
    as_json: bool,
) -> None:
    """Sign a letter, send it, and keep envelope and receipt as files.

    Example: wasl send --party A0000001-3 --key k.pem --cert c.pem --to B0000002-4
    --subject "Demande" --attach plan.pdf
    """
    ambient = Ambient()
    envelope = Envelope(
        version="1.0",
        hub=hub_code,
        message_id=uuid7(ambient.random_bytes),
        purpose=Purpose.LETTER,
        created_at=ambient.now(),
        sender=Sender(party),
        recipients=tuple(map(_recipient, recipients)),
        subject=subject,
        language=language,
        test=test,
        document_type=document_type,
        body=body,
    )
    sealer = KeySealer.from_files(key, cert)
    out.mkdir(parents=True, exist_ok=True)
    with closed(files, readers) as (sending, to):
        letter = sign(envelope, sealer, XML if form == "xml" else JWS, ambient.now(), sending, to)
        name = envelope.message_id
        (out / f"{name}-envelope{_NAMES[letter.media_type]}").write_bytes(letter.root)
        try:
            answer = _sent(hub_client(url, party, sealer), letter, repeat)
        except DeliveryError as error:
            click.echo(f"no answer: {error}; send {name} again, a repeat is safe", err=True)
            sys.exit(3)
    _tell(answer, out, name, url, as_json)


def _sent(client: HubClient, letter: SignedLetter, repeat: int) -> Response:
    if repeat == 0:
        return post(client, letter)
    return post_patiently(client, letter, [2.0**number for number in range(repeat)], time.sleep)


def _recipient(identifier: str) -> Recipient:
    return Recipient(office=identifier) if identifier.startswith("B") else Recipient(party=identifier)


def _tell(answer: Response, out: Path, name: str, url: str, as_json: bool) -> None:
    accepted = answer.status in (200, 201)
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    file, reasons = None, []
    if media_type in _NAMES:
        kind = "acceptance" if accepted else "rejection"
        file = out / f"{name}-receipt-{kind}{_NAMES[media_type]}"
        file.write_bytes(answer.body)
        reasons = _reasons(answer.body, media_type)
    reference = answer.headers.get("location", "").rpartition("/")[2] or None
    if as_json:
        told = {
            "status": answer.status,
            "messageId": name,
            "reference": reference,
            "receipt": os.fspath(file) if file else None,
            "reasons": reasons,
            "problem": None if file else answer.body.decode("utf-8", "replace"),
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    elif accepted:
        click.echo(f"accepted under {reference}; receipt in {file}")
    else:
        click.echo(f"not accepted ({answer.status}){f': {file}' if file else ''}")
        for line in reasons_in(answer) or [str(refusal(answer))]:
            click.echo(f"  {printable(line)}")
        for code in dict.fromkeys(reason["code"] for reason in reasons):
            click.echo(f"  what to do: {url.rstrip('/')}/docs/problems/{code}")
    if not accepted:
        sys.exit(3 if answer.status >= 500 else 1)


def _reasons(octets: bytes, media_type: str) -> list[dict[str, str | None]]:
    """Why a letter was refused, as its receipt says."""
    try:
        receipt = open_receipt(octets, media_type).receipt
    except NotOpened:
        return []
    return [{"code": one.code, "text": one.text, "where": one.where} for one in receipt.reasons]


@click.command()
@party_options
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(url: str, party: str, key: Path, cert: Path, reference: str, as_json: bool) -> None:
    """Tell where the letter REFERENCE is now.

    Example: wasl status 7K3M-Q9XT-V2H --party A0000001-3 --key k.pem --cert c.pem
    """
    client = hub_client(url, party, KeySealer.from_files(key, cert))
    try:
        letter = json.loads(check(client.letter(reference), 200).body)
    except DeliveryError as error:
        click.echo(f"no answer: {error}", err=True)
        sys.exit(3)
    except PermissionError as error:
        click.echo(f"not allowed: {error}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(letter, ensure_ascii=False, indent=1))
        return
    click.echo(f"{letter['reference']}  {printable(letter['subject'])}")
    for delivery in letter["deliveries"]:
        number = f"  under {printable(delivery['registerNumber'])}" if delivery["registerNumber"] else ""
        click.echo(f"  {printable(delivery['name'])}: {delivery['state']}{number}")
