"""Commands on the registry: ``apply export cert route``."""

from __future__ import annotations

import getpass
import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import tomli_w
from cryptography import x509

from gateway.bootstrap import Gateway, build
from gateway.bootstrap.telling import telling_checks
from gateway.cli.process import settings_from_environment
from gateway.cli.route_wsdl import operations
from gateway.exchange.registry.declared import Declared, DeclaredCertificate, read_declared
from gateway.exchange.transit.webhooks import Webhook
from gateway.store.registry import queries

as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


def opened() -> Gateway:
    """The hub of this process's settings."""
    return build(settings_from_environment())


def declared_in(file: Path, gateway: Gateway) -> Declared:
    """What a registry file declares.

    Raises:
        Misconfigured: everything that is wrong with it.
        click.BadParameter: it is no TOML, or no text.
    """
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise click.BadParameter(f"{file}: {error}") from error
    except RecursionError as error:
        raise click.BadParameter(f"{file}: tables stand too deep in each other") from error
    checks = {name: adapter.check_options for name, adapter in gateway.adapters.items()}
    telling = telling_checks(gateway.adapters)
    return read_declared(table, file.parent, gateway.languages, checks, telling)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "actor", default=getpass.getuser, help="Who makes the change.")
def apply(file: Path, actor: str) -> None:
    """Bring the registry to what FILE declares; what it does not name stays.

    Example: wasl apply config/demo/registry.toml --as operator
    """
    gateway = opened()
    made = gateway.registry.apply(declared_in(file, gateway), actor)
    for line in made:
        click.echo(line)
    click.echo(f"{len(made)} changes")


@click.command()
def export() -> None:
    """Print the whole registry as a file that `wasl apply` takes.

    Parties' webhooks stand at its end as comments: they are the parties' own, and no file makes them.

    Example: wasl export > registry.toml
    """
    gateway = opened()
    click.echo(tomli_w.dumps(plain_toml(gateway.registry.export())), nl=False)
    for line in _webhook_lines(gateway.services.webhooks.every()):
        click.echo(line)


def _webhook_lines(webhooks: Sequence[Webhook]) -> Iterator[str]:
    """Subscriptions as TOML that is commented out."""
    if webhooks:
        yield "\n# Webhooks, as the parties made them (POST /api/v1/webhooks); not applied."
    for one in webhooks:
        wanted = one.wanted
        members = {"party": one.party, "url": wanted.url, "active": one.active}
        members |= {"kinds": list(wanted.kinds), "offices": list(wanted.offices), "test": wanted.test}
        for line in tomli_w.dumps({"webhook": [members]}).splitlines():
            yield f"# {line}".rstrip()


def plain_toml(value: Any) -> Any:
    """The same without what is nothing, for which TOML has no word."""
    if isinstance(value, dict):
        return {key: plain_toml(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [plain_toml(entry) for entry in value]
    return value


def show_rows(found: list[dict[str, Any]], as_json: bool) -> None:
    """Print what was found: a line each for people, a list for programs."""
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for row in found:
        click.echo("  ".join(str(value) for value in row.values()))


def _routes(gateway: Gateway) -> list[dict[str, Any]]:
    with gateway.store.read() as session:
        return [
            {
                "office": office.id,
                "kind": office.route.kind.value,
                "adapter": office.route.adapter or "-",
                "max_bytes": office.route.max_bytes or "-",
                "state": "paused" if office.route.paused else "open",
            }
            for office in queries.offices(session)
        ]


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def route(context: click.Context, as_json: bool) -> None:
    """List how each office receives; pause a route, or let it go on; tell why letters go where they go.

    Example: wasl route
    """
    if context.invoked_subcommand is None:
        show_rows(_routes(opened()), as_json)


@route.command()
@click.argument("office_id", metavar="OFFICE")
@click.option("--as", "actor", default=getpass.getuser, help="Who makes the change.")
def pause(office_id: str, actor: str) -> None:
    """Send nothing more to OFFICE for now; what waits too long lies ready in the hub's own office.

    What is being sent is finished. In a registry file: paused = true in the office's route.

    Example: wasl route pause B0000002-4 --as operator
    """
    _pause(office_id, True, actor)


@route.command()
@click.argument("office_id", metavar="OFFICE")
@click.option("--as", "actor", default=getpass.getuser, help="Who makes the change.")
def resume(office_id: str, actor: str) -> None:
    """Let the route of OFFICE go on.

    Example: wasl route resume B0000002-4 --as operator
    """
    _pause(office_id, False, actor)


def _pause(office_id: str, paused: bool, actor: str) -> None:
    for line in opened().registry.pause(office_id, paused, actor) or ["nothing to change"]:
        click.echo(line)


route.add_command(operations)


@click.group()
def cert() -> None:
    """List and register parties' certificates.

    Example: wasl cert list
    """


@cert.command(name="list")
@as_json
def list_certificates(as_json: bool) -> None:
    """List the registered certificates.

    Example: wasl cert list --json
    """
    gateway = opened()
    with gateway.store.read() as session:
        found = [
            {
                "digest": row.digest,
                "party": row.party,
                "state": "active" if row.active else "withdrawn",
                "not_after": row.not_after.isoformat(),
                "exact": row.exact,
            }
            for row in queries.certificates(session)
        ]
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        for row in found:
            click.echo("  ".join(str(value) for value in row.values()))


@cert.command(name="add")
@click.argument("party_id")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--by-name", is_flag=True, help="Renewals of the same issuer and subject count too.")
@click.option("--as", "actor", default=getpass.getuser, help="Who makes the change.")
def add_certificate(party_id: str, file: Path, by_name: bool, actor: str) -> None:
    """Register the certificate in FILE (PEM) for PARTY_ID.

    Example: wasl cert add A0000001-3 ministry.pem --as operator
    """
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError as error:
        raise click.BadParameter(f"{file}: no certificate in PEM") from error
    gateway = opened()
    with gateway.store.read() as session:
        if queries.party(session, party_id) is None:
            raise click.BadParameter(f"{party_id} is not registered")
    declared = DeclaredCertificate(certificate, exact=not by_name)
    for line in gateway.registry.apply(Declared((), (), ((party_id, declared),)), actor):
        click.echo(line)


@cert.command(name="withdraw")
@click.argument("digest")
@click.option("--as", "actor", default=getpass.getuser, help="Who makes the change.")
def withdraw_certificate(digest: str, actor: str) -> None:
    """Let the certificate with this SHA-256 digest count no longer.

    Example: wasl cert withdraw 9f86d0… --as operator
    """
    gateway = opened()
    with gateway.store.read() as session:
        row = queries.certificate(session, digest)
    if row is None:
        raise click.BadParameter(f"{digest} is not registered")
    certificate = x509.load_der_x509_certificate(row.der)
    declared = DeclaredCertificate(certificate, row.exact, active=False)
    for line in gateway.registry.apply(Declared((), (), ((row.party, declared),)), actor):
        click.echo(line)
