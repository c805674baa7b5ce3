"""What no hub goes below on this machine: letters accepted over HTTP, kept durably, handed over by REST.

``python bench/floor.py`` sends what ``deliver.py`` sends, through the same server, framework and driver, to
a hub that does the least (``lean_hub.py``): it checks signature and schema, makes an octet string as long as
a receipt and signs it, twice for each letter, and keeps rows for both. There are no gates before the
cryptography, no chains of certificates, no revocation, no registry, no content of receipts, no ledger, no
leases, no retries, no limits. A rate that this does not reach is reached by no hub of these components; what
``deliver.py`` finds is to be compared with this, in the same minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import lean_hub
from common import PORT, Shape, end_in_order, make_home, running, shaped, wait_for
from journey import TARGET_PORT, Programs, offices, servers, target
from load import Pace, letters, sending
from processes import cpu_s

from gateway.cli.compose import JWS

_OFFICES = 20
_LOOK_S = 0.05


@contextlib.contextmanager
def hub(folder: Path, shape: Shape) -> Iterator[Programs]:
    """The lean hub's programs, by kind."""
    variables = lean_hub.environment(folder, shape.environment.get("WASL_DATABASE_URL", ""), TARGET_PORT)
    here = Path(__file__).parent
    web = ["-m", "gunicorn", "--chdir", str(here), "-w", "2", "--threads", "2", "-b", f"127.0.0.1:{PORT}"]
    with (
        running([*web, "lean_hub:app()"], variables) as door,
        running([str(here / "lean_hub.py")], variables) as worker,
    ):
        wait_for(PORT, "/health/live")
        yield {"web": [door], "worker": [worker]}


def travel(seen: lean_hub.Shelf, programs: Programs, made: list[bytes], pace: Pace) -> str:
    """Send letters until all of them were handed over; how that went, for people."""
    first = seen.ended()
    before = {kind: cpu_s(roots) for kind, roots in programs.items()}
    with sending(PORT, made, JWS, pace) as sender:
        arrived = 0
        while sender.under_way() or arrived < len(made):
            time.sleep(_LOOK_S)
            arrived = seen.ended() - first
            sender.tell(arrived)
        ended, told = time.time(), sender.told()
    each = {kind: (cpu_s(roots) - before[kind]) / len(made) for kind, roots in programs.items()}
    each["load"] = told["cpu"] / len(made)
    rate = len(made) / (ended - min(left for _, left, _ in told["sent"]))
    return f"{rate:7.1f}/s; CPU ms each: " + "  ".join(f"{kind} {s * 1000:.2f}" for kind, s in each.items())


def run(shape: Shape, count: int, connections: int) -> None:
    """Measure and print it."""
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as name, target() as beside:
        folder = Path(name)
        keys = make_home(folder, 50, shape=shape)
        seen = lean_hub.shelf(folder, shape.environment.get("WASL_DATABASE_URL", ""))
        seen.make()
        with hub(folder, shape) as programs:
            every = {**programs, "target": [beside], **servers(shape)}
            for number in (100, count):  # the first ones warm it up
                told = travel(
                    seen, every, letters(keys, JWS, number, offices(_OFFICES)), Pace(connections, 64)
                )
    print(f"{shape.name}, JSON, {count} letters through the leanest hub: {told}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=["embedded", "scaled"], default="embedded")
    parser.add_argument("--letters", type=int, default=1500)
    parser.add_argument("--connections", type=int, default=6)
    options = parser.parse_args()
    end_in_order()
    with shaped(options.shape) as shape:
        run(shape, options.letters, options.connections)
    return 0


if __name__ == "__main__":
    sys.exit(main())
