"""What every server of the scaled shape can do here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class NotStarted(Exception):
    """A server cannot run here; the words say which, why, and what would help."""


class Service(ABC):
    """A server that runs from its construction on, and ends with the process that made it.

    Attributes:
        told: what runs here, in words.
    """

    told: str

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is reached, the same for all its life."""

    @abstractmethod
    def start(self) -> None:
        """Run again, with what it had made durable; does nothing when it runs.

        Raises:
            NotStarted: it did not come up; the words have its own.
        """

    @abstractmethod
    def stop(self) -> None:
        """End in order; does nothing when it does not run."""

    @abstractmethod
    def stop_abruptly(self) -> None:
        """End at once, as if its machine had failed; does nothing when it does not run."""

    @abstractmethod
    def close(self) -> None:
        """End for good and remove all it kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
