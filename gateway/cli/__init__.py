"""The command ``wasl``: for people by default, ``--json`` for programs.

Exit status: 0 done, 1 the answer is no, 2 wrong usage, 3 cannot be decided.
"""

from __future__ import annotations

import sys

import click

from gateway import __version__
from gateway.cli import evidence, letters, process, registry
from gateway.cli.demo.command import demo
from gateway.domain.errors import GatewayFault, Misconfigured, WaslError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="wasl")
def wasl() -> None:
    """Wasl: signed letters in, signed receipts out.

    Example: wasl demo
    """


for command in (
    process.init,
    process.serve,
    process.worker,
    demo,
    process.check_config,
    registry.apply,
    registry.export,
    registry.party,
    registry.office,
    registry.cert,
    registry.route,
    letters.send,
    letters.status,
    evidence.verify,
):
    wasl.add_command(command)


def main() -> None:
    """Run the command; every expected failure is one plain line an expected status."""
    try:
        wasl(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(1)
    except Misconfigured as error:
        for fault in error.faults:
            click.echo(f"wasl: {fault}", err=True)
        sys.exit(2)
    except GatewayFault as error:
        click.echo(f"wasl: {error}", err=True)
        sys.exit(3)
    except WaslError as error:
        click.echo(f"wasl: {error}", err=True)
        sys.exit(1)
