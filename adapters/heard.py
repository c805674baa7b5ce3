"""How a kind tells what it does over a way that the hub cannot hear: files, or a protocol of its own.

What goes by `Http.request` is heard anyway and needs no telling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from adapters.contract import Request


class Stepping(Protocol):
    """Hears one step of a delivery or look-up; operators see it as they see calls."""

    def __call__(self, request: Request) -> AbstractContextManager[Callable[[str], None]]:
        """The step is what happens in the block; what the block is given is told the answer in words.

        Secrets are masked and contents of files replaced, as in calls; a content is better told by name, size
        and digest. An exception that leaves the block ends the step as failed: told are the words of a
        `DeliveryError`, else what was answered until then, else its class. A step changes nothing about how
        trouble is judged.

        Args:
            request: a word for what is done, such as ``WRITE``; where; what is known of it; what is written.
        """


@contextmanager
def unheard(request: Request) -> Iterator[Callable[[str], None]]:
    """A step that nobody listens to."""
    yield lambda answer: None
