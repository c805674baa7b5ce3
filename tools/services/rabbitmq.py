"""A RabbitMQ broker of our own: its own node name, ports, port mapper, cookie and folders."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tools.services.account import Place, free_port
from tools.services.service import NotStarted, Service
from tools.services.tls import Tls

_PLACES = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/opt/homebrew/sbin", "/usr/local/sbin")
_START_S = 90.0
_STOP_S = 30.0
_TRIES = 3
_ACCOUNTS = ("rabbitmq", "nobody")
_HELLO = b"AMQP\x00\x00\x09\x01"  # AMQP 0-9-1 4.2.2


class RabbitMQ(Service):
    """One node on loopback, with a user and a virtual host ``wasl``.

    The scripts of the installation are called directly: Debian's own ``rabbitmq-server`` insists on the
    machine's folders, and on being called by root or ``rabbitmq``.

    Attributes:
        password: of the user ``wasl``, who may do everything in ``/wasl`` and nothing about the node.
    """

    def __init__(self, tls: Tls | None = None) -> None:
        """Args:
            tls: if given, clients must speak TLS, and ``url`` begins with ``amqps``.

        Raises:
            NotStarted: it cannot run here.
        """
        programs = self._programs = self.installed()
        self._tls = tls
        self._place = Place.make("RabbitMQ", _ACCOUNTS)
        self._running: list[subprocess.Popen[bytes]] = []
        self.password = secrets.token_urlsafe(18)
        self.told = f"a broker of its own, started from {programs} in {self._place.folder}"
        # the node by its own number, if it still is that: it need not be in the group of its script
        kill = (
            'for file in *.group; do kill -KILL -- "-$(cat "$file")"; done; '
            'node=$(cat pid) && grep -qF "$(pwd)" "/proc/$node/environ" && kill -KILL "$node"'
        )
        self._watch = self._place.watch("/bin/sh", "-c", f"cd '{self._place.folder}' && {kill}")
        self._first_start()

    @staticmethod
    def installed() -> Path:
        """The folder of the installed broker's own scripts.

        Raises:
            NotStarted: there is none.
        """
        unpacked = sorted(Path("/usr/lib/rabbitmq/lib").glob("*/sbin"))
        for folder in (*map(Path, _PLACES), *reversed(unpacked)) if shutil.which("erl") else ():
            if all((folder / name).exists() for name in ("rabbitmq-server", "rabbitmq-env")):
                return folder
        raise NotStarted("no RabbitMQ: install the package rabbitmq-server")

    @property
    def folder(self) -> Path:
        """Where everything of it lies."""
        return self._place.folder

    @property
    def url(self) -> str:
        return self.address("wasl")

    def address(self, host: str) -> str:
        """The URL of one of its virtual hosts."""
        scheme, name = ("amqps", "localhost") if self._tls else ("amqp", "127.0.0.1")
        return f"{scheme}://wasl:{self.password}@{name}:{self._port}/{host}"

    def start(self) -> None:
        if self._running:
            return
        mapper = shutil.which("epmd")
        if mapper is not None:  # as our child; a node that finds none would leave one behind
            self._spawn("mapper", mapper, "-port", self._mapper_port, "-address", "127.0.0.1")
        server = self._spawn("server", self._programs / "rabbitmq-server")
        try:
            self._wait(server)
        except NotStarted:
            self.stop_abruptly()
            raise

    def stop(self) -> None:
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_S)
        self.stop_abruptly()

    def stop_abruptly(self) -> None:
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()
        self._wait_until_gone()
        for file in self._place.folder.glob("*.group"):
            file.unlink()

    def make_host(self) -> str:
        """The URL of a new virtual host."""
        name = f"test-{secrets.token_hex(6)}"
        self.control("add_vhost", name)
        self.control("set_permissions", "-p", name, "wasl", ".*", ".*", ".*")
        return self.address(name)

    def control(self, *words: str) -> str:
        """What ``rabbitmqctl`` says to these words.

        Raises:
            NotStarted: it refuses.
        """
        return self._place.run(self._programs / "rabbitmqctl", "-q", *words, environment=self._environment)

    def close(self) -> None:
        self.stop_abruptly()
        self._watch.communicate()

    def _first_start(self) -> None:
        """Start on free ports; somebody may take one before the broker does."""
        for attempt in range(1, _TRIES + 1):
            self._port, self._nodes_port, self._mapper_port = free_port(), free_port(), free_port()
            self._configure()
            try:
                return self.start()
            except NotStarted:
                if attempt == _TRIES:
                    self.close()
                    raise
        return None

    def _configure(self) -> None:
        lines = [
            f"default_user = wasl\ndefault_pass = {self.password}\ndefault_vhost = wasl",
            "log.file.level = warning\nlog.console = false",
            # the folder need not have room for much, and what it has is on no account all of the disk
            "raft.wal_max_size_bytes = 67108864\ndisk_free_limit.absolute = 50MB",
            *self._listeners(),
        ]
        self._place.write("rabbitmq.conf", "\n".join(lines).encode() + b"\n")
        self._place.write("enabled_plugins", b"[].\n")

    def _listeners(self) -> list[str]:
        if self._tls is None:
            return [f"listeners.tcp.1 = 127.0.0.1:{self._port}"]
        authority = self._place.write("authority.pem", self._tls.authority.read_bytes())
        certificate = self._place.write("server.pem", self._tls.certificate.read_bytes())
        key = self._place.write("server.key", self._tls.key.read_bytes())
        return [
            f"listeners.tcp = none\nlisteners.ssl.1 = 127.0.0.1:{self._port}",
            f"ssl_options.cacertfile = {authority}\nssl_options.certfile = {certificate}",
            f"ssl_options.keyfile = {key}\nssl_options.verify = verify_none",
        ]

    @property
    def _environment(self) -> dict[str, str]:
        folder = self._place.folder
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(folder),  # of the cookie
            "RUNNING_UNDER_SYSTEMD": "yes",  # the script becomes the node instead of waiting for it
            "RABBITMQ_NODENAME": "wasl@localhost",
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self._nodes_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": loopback,
            "RABBITMQ_CTL_ERL_ARGS": loopback,
            "RABBITMQ_CTL_DIST_PORT_MIN": "1024",
            "RABBITMQ_CTL_DIST_PORT_MAX": "65535",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def _spawn(self, name: str, *command: object) -> subprocess.Popen[bytes]:
        log = self._place.folder / f"{name}.out"
        process = self._place.spawn(*command, environment=self._environment, log=log)
        self._running.append(process)
        self._place.write(f"{name}.group", str(process.pid).encode())
        return process

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if server.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.1)
        said = (self._place.folder / "server.out").read_text("utf-8", "replace").strip()
        raise NotStarted(f"RabbitMQ did not start: {said[-2000:] or 'it said nothing'}")

    def _wait_until_gone(self) -> None:
        """An installation whose script waits for the node all the same leaves a node to be ended."""
        deadline = time.monotonic() + _STOP_S
        while self._answers() and time.monotonic() < deadline:
            self._end_node()
            time.sleep(0.05)

    def _end_node(self) -> None:
        """End the node that wrote its number into our folder, if that is still whose number it is."""
        with contextlib.suppress(OSError, ValueError):
            node = int((self._place.folder / "pid").read_text("ascii"))
            if os.fsencode(self._place.folder) in Path(f"/proc/{node}/environ").read_bytes():
                os.kill(node, signal.SIGKILL)

    def _answers(self) -> bool:
        """Whether it speaks AMQP; behind TLS, whether it listens, which it does last of all."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), 5) as connection:
                if self._tls is not None:
                    return True
                connection.sendall(_HELLO)
                return bool(connection.recv(8))
        except OSError:
            return False
