"""Calls that are to go away say so in every answer: ``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from flask import Flask, Response, current_app, request
from werkzeug.http import http_date

POLICY = "/docs/versions"
YEARS = 5
"""How long what is deprecated still works, at least."""


@dataclass(frozen=True)
class Retirement:
    """Since when something is deprecated, when it ends at the earliest, and what takes its place.

    Raises:
        ValueError: it would end sooner than the version policy promises.
    """

    since: date
    ends: date
    instead: str

    def __post_init__(self) -> None:
        if (self.ends.year - YEARS, self.ends.month, self.ends.day) < (
            self.since.year,
            self.since.month,
            self.since.day,
        ):
            raise ValueError(f"what is deprecated works for {YEARS} years more")


def install(app: Flask) -> None:
    """Let the answers of retiring calls tell their dates."""

    @app.after_request
    def tell(answer: Response) -> Response:
        view = current_app.view_functions.get(request.endpoint or "")
        words = getattr(view, "described", None)
        if words is not None and words.retired is not None:
            _tell(answer, words.retired)
        return answer


def _tell(answer: Response, retired: Retirement) -> None:
    answer.headers["Deprecation"] = f"@{int(_midnight(retired.since).timestamp())}"  # RFC 9745 2.1
    answer.headers["Sunset"] = http_date(_midnight(retired.ends))  # RFC 8594 3
    answer.headers.add("Link", f'<{POLICY}>; rel="deprecation"; type="text/html"')
    answer.headers.add("Link", f'<{POLICY}>; rel="sunset"; type="text/html"')
    answer.headers.add("Link", f'<{retired.instead}>; rel="successor-version"')  # RFC 5829 3


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
