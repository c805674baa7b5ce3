"""``wasl demo``: set everything up, tell the story, keep serving if asked."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway import assets
from gateway.assets import config_dir, examples_dir
from gateway.bootstrap import build
from gateway.bootstrap.telling import telling_checks
from gateway.cli.demo import letters
from gateway.cli.demo.account import write_account
from gateway.cli.demo.control import Control
from gateway.cli.demo.engines import WORKERS, engines
from gateway.cli.demo.heard import heard_back
from gateway.cli.demo.story import Story
from gateway.cli.demo.world import Program, World, wasl
from gateway.cli.process import check_port, made_home
from gateway.domain.errors import GatewayFault, Misconfigured
from gateway.exchange.registry.declared import read_declared
from gateway.settings import Settings, load
from gateway.workers.stop import Stop

SOAP, REST, HUB, WORKER = "ministry", "commune", "hub", "worker"
SIGNERS = ("demo-ministry", "demo-commune", "demo-agency", "demo-platform")
_SECRETS = {"WASL_SECRET_COMMUNE_KEY": "cle-de-demonstration"}


@click.command()
@click.option("--keep", is_flag=True, help="Keep serving after the story, until Ctrl-C.")
def demo(keep: bool) -> None:
    """Set a hub up between two foreign document systems and let letters travel.

    Example: wasl demo --keep
    """
    try:
        faults = _show(keep)
    except GatewayFault as error:  # the answer is no: it was not shown
        for fault in error.faults if isinstance(error, Misconfigured) else (str(error),):
            click.echo(f"wasl: {fault}", err=True)
        sys.exit(1)
    sys.exit(1 if faults else 0)


def _show(keep: bool) -> list[str]:
    """Set up, tell the story, keep serving if asked; what did not hold.

    Raises:
        GatewayFault: it could not be shown.
    """
    settings = _settings()
    _check_ports(settings)
    for engine in engines(settings):
        click.echo(engine)
    folder = settings.home / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _register(settings)
    shutil.copytree(settings.trust.directory, folder / "trust")
    world = _world(settings)
    stopped = Stop()
    # noted, not raised: a program that is just being started must not be left behind
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stopped.set)
    try:
        world.start(stopped)
        story = _tell(settings, folder, stopped)
        if keep and not stopped.is_set():
            _keep_serving(settings, world, story, stopped)
    finally:
        world.stop()
    return story.faults


def _settings() -> Settings:
    """The settings of the demonstration: what the environment says, else what fits the show."""
    wanted = {
        "WASL_HUB_DEMONSTRATION": "true",
        "WASL_OUTGOING_ALLOW": "127.0.0.1",
        # where a broker wakes the workers, it is to be seen that it does
        "WASL_WORKER_POLL_SECONDS": "5" if os.environ.get("WASL_BROKER_URL") else "0.2",
        "WASL_RETRY_FIRST_SECONDS": "1",
        "WASL_RETRY_CAP_SECONDS": "5",
        # proofs and time-stamps are part of the story, and nobody wants to wait a minute for them
        "WASL_LEDGER_CHECKPOINT_SECONDS": "1",
        "WASL_LEDGER_POLL_SECONDS": "0.2",
        "WASL_TIMESTAMPS_RETRY_SECONDS": "0.3",
        "WASL_EVIDENCE_LONG_TERM_SECONDS": "1",
        "WASL_PUSH_POLL_SECONDS": "0.3",
        **_SECRETS,
    }
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    settings = load(os.environ)
    os.environ.setdefault("WASL_HUB_PUBLIC_URL", f"http://{settings.web.host}:{settings.web.port}")
    return load(os.environ)


def _check_ports(settings: Settings) -> None:
    check_port(settings.web.host, settings.web.port, "web.port")
    check_port("127.0.0.1", settings.demo.soap_port, "demo.soap_port")
    check_port("127.0.0.1", settings.demo.rest_port, "demo.rest_port")


def _register(settings: Settings) -> None:
    """Keys for the senders, and the registry of ``config/demo``."""
    made_home(settings)
    module = assets.testpki()
    pki = module.load(settings.home, datetime.now(UTC))
    for signer in SIGNERS:
        if signer not in pki.holders:
            module.issue_party(pki, signer, organization=f"DEMONSTRATION {signer}")
    gateway = build(settings)
    text = (config_dir() / "demo" / "registry.toml").read_text("utf-8")
    text = text.replace(":8301/", f":{settings.demo.soap_port}/")
    text = text.replace(":8302/", f":{settings.demo.rest_port}/")
    checks = {name: adapter.check_options for name, adapter in gateway.adapters.items()}
    telling = telling_checks(gateway.adapters)
    declared = read_declared(tomllib.loads(text), settings.home, gateway.languages, checks, telling)
    gateway.registry.apply(declared, "demonstration")


def _world(settings: Settings) -> World:
    """The two foreign systems, the hub's web processes and its workers."""
    logs, data = settings.home / "demo" / "logs", settings.home / "demo-systems"
    systems = examples_dir() / "systems"
    environment = {"WASL_HOME": str(settings.home)}
    world = World()
    for name, folder, port in (
        (SOAP, "courrier_soap", settings.demo.soap_port),
        (REST, "commune_rest", settings.demo.rest_port),
    ):
        script = systems / folder / "server.py"
        command = [sys.executable, str(script), "--port", str(port), "--data", str(data / name)]
        world.add(Program(name, command, f"http://127.0.0.1:{port}/", logs / f"{name}.log"))
    url = f"http://{settings.web.host}:{settings.web.port}/health/ready"
    world.add(Program(HUB, wasl("serve"), url, logs / "hub.log", environment))
    for number in range(WORKERS[settings.profile]):
        name = f"{WORKER}-{number + 1}" if number else WORKER
        world.add(Program(name, wasl("worker"), None, logs / f"{name}.log", environment))
    return world


