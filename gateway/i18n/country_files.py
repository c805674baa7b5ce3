"""The files of a country pack in their order of precedence."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.i18n.country_fields import Fields


@dataclass
class Files:
    """The pack's files and every fault found in them."""

    code: str
    directories: tuple[Path, ...]
    faults: list[str] = field(default_factory=list)

    def find(self, name: str) -> Path | None:
        """The first file of that name in the pack's folders."""
        candidates = (directory / self.code / name for directory in self.directories)
        return next((path for path in candidates if path.is_file()), None)

    def table(self, name: str) -> Mapping[str, Any]:
        """The content of a TOML file; empty where it is missing or, with a fault noted, not readable."""
        path = self.find(name)
        try:
            return {} if path is None else tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            self.faults.append(f"{path}: {error}")
            return {}

    def fields(self, name: str) -> Fields:
        """The same, to be read key by key."""
        return Fields(self.table(name), f"{self.code}/{name}", self.faults)
