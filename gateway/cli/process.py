"""Commands that start things: ``init serve worker check-config``."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from gateway import home
from gateway.bootstrap import (
    Gateway,
    build,
    dispatcher,
    fallback,
    lead,
    revocations,
    sweep,
    verbs,
)
from gateway.bootstrap.evidence import counting, long_term, purge, self_check, sequencer, stamping
from gateway.bootstrap.isolation import setback
from gateway.bootstrap.kinds import find_adapters
from gateway.bootstrap.lifecycle import lapses, playing
from gateway.bootstrap.news import pollers
from gateway.bootstrap.rest import upload_expiry
from gateway.bootstrap.telling import (
    held_alerts,
    hook_pushers,
    operators_teller,
    presence,
    pushers,
    teller,
    webhook_alerts,
)
from gateway.bootstrap.waking import wakeups
from gateway.cli.tls import make_context, scheme, server_options
from gateway.domain.errors import GatewayFault, Misconfigured
from gateway.exchange.operate.fullness import keep_full
from gateway.exchange.operate.presence import EVERY_SECONDS
from gateway.exchange.transit.dispatch import Dispatch
from gateway.exchange.transit.memory import MIB
from gateway.logs import configure
from gateway.settings import Settings, StandInWarning, load
from gateway.web.app import create_app
from gateway.web.operations import Operations, create_operations_app
from gateway.workers.bounds import anew_without_memory, begin_anew, bound_memory, keep_few_heaps
from gateway.workers.stop import Stop
from gateway.workers.worker import Job, Worker

_HOUR = 3600.0
_LAST_TURNS_S = 60.0
"""So long a worker that begins anew waits for those who tell and ask; what they do is done again."""


def settings_from_environment() -> Settings:
    """The settings of this process.

    Raises:
        Misconfigured: everything that is wrong with them.
    """
    return load(os.environ)


def made_home(settings: Settings) -> list[str]:
    """Make what is missing of the home, telling which stand-ins are in use."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always", StandInWarning)
        made = home.prepare(settings)
    for warning in raised:
        click.echo(f"wasl: warning: {warning.message}", err=True)
    return made


@click.command()
def init() -> None:
    """Make the hub's home: folders, database, and test keys where there are none.

    Example: WASL_HOME=/srv/wasl wasl init
    """
    settings = settings_from_environment()
    for line in made_home(settings):
        click.echo(line)
    click.echo(f"home ready: {settings.home}")
    click.echo(f"fingerprints to publish: {settings.hub.public_url}/pki/")


@click.command(name="check-config")
def check_config() -> None:
    """Read the settings and tell everything that is wrong with them, without starting.

    Example: WASL_CONFIG=/etc/wasl.toml wasl check-config
    """
    settings = settings_from_environment()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StandInWarning)
        gateway = build(settings)
        sequencer(gateway)
    gateway.payloads.check()
    gateway.services.health.broker()
    check_tls(settings)
    kinds = ", ".join(sorted(find_adapters()))
    click.echo(f"settings are good: home {settings.home}, profile {settings.profile}, adapters {kinds}")


