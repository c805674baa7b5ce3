"""A mail server on a real socket that follows a script."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller

DROP, TAKE_AND_DROP = "421 and gone", "250 and gone"


@dataclass
class Post:
    """What the server does with each message: one answer for each to come, afterwards it takes them.

    Attributes:
        answers: to whole messages; `DROP` breaks the connection instead, `TAKE_AND_DROP` after taking it.
        at_recipient: to the naming of a recipient; likewise.
        pauses: seconds before the answer to each whole message to come.
        taken: envelopes of the messages it took.
        seen: how many whole messages came.
    """

    answers: list[str] = field(default_factory=list)
    at_recipient: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)
    seen: int = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, to: str, options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.at_recipient:
            return self._said(server, self.at_recipient.pop(0))
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.seen += 1
        if self.pauses:
            await asyncio.sleep(self.pauses.pop(0))
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.taken.append(envelope)
        return self._said(server, answer)

    def _said(self, server: Any, answer: str) -> str:
        if answer in (DROP, TAKE_AND_DROP):
            server.transport.abort()
        return answer


class _Controller(Controller):
    """Takes a free port, which the original cannot find again."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        socket.create_connection(("127.0.0.1", self.port), 5).close()


@contextmanager
def post_office(post: Post, **options: Any) -> Iterator[int]:
    """The server's port, for the length of the block."""
    running = _Controller(post, hostname="127.0.0.1", port=0, **options)
    running.start()
    try:
        yield int(running.port)
    finally:
        running.stop()
