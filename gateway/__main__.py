"""``python -m gateway`` is the command ``wasl``."""

from gateway.cli import main

main()
