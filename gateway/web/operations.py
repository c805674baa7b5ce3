"""The operations port: figures for a monitoring system, and health; for this machine or network only."""

from __future__ import annotations

from socketserver import ThreadingMixIn
from threading import Thread
from types import TracebackType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Gauge, generate_latest

from gateway.exchange.operate.figures import Counting, Figures
from gateway.exchange.operate.health import Health
from gateway.web import correlation, problems
from gateway.web import health as health_doors
from gateway.web.access import public
from gateway.web.flow_figures import add_flow

_SILENCE_S = 10.0
"""How long a connection may say nothing; a stranger's must not keep a thread."""


def create_operations_app(health: Health, counting: Counting, languages: tuple[str, ...]) -> Flask:
    """The WSGI application with ``/metrics`` and the health doors."""
    app = Flask("gateway.web.operations", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 1024
    correlation.install(app)
    problems.install(app, languages)
    app.register_blueprint(health_doors.blueprint(health))

    @app.get("/metrics")
    @public
    def metrics() -> Response:
        answer = Response(exposition(counting.figures()), content_type=CONTENT_TYPE_PLAIN_0_0_4)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return app


def exposition(figures: Figures) -> bytes:
    """The figures in Prometheus' text format; what is not known yet is left out."""
    registry = CollectorRegistry()

    def gauge(name: str, says: str, value: float | None) -> None:
        if value is not None:
            Gauge(f"wasl_{name}", says, registry=registry).set(value)

    at = figures.at
    checked, unstamped = figures.checked_at, figures.unstamped_since
    since_check = None if checked is None else (at - checked).total_seconds()
    gauge("self_check_findings", "What the last self-check found wrong.", figures.findings)
    gauge("self_check_age_seconds", "Since the last self-check.", since_check)
    gauge("ledger_pending", "Entries without a place in a ledger.", figures.pending)
    gauge("ledger_untimestamped", "Checkpoints without a time-stamp.", figures.slow.untimestamped)
    lag = 0.0 if unstamped is None else (at - unstamped).total_seconds()
    gauge("timestamp_lag_seconds", "Age of the oldest checkpoint without a time-stamp.", lag)
    gauge("retention_due", "Letters whose content must be purged.", figures.slow.retention_due)
    gauge("legal_holds", "Legal holds in force.", figures.legal_holds)
    gauge("payload_objects", "Contents that can be read.", figures.slow.payload_objects)
    size = Gauge("wasl_ledger_size", "Entries under the last checkpoint.", ["ledger"], registry=registry)
    age = Gauge(
        "wasl_ledger_checkpoint_age_seconds", "Since the last checkpoint.", ["ledger"], registry=registry
    )
    for ledger in figures.ledgers:
        size.labels(ledger.name).set(ledger.size)
        age.labels(ledger.name).set((at - ledger.made_at).total_seconds())
    add_flow(figures.flow, registry)
    return generate_latest(registry)


class _Quiet(WSGIRequestHandler):
    """A handler that gives up on silence and writes no log of its own."""

    timeout = _SILENCE_S

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: monitoring asks every few seconds."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True


class Operations:
    """Serves the application on its own port while the block runs."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self._server = make_server(host, port, app, server_class=_Server, handler_class=_Quiet)
        self.port: int = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, name="operations", daemon=True)

    def __enter__(self) -> Operations:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
