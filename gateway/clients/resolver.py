"""Looks host names up within a bounded time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

from gateway.domain.errors import Temporary

NOT_REACHED = "WASL-DLV-001"

Resolver = Callable[[str, int], Sequence[str]]
"""Addresses of a host name for a port; OSError when there are none."""


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that the operating system knows, each once, in its order.

    Raises:
        OSError: the name is not known, or nobody can be asked.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve_within(seconds: float, resolve: Resolver, host: str, port: int) -> Sequence[str]:
    """The addresses of a host; the system's own look-up knows no time limit.

    Raises:
        Temporary: the name leads nowhere, or nobody answered in time.
    """
    answers: list[Sequence[str]] = []
    failures: list[OSError] = []

    def look_up() -> None:
        try:
            answers.append(resolve(host, port))
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=look_up, name="look-up", daemon=True)
    thread.start()
    thread.join(seconds)
    if answers and answers[0]:
        return answers[0]
    raise Temporary(NOT_REACHED, f"{host}: no address found") from (failures[0] if failures else None)
