"""Runs the offline verifier by itself: ``python -m gateway.verifier FILE --trust DIR``."""

from __future__ import annotations

import sys
import traceback

import click

from gateway.verifier.command import verify


def main() -> None:
    """Run the command; a defect of ours is no answer, so that no program may read it as one."""
    try:
        verify(prog_name="python -m gateway.verifier", standalone_mode=False)
    except click.Abort:
        sys.exit(3)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except Exception:  # noqa: BLE001 - told as "cannot be decided", never as "not good"
        traceback.print_exc()
        sys.exit(3)


if __name__ == "__main__":
    main()
