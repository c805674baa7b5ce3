"""What the sender's own system heard of a letter, read on its page and not in the hub."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

from gateway.cli.demo.story import Story, Told

_PATIENCE_S = 20.0
_REGISTERED = "ENR"
"""The ministry's own code for a recipient's register entry."""


def heard_back(story: Story, told: Told, url: str) -> None:
    """Wait until the ministry's system was told the register number of its letter, and say so.

    Args:
        url: where that system lists the acknowledgments that it took.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        heard = [one for one in _listed(url) if one["reference"] == told.reference and told.reference]
        registered = [one for one in heard if one["etape"] == _REGISTERED]
        if registered:
            story.say(
                f"   the ministry's own system was told of it {len(heard)} times: registered by "
                f"{registered[0]['destinataire']} under {registered[0]['numero']}"
            )
            return
        if time.monotonic() > deadline:
            story.faults.append(f"the ministry's system was not told what became of {told.reference}")
            return
        time.sleep(0.2)


def _listed(url: str) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback, our own
            found: list[dict[str, Any]] = json.load(answer)
            return found
    except (urllib.error.URLError, OSError, ValueError):
        return []
