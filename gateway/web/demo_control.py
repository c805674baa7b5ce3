"""Asks the process that runs the demonstration; ``demo/control.json`` in the home says where it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.contract import Http
from gateway.domain.errors import Permanent, Temporary, WaslError


class NoShow(WaslError):
    """The process that runs the demonstration is not there."""


@dataclass(frozen=True)
class Control:
    """The running demonstration.

    Attributes:
        secret: what that process wants to hear; another one in each run.
    """

    http: Http
    url: str
    secret: str

    @classmethod
    def find(cls, file: Path, http: Http) -> Control:
        """The demonstration that ``file`` tells of.

        Raises:
            NoShow: it tells of none.
        """
        try:
            told = json.loads(file.read_text("utf-8"))
            return cls(http, str(told["url"]), str(told["secret"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoShow(str(error)) from error

    def ask(self, action: str) -> dict[str, Any]:
        """What came of an action.

        Raises:
            NoShow: nobody answers there, or somebody else does.
            Ambiguous: the answer did not come in time; the action may go on.
        """
        headers = {"Authorization": f"Bearer {self.secret}"}
        try:
            answer = self.http.request("POST", f"{self.url}/{action}", headers=headers, body=b"")
        except (Temporary, Permanent) as error:
            raise NoShow(str(error)) from error
        if answer.status != 200:
            raise NoShow(f"status {answer.status}")
        told: dict[str, Any] = json.loads(answer.body)
        return told
