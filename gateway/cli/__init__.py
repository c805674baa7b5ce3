"""The command ``wasl``: for people by default, ``--json`` for programs.

Exit status: 0 done, 1 the answer is no, 2 wrong usage, 3 cannot be decided.
"""

from __future__ import annotations

import sys
import traceback

import click

from gateway import __version__
from gateway.cli import (
    adapter,
    conform,
    connector,
    delivery,
    doctor,
    evidence,
    exchange,
    inbox,
    ledger,
    letters,
    office,
    party,
    process,
    purge,
    registry,
    route_codes,
    route_delivery,
    route_secrets,
    route_try,
    route_versions,
    route_why,
    trial_party,
    witness,
)
from gateway.cli.demo.command import demo
from gateway.domain.errors import GatewayFault, Misconfigured, WaslError
from gateway.logs import beside_output


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="wasl")
def wasl() -> None:
    """Wasl: signed letters in, signed receipts out.

    Example: wasl demo
    """
    beside_output()


for command in (
    process.init,
    process.serve,
    process.worker,
    demo,
    process.check_config,
    doctor.doctor,
    registry.apply,
    registry.export,
    party.party,
    office.office,
    registry.cert,
    registry.route,
    adapter.adapter,
    letters.send,
    letters.status,
    inbox.inbox,
    connector.connector,
    conform.conform,
    delivery.delivery,
    evidence.verify,
    ledger.ledger,
    evidence.evidence,
    purge.purge,
    witness.witness,
):
    wasl.add_command(command)
party.party.add_command(trial_party.trial)
registry.route.add_command(route_why.why)
registry.route.add_command(route_why.explain)
registry.route.add_command(route_codes.unmapped)
registry.route.add_command(route_codes.map_)
for command in (*route_versions.COMMANDS, route_secrets.secret):
    registry.route.add_command(command)
delivery.delivery.add_command(exchange.exchange)
for step in (route_try.probe, route_try.preview, route_delivery.try_):
    registry.route.add_command(step)


def main() -> None:
    """Run the command; every expected failure is one plain line and an expected status."""
    try:
        wasl(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.Abort:
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except WaslError as error:
        for line in error.faults if isinstance(error, Misconfigured) else (str(error),):
            click.echo(f"wasl: {line}", err=True)
        sys.exit(_status(error))
    except Exception:  # noqa: BLE001 - a defect is no answer: no program may read it as a "no"
        traceback.print_exc()
        sys.exit(3)


def _status(error: WaslError) -> int:
    if isinstance(error, Misconfigured):
        return 2
    return 3 if isinstance(error, GatewayFault) else 1
