"""The command ``wasl``: for people by default, ``--json`` for programs.

Exit status: 0 done, 1 the answer is no, 2 wrong usage, 3 cannot be decided.
"""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType
from typing import cast

import click

from gateway import __version__
from gateway.domain.errors import GatewayFault, Misconfigured, Refused, WaslError
from gateway.domain.evidence.reasons import explain
from gateway.domain.lines import printable
from gateway.logs import beside_output

_PLACES = {
    "adapter": "gateway.cli.adapter",
    "apply": "gateway.cli.registry",
    "cert": "gateway.cli.registry",
    "check-config": "gateway.cli.process",
    "conform": "gateway.cli.conform",
    "connector": "gateway.cli.connector",
    "delivery": "gateway.cli.gathered",
    "demo": "gateway.cli.demo.command",
    "doctor": "gateway.cli.doctor",
    "evidence": "gateway.cli.evidence",
    "export": "gateway.cli.registry",
    "inbox": "gateway.cli.inbox",
    "init": "gateway.cli.process",
    "ledger": "gateway.cli.ledger",
    "office": "gateway.cli.office",
    "party": "gateway.cli.gathered",
    "purge": "gateway.cli.purge",
    "route": "gateway.cli.gathered",
    "send": "gateway.cli.letters",
    "serve": "gateway.cli.process",
    "status": "gateway.cli.letters",
    "verify": "gateway.verifier.command",
    "witness": "gateway.cli.witness",
    "worker": "gateway.cli.process",
}
"""The module of each command; what it is called there is its name with an underscore for a hyphen."""


class _WhenAsked(click.Group):
    """Imports a command when it is asked for: what a party runs has no need of the whole hub."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _PLACES:
            return None
        return cast("click.Command", getattr(_loaded(_PLACES[cmd_name]), cmd_name.replace("-", "_")))


def _loaded(place: str) -> ModuleType:
    # what is loaded stays: to look through it for what may go, again and again, is an eighth of a start
    gc.disable()
    try:
        return import_module(place)
    finally:
        gc.enable()


@click.group(
    cls=_WhenAsked, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="wasl")
def wasl() -> None:
    """Wasl: signed letters in, signed receipts out.

    Example: wasl demo
    """
    beside_output()


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
        for line in _words(error):
            click.echo(f"wasl: {line}", err=True)
        sys.exit(_status(error))
    except Exception:  # noqa: BLE001 - a defect is no answer: no program may read it as a "no"
        traceback.print_exc()
        sys.exit(3)


def _words(error: WaslError) -> Iterable[str]:
    """What happened and what to do, a line for each thing that is wrong."""
    if isinstance(error, Misconfigured):
        return error.faults
    wordless = type(error).__str__ is BaseException.__str__  # what a hub answered says itself in words
    if isinstance(error, Refused) and wordless:
        return (printable(" ".join((fault.code, *explain(fault, "en")))) for fault in error.faults)
    return (printable(str(error)),)


def _status(error: WaslError) -> int:
    if isinstance(error, Misconfigured):
        return 2
    return 3 if isinstance(error, GatewayFault) else 1
