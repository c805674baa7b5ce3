"""The command ``party test``: everything that somebody needs to try a hub, made and registered at once."""

from __future__ import annotations

import dataclasses
import getpass
import json
import re
from pathlib import Path
from typing import Any

import click
import tomli_w

from gateway.assets import testpki
from gateway.bootstrap import Gateway
from gateway.cli.partner import durable
from gateway.cli.partner.party_file import FOLDER
from gateway.cli.registry import as_json as json_option
from gateway.cli.registry import opened
from gateway.domain.errors import Misconfigured
from gateway.domain.identifiers import directory_id
from gateway.exchange.evidence.trust_package import TrustPackage
from gateway.exchange.registry.declared import read_declared
from gateway.home import TEST_PKI_MARK
from gateway.store.registry import queries

PARTY_FILE = "party.toml"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_FIRST = 8_000_000
"""Numbers from here on are left to parties for tests, as long as nobody else took them."""


@dataclasses.dataclass(frozen=True)
class Made:
    """What was made: who the party is, its office, and the file that commands read."""

    party: str
    office: str
    settings: str


@click.command(name="test")
@click.argument("name")
@click.option("--out", type=FOLDER, default=None, help="The folder to make; one called NAME here by default.")
@click.option(
    "--keys",
    "kind",
    type=click.Choice(["rsa3072", "p256"]),
    default="rsa3072",
    help="Kind of the signing key; every library signs with RSA.",
)
@click.option("--as", "actor", default=getpass.getuser, help="Who makes the change.")
@json_option
def trial(name: str, out: Path | None, kind: str, actor: str, as_json: bool) -> None:
    """Make and register the party NAME for tests: identifiers, an office with an inbox, keys, trust folder.

    Only where a hub made its own test certificates. The keys are written into the folder and kept nowhere
    else; the party may send and receive tests only.

    Example: wasl party test archive
    """
    if not _NAME.fullmatch(name):
        raise click.BadParameter("small letters, digits and hyphens, 40 at most")
    target = (out or Path(name)).absolute()
    if target.exists():
        raise click.BadParameter(f"{target} is there already")
    gateway = opened()
    check_for_tests(gateway)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = make_party(gateway, name, kind, target, actor)
    click.echo(json.dumps(dataclasses.asdict(made)) if as_json else _next(made))


def check_for_tests(gateway: Gateway) -> None:
    """Check that a hub may make parties for tests.

    Raises:
        Misconfigured: it is in production, or has no authority of its own.
    """
    settings = gateway.settings
    if settings.hub.production:
        raise Misconfigured(["hub.production: parties for tests are made at hubs for tests only"])
    if not (settings.home / TEST_PKI_MARK).exists():
        raise Misconfigured(["keys: this hub has no authority of its own that could certify a party"])


def make_party(gateway: Gateway, name: str, kind: str, target: Path, actor: str) -> Made:
    """Write the folder and register what is in it; without the one there is not the other."""
    number = _free(gateway)
    made = Made(directory_id("A", number), directory_id("B", number), str(target / PARTY_FILE))
    with durable.folder(target) as filling:
        _write_keys(gateway, name, kind, filling)
        for file in TrustPackage(gateway.settings.trust.directory).files():
            path = filling / "trust" / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.octets)
        (filling / PARTY_FILE).write_text(tomli_w.dumps(_settings(gateway, name, made)), "utf-8")
        certificate = (filling / "certificates" / f"{name}.pem").read_text("ascii")
        table = _registered(gateway, name, made, certificate)
        gateway.registry.apply(read_declared(table, filling, gateway.languages, {}), actor)
    return made


def _free(gateway: Gateway) -> int:
    with gateway.store.read() as session:
        taken = {one.id for one in queries.parties(session)} | {one.id for one in queries.offices(session)}
    number = _FIRST
    while {directory_id("A", number), directory_id("B", number)} & taken:
        number += 1
    return number


def _write_keys(gateway: Gateway, name: str, kind: str, folder: Path) -> None:
    """A key to sign with, and one to be written to in secret, each with its certificate."""
    module = testpki()
    pki = module.load(gateway.settings.home, gateway.ambient.now())
    pki.directory = folder  # the authorities' keys were read from the home; the party's never go there
    module.issue_party(pki, name, organization=f"TEST {name}", key=kind)
    usage = ["key_encipherment"]
    module.issue(pki, f"{name}-encryption", module.ISSUING, key=module.new_key("rsa3072"), usage=usage)


def _registered(gateway: Gateway, name: str, made: Made, certificate: str) -> dict[str, Any]:
    """The party and its office as a registry file declares them."""
    names = dict.fromkeys(gateway.languages, f"TEST {name}")
    who = {"id": made.party, "kind": "administration", "names": names, "test": True}
    office = {"id": made.office, "party": made.party, "names": names, "default": True}
    route = {"kind": "inbox", "accepts_test": True}
    return {
        "party": [who | {"certificate": [{"pem": certificate}]}],
        "office": [office | {"route": route}],
    }


def _settings(gateway: Gateway, name: str, made: Made) -> dict[str, Any]:
    return {
        "hub": gateway.settings.hub.public_url,
        "hub_code": gateway.settings.hub.code,
        "party": made.party,
        "office": made.office,
        "key": f"keys/{name}.pem",
        "certificate": f"certificates/{name}.pem",
        "decryption_key": f"keys/{name}-encryption.pem",
        "decryption_certificate": f"certificates/{name}-encryption.pem",
        "trust": "trust",
        "test": True,
    }


def _next(made: Made) -> str:
    return "\n".join(
        (
            f"party {made.party} with office {made.office}; who it is stands in {made.settings}",
            "",
            "write to yourself, read it, answer:",
            f"  wasl send --settings {made.settings} --to {made.office} --subject Essai --body Bonjour",
            f"  wasl inbox list --settings {made.settings}",
            f"  wasl inbox fetch DELIVERY --settings {made.settings}",
            f"  wasl inbox acknowledge DELIVERY --settings {made.settings} --number 1/2026",
        )
    )
