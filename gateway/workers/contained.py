"""Something that is run again and again, and whose failure for now is only logged."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.domain.errors import GatewayFault

_log = structlog.get_logger()


def contained(job: Callable[[], object]) -> Callable[[], None]:
    """The same, but it never raises; the next run tries again."""

    def run() -> None:
        try:
            job()
        except GatewayFault as fault:
            _log.warning("job interrupted", job=job.__name__, cause=str(fault))
        except Exception:  # noqa: BLE001 - decides nothing; whoever calls would log its very words
            _log.exception("job failed", job=job.__name__)

    return run