def _tell(settings: Settings, folder: Path, stopped: Stop) -> Story:
    url = f"http://{settings.web.host}:{settings.web.port}"
    story = Story(url, folder, settings.home, click.echo)
    started, now = time.monotonic(), datetime.now(UTC)
    documents = examples_dir() / "letters"
    steps: tuple[Callable[[], object], ...] = (
        lambda: story.tell(letters.works_notice(1, now, documents)),
        lambda: heard_back(story, story.told[0], f"http://127.0.0.1:{settings.demo.soap_port}/accuses.json"),
        lambda: story.tell(letters.permit_request(2, now)),
        lambda: story.repeat(story.told[0], 3),
        lambda: story.tell(letters.lost_letter(4, now)),
    )
    for step in steps:
        if not stopped.is_set():
            step()
    path = write_account(folder, story.told)
    click.echo(f"told in {time.monotonic() - started:.1f} s; the account is in {path}")
    for fault in story.faults:
        click.echo(f"FAULT: {fault}", err=True)
    return story


def _keep_serving(settings: Settings, world: World, story: Story, stopped: Stop) -> None:
    url = f"http://{settings.web.host}:{settings.web.port}"
    with Control(settings.home, world.programs[REST], story):
        click.echo("")
        click.echo(f"watch and try:        {url}/demo")
        click.echo(f"the ministry's system: http://127.0.0.1:{settings.demo.soap_port}/")
        click.echo(f"the commune's system:  http://127.0.0.1:{settings.demo.rest_port}/")
        click.echo("a letter by hand:")
        click.echo(
            f"  curl -i -H 'Content-Type: application/xml' "
            f"--data-binary @{story.folder / '05-by-hand-envelope.xml'} {url}/api/v1/envelopes"
        )
        click.echo("Ctrl-C stops everything.")
        while not stopped.wait(0.5):
            if world.programs[HUB].process and not world.programs[HUB].running:
                click.echo("the hub ended by itself; see the logs", err=True)
                return
