"""What a demonstration runs on, in words: no address is shown with its credentials."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from gateway.settings import Settings

WORKERS = {"embedded": 1, "scaled": 2}
"""Worker processes by profile: what one alone could do would show little about several."""


def engines(settings: Settings) -> list[str]:
    """A line for each."""
    return [_database(settings), _work(settings), _payloads(settings)]


def _database(settings: Settings) -> str:
    url = settings.database.url
    if url.startswith("sqlite"):
        return f"database: SQLite, {url.removeprefix('sqlite:///')}"
    return f"database: PostgreSQL, {_place(url)}"


def _work(settings: Settings) -> str:
    workers = WORKERS[settings.profile]
    said = f"delivery: {workers} worker process{'es' if workers > 1 else ''}"
    every = f"looking every {settings.worker.poll_seconds:g} s"
    if not settings.broker.url:
        return f"{said}, {every}"
    return f"{said}, woken over RabbitMQ, {_place(settings.broker.url)}, and {every} besides"


def _payloads(settings: Settings) -> str:
    payloads = settings.payloads
    if payloads.kind == "files":
        return f"content: encrypted files in {payloads.directory}"
    return f"content: encrypted objects in the bucket {payloads.s3_bucket} at {payloads.s3_endpoint}"


def _place(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", ["this machine"])[0]
    return f"{unquote(parts.path.lstrip('/')) or 'the default'} at {host}"