class ServerLog(Logger):  # type: ignore[misc]
    """gunicorn's words about its processes, as events like those of every library."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with our settings; every process builds its own gateway after the fork."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        web = self._settings.web
        options: dict[str, Any] = {
            "bind": f"{web.host}:{web.port}",
            "workers": web.processes,
            "threads": web.threads,
            "worker_class": "gthread",
            "timeout": web.request_seconds,
            "graceful_timeout": web.request_seconds,
            "loglevel": "warning",
            "logger_class": ServerLog,
            "proc_name": "wasl",
            "control_socket_disable": True,
            **server_options(self._settings),
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        gateway = build(self._settings)
        app = create_app(self._settings, gateway.services, gateway.languages, gateway.pack)
        settle()
        return app


@click.command()
def serve() -> None:
    """Serve the HTTP doors until stopped.

    Example: WASL_WEB_PORT=8080 wasl serve
    """
    settings = settings_from_environment()
    configure(settings.log)
    check_port(settings.web.host, settings.web.port, "web.port")
    made_home(settings)
    check_tls(settings)
    click.echo(f"serving at {scheme(settings)}://{settings.web.host}:{settings.web.port}")
    _Server(settings).run()


@click.command()
def worker() -> None:
    """Deliver accepted letters until stopped.

    Example: wasl worker
    """
    settings = settings_from_environment()
    configure(settings.log)
    made_home(settings)
    gateway = build(settings)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    here = presence(gateway, owner)
    dispatch = dispatcher(gateway, owner)
    receipts, hooks = pushers(gateway), hook_pushers(gateway)
    news = pollers(gateway, owner, dispatch.underway.memory)
    running = Worker(
        dispatch,
        sweep(gateway),
        settings.worker.threads,
        settings.worker.poll_seconds,
        (
            *_jobs(gateway, dispatch, owner),
            Job(here.beat, EVERY_SECONDS),
            Job(receipts.run, settings.push.poll_seconds),
            Job(hooks.run, settings.webhooks.poll_seconds),
            Job(news.run, settings.news.poll_seconds, alone=True),
        ),
        lead(gateway),
        wakeups(gateway),
    )
    told = Stop()

    def stop(*_: object) -> None:
        told.set()
        running.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    bound_memory(settings.worker.memory_mib * MIB)
    anew_without_memory()
    click.echo(f"delivering as {owner}")
    settle()
    with operations(gateway), here:
        running.run()
    memory = dispatch.underway.memory
    if memory is not None and memory.is_full and not told.is_set():
        with suppress(GatewayFault):  # the log says it, too
            keep_full(gateway.store, owner, memory, gateway.ambient.now())
        for crew in (receipts, hooks, news):
            crew.close(_LAST_TURNS_S)
        if not told.is_set():  # meanwhile
            begin_anew()
    if dispatch.underway.hanging():
        # the interpreter would wait for ever for threads that adapters do not give back
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


def settle() -> None:
    """Let the garbage collector and the C library do what suits a process that stays.

    The collector need look neither at what stays as long as the process, nor at what is gone with each
    letter. Few of the objects of a letter hold each other: they go when nobody names them any more. Looking
    for those that do after every 700 new ones, as Python does, takes a twelfth of the time of a letter.
    """
    gc.freeze()
    gc.set_threshold(20_000)
    keep_few_heaps()


def _jobs(gateway: Gateway, dispatch: Dispatch, owner: str) -> Sequence[Job]:
    """What a worker does beside delivering."""
    settings = gateway.settings
    return (
        Job(revocations(gateway).run, settings.trust.revocation_seconds),
        Job(sequencer(gateway).run, settings.ledger.poll_seconds, alone=True),
        Job(stamping(gateway).run, settings.timestamps.retry_seconds, alone=True),
        Job(
            long_term(gateway, dispatch.claims.leases.any).run,
            settings.evidence.long_term_seconds,
            alone=True,
        ),
        Job(lapses(gateway, owner).run, 60.0, alone=True),
        Job(playing(gateway, owner).run, 5.0, alone=True),
        Job(fallback(gateway, owner).run, 60.0),
        Job(setback(gateway).run, 60.0, alone=True),
        Job(teller(gateway, owner).run, settings.mail.poll_seconds),
        Job(held_alerts(gateway).run, 60.0, alone=True),
        Job(webhook_alerts(gateway).run, 60.0, alone=True),
        Job(operators_teller(gateway).run, settings.mail.poll_seconds),
        Job(verbs(gateway, owner).limits.reckon, 24 * _HOUR, alone=True),
        Job(upload_expiry(gateway).run, 600.0, alone=True),
        Job(purge(gateway).run, settings.retention.run_hours * _HOUR, alone=True),
        Job(self_check(gateway).turn, min(_HOUR, settings.ledger.self_check_hours * _HOUR), alone=True),
    )


def operations(gateway: Gateway) -> AbstractContextManager[object]:
    """The operations port, if there is to be one.

    Raises:
        Misconfigured: somebody else listens there.
    """
    host, port = gateway.settings.web.operations_host, gateway.settings.web.operations_port
    if not port:
        return nullcontext()
    check_port(host, port, "web.operations_port")
    app = create_operations_app(gateway.services.health, counting(gateway), gateway.languages)
    return Operations(app, host, port)


def check_tls(settings: Settings) -> None:
    """Raises:
    Misconfigured: the certificate or its key cannot be used.
    """
    if settings.web.tls_certificate:
        try:
            make_context(settings)
        except OSError as error:
            raise Misconfigured([f"web.tls_certificate: {error}"]) from error


def check_port(host: str, port: int, key: str) -> None:
    """Raises:
    Misconfigured: somebody else listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Misconfigured([f"{key}: port {port} on {host} is taken ({error.strerror})"]) from error
