"""A document system as lean as Python allows, so that it is not the one that is measured.

``python bench/target.py PORT`` registers what is posted to ``/ok/letters`` under a number of its own, and
honours idempotency keys. ``/fail/letters`` answers 500, ``/hang/letters`` never. ``GET /tally`` tells how
many letters it holds under how many keys, how often a key came again, and under which message ids.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter

KEY = "idempotency-key"


class Register:
    """The letters that were registered, in memory."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.repeats = 0
        self.messages: Counter[str] = Counter()

    def take(self, key: str, body: bytes) -> tuple[int, dict[str, object]]:
        """The status and the answer for one letter; the same number for a key that came before."""
        known = self.numbers.get(key)
        if known is not None:
            self.repeats += 1
            return 200, _registered(known)
        number = self.numbers[key] = len(self.numbers) + 1
        self.messages[json.loads(body)["message"]] += 1
        return 201, _registered(number)

    def tally(self) -> dict[str, object]:
        """What there is."""
        return {"keys": len(self.numbers), "repeats": self.repeats, "messages": self.messages}


class Conversation(asyncio.Protocol):
    """One connection; requests one after the other, each with its length."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            line, *lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
            }
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self._received = rest[length:]
            self._answer(line.split(" ")[1], headers, rest[:length])

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> None:
        if path.startswith("/hang/"):
            return
        status, said = 500, {"error": "out of order"}
        if path == "/tally":
            status, said = 200, self._register.tally()
        elif path.startswith("/ok/"):
            status, said = self._register.take(headers[KEY], body)
        octets = json.dumps(said).encode()
        self._transport.write(
            b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(octets), octets)
        )
        if headers.get("connection") == "close":
            self._transport.close()


def _registered(number: int) -> dict[str, object]:
    return {"number": f"2026-{number:07d}", "date": "2026-01-05"}


async def serve(port: int) -> None:
    """Serve until the process is stopped."""
    register = Register()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(register), "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
