"""The call that brought a letter: by its names everybody's logs about that letter are joined."""

from __future__ import annotations

import re
from dataclasses import dataclass

TRACE_PARENT = "traceparent"

_TRACE = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN = re.compile(r"(?!0{16})[0-9a-f]{16}")


@dataclass(frozen=True)
class Call:
    """One call of somebody's program.

    Attributes:
        request_id: by which it was answered (``X-Request-Id``).
        trace: that it belongs to (W3C Trace Context), 32 hexadecimal digits; None if it named none.
    """

    request_id: str
    trace: str | None = None

    @property
    def followed(self) -> str | None:
        """The trace by which what follows can be named: its own, or its identifier where it could be one."""
        return self.trace or (self.request_id if _TRACE.fullmatch(self.request_id) else None)


def trace_parent(trace: str | None, delivery: str) -> str | None:
    """The ``traceparent`` of what is sent for a delivery (W3C Trace Context 3.2); None without a trace.

    The span is the delivery, by the end of its identifier; "sampled", so that the recipient's own tracing
    keeps what official mail does.
    """
    span = delivery.replace("-", "")[-16:]
    return f"00-{trace}-{span}-01" if trace and _SPAN.fullmatch(span) else None
