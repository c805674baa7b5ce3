"""A folder behind an SFTP server: OpenSSH as it is, cut off at every step, and servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import resource
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from adapters.contract import Context, Handed
from adapters.folder import FolderAdapter
from adapters.folder_sftp import SftpPlace
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary
from gateway.exchange.transit.exchanges import contents_of
from gateway.exchange.transit.exchanges_tape import Tape
from tests.support.sshd import INSTALLED, Sshd, sshd
from tests.unit.adapters.doubles import NOW, ORIGINAL, PLAN, attachment, envelope, letter

HTTP = GuardedHttp(HttpSettings(allow=("127.0.0.0/8",), limits=HttpLimits(5, 5, 20)))
ADAPTER = FolderAdapter()
ID = letter().delivery_id
WHOLE = {"manifest.json", "OK", "plan _été_.pdf", "enveloppe-7K2M-9QXT-4RB.xml"}
OPTIONS: dict[str, Any] = {
    "inbox": "in",
    "taken": ["done"],
    "keeps": True,
    "marker": "OK",
    "manifest": {"mapping": {"objet": "envelope.subject"}},
}
needs_openssh = pytest.mark.skipif(not INSTALLED, reason="no sshd here: a folder behind an SFTP server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("in", "done", "rep", "lu"):
        (tmp_path / "place" / name).mkdir(parents=True)
    return tmp_path / "place"


def context(options: dict[str, Any], key: str = "", dial: Any = HTTP.dial) -> Context:
    assert ADAPTER.check_options(options) == []
    secrets = {"sftp-key": key, "word": "the right word", "wrong": "another word"}
    return Context(HTTP, options, secrets.__getitem__, lambda: NOW, dial)


def over(server: Sshd, place: Path, dial: Any = HTTP.dial, sftp: Any = None, **changes: Any) -> Context:
    return context({**OPTIONS, **server.route(place, **(sftp or {})), **changes}, server.key, dial)


def here(place: Path, **changes: Any) -> Context:
    """The same folder without a server between."""
    options = {**OPTIONS, "place": str(place), **changes}
    return Context(HTTP, options, {}.__getitem__, lambda: NOW, folders=(place,))


def seen(place: Path) -> dict[str, set[str]]:
    return {
        f"{folder}/{one.name}": {file.name for file in one.iterdir()}
        for folder in ("in", "done")
        for one in (place / folder).iterdir()
    }


def aside(place: Path) -> list[Path]:
    return list((place / ".wasl").iterdir())


# OpenSSH ------------------------------------------------------------------------------------------


@needs_openssh
def test_letter_arrives_whole_and_once(server: Sshd, place: Path) -> None:
    done = ADAPTER.deliver(letter(), over(server, place, read_back=True))
    assert done.digests_confirmed
    assert seen(place) == {f"in/{ID}": WHOLE}
    assert (place / "in" / ID / "plan _été_.pdf").read_bytes() == PLAN
    assert (place / "in" / ID / "enveloppe-7K2M-9QXT-4RB.xml").read_bytes() == ORIGINAL
    manifest = json.loads((place / "in" / ID / "manifest.json").read_text("utf-8"))
    assert manifest == {"objet": letter().envelope.subject}
    assert (place / "in" / ID).stat().st_mode & 0o777 == 0o770
    (place / "in" / ID).rename(place / "done" / ID)
    assert ADAPTER.deliver(letter(), over(server, place)).target_reference == done.target_reference
    assert seen(place) == {f"done/{ID}": WHOLE}
    assert aside(place) == []


@needs_openssh
def test_steps_are_told_with_the_key_that_the_server_showed(server: Sshd, place: Path) -> None:
    tape = Tape()
    context = over(server, place)
    ADAPTER.deliver(letter(), replace(context, step=tape.step, secret=tape.knowing(context.secret)))
    calls = tape.exchange(contents_of(letter())).calls
    opened = calls[0]
    address = f"sftp://127.0.0.1:{server.port}{place}"
    fingerprint = asyncssh.import_public_key(server.host_key).get_fingerprint()
    assert (opened.method, opened.url, opened.headers) == ("OPEN", address, {"User": server.user})
    assert opened.answer == f"let in; the server's key is {fingerprint}"
    assert [one.answer for one in calls if one.url.endswith("/plan _été_.pdf")] == ["20 octets, on the disk"]
    assert {one.answer for one in calls if one.method == "SYNC"} == {"cannot be asked here"}
    [renamed] = [one for one in calls if one.method == "RENAME"]
    assert renamed.headers == {"To": f"{address}/in/{ID}"}
    assert server.key.splitlines()[2] not in repr(calls)


@needs_openssh
def test_manifest_in_csv_and_marker_beside_go_over_the_wire(server: Sshd, place: Path) -> None:
    form = {"form": "csv", "mapping": {"objet": "envelope.subject", "formule": "'=1+1'"}}
    used = over(server, place, manifest=form, marker_beside=".ready")
    ADAPTER.deliver(letter(), used)
    octets = (place / "in" / ID / "manifest.csv").read_bytes()
    assert octets == f'"objet";"formule"\r\n"{letter().envelope.subject}";"\'=1+1"\r\n'.encode()
    assert (place / "in" / f"{ID}.ready").read_bytes() == b""
    (place / "in" / f"{ID}.ready").unlink()
    assert ADAPTER.find(ID, letter().reference, used) is not None  # as after a connection that broke there
    assert (place / "in" / f"{ID}.ready").read_bytes() == b""
    (place / "in" / ID).rename(place / "done" / ID)
    (place / "in" / f"{ID}.ready").unlink()
    assert ADAPTER.find(ID, letter().reference, used) is not None
    assert list((place / "in").iterdir()) == []


@needs_openssh
def test_connection_cut_at_the_marker_is_in_doubt_and_looked_up(server: Sshd, place: Path) -> None:
    cut = Cut(0, arrives=False)
    plain = SftpPlace.write

    def writing(self: SftpPlace, path: tuple[str, ...], pieces: Any) -> bool:
        if path[-1].endswith(".ready"):
            cut.at = cut.pieces + 1
        return plain(self, path, pieces)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SftpPlace, "write", writing)
        with pytest.raises(Ambiguous, match="WASL-DLV-004"):
            ADAPTER.deliver(letter(), over(server, place, cut.dial, marker_beside=".ready"))
    cut.end()
    assert [one.name for one in (place / "in").iterdir()] == [ID]
    ADAPTER.deliver(letter(), over(server, place, marker_beside=".ready"))
    assert sorted(one.name for one in (place / "in").iterdir()) == [ID, f"{ID}.ready"]


@needs_openssh
def test_answers_are_read_and_moved_past_what_is_no_file(server: Sshd, place: Path) -> None:
    rep = place / "rep"
    (rep / "a.json").write_text(json.dumps({"id": ID, "n": "ش-12/2026"}), "utf-8")
    (rep / "link.json").symlink_to("/etc/passwd")
    os.mkfifo(rep / "pipe.json")
    (rep / "bad.json").write_bytes(b"\xff" * 300_000)
    (rep / os.fsdecode(b"\xe9.json")).write_bytes(b"{}")
    answers = {
        "folder": "rep",
        "form": "json",
        "after": "move",
        "moved_to": "lu",
        "reads": {"delivery_id": "answer.id", "register_number": "answer.n"},
    }
    asked = Handed(ID, "7K2M-9QXT-4RB", NOW)
    [news] = ADAPTER.poll([asked], over(server, place, answers=answers))
    assert news.register_number == "ش-12/2026"
    ADAPTER.poll([replace(asked, register_number="ش-12/2026")], over(server, place, answers=answers))
    assert [one.name for one in (place / "lu").iterdir()] == ["a.json"]


@needs_openssh
def test_probe_leaves_nothing_and_names_what_is_missing(server: Sshd, place: Path) -> None:
    assert f"sftp://127.0.0.1:{server.port}" in ADAPTER.probe(over(server, place))
    assert sorted(one.name for one in place.iterdir()) == ["done", "in", "lu", "rep"]
    (place / "done").rmdir()
    with pytest.raises(Temporary, match="WASL-DLV-078 folder done"):
        ADAPTER.probe(over(server, place))


@needs_openssh
def test_large_letter_goes_in_constant_memory(server: Sshd, place: Path) -> None:
    octets = bytes(24 * 1024**2)
    big = envelope(
        attachments=(attachment(b"", size=len(octets), sha256=hashlib.sha256(octets).hexdigest()),)
    )
    tracemalloc.start()
    try:
        ADAPTER.deliver(letter(envelope=big, open=lambda _: io.BytesIO(octets)), over(server, place))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (place / "in" / ID / "plan _été_.pdf").stat().st_size == len(octets)
    assert peak < 8 * 1024**2


@needs_openssh
def test_key_that_the_route_does_not_name_is_not_trusted(server: Sshd, place: Path) -> None:
    for host_keys in (["SHA256:" + "A" * 43], [other_key()]):
        with pytest.raises(Temporary, match="WASL-DLV-080") as caught:
            ADAPTER.deliver(letter(), over(server, place, sftp={"host_keys": host_keys}))
        assert type(caught.value) is Temporary
    assert not (place / ".wasl").exists()


@needs_openssh
def test_fingerprint_is_as_good_as_the_key(server: Sshd, place: Path) -> None:
    fingerprint = asyncssh.import_public_key(server.host_key).get_fingerprint()
    ADAPTER.deliver(letter(), over(server, place, sftp={"host_keys": [other_key(), fingerprint]}))
    assert seen(place) == {f"in/{ID}": WHOLE}


def other_key() -> str:
    return str(asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip())


@needs_openssh
def test_kind_of_key_that_the_server_has_not_is_temporary(server: Sshd, place: Path) -> None:
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode().strip()
    with pytest.raises(Temporary, match="WASL-DLV-001"):
        ADAPTER.deliver(letter(), over(server, place, sftp={"host_keys": [key]}))


@needs_openssh
@pytest.mark.parametrize("key", ["another", "none", "locked"])
def test_key_that_is_refused_waits_for_an_operator(server: Sshd, place: Path, key: str) -> None:
    made = asyncssh.generate_private_key("ssh-ed25519")
    word = "the word" if key == "locked" else None
    text = "no key at all" if key == "none" else made.export_private_key(passphrase=word, rounds=50).decode()
    with pytest.raises(Temporary, match="WASL-DLV-013") as caught:
        ADAPTER.deliver(letter(), over(replace(server, key=text), place))
    assert text not in str(caught.value)


@needs_openssh
def test_key_under_a_passphrase_opens(server: Sshd, place: Path) -> None:
    key = asyncssh.import_private_key(server.key)
    locked = key.export_private_key(passphrase="the right word", rounds=50).decode()
    ADAPTER.deliver(letter(), over(replace(server, key=locked), place, sftp={"passphrase": "word"}))
    assert seen(place) == {f"in/{ID}": WHOLE}


@needs_openssh
def test_folder_that_may_not_be_written_is_temporary(place: Path, tmp_path: Path) -> None:
    with sshd(tmp_path / "ssh", "ForceCommand internal-sftp -R") as server:  # for reading only
        for work in (ADAPTER.probe, lambda context: ADAPTER.deliver(letter(), context)):
            with pytest.raises(Temporary, match="WASL-DLV-078"):
                work(over(server, place))
    assert seen(place) == {}


@needs_openssh
def test_folder_that_is_missing_is_temporary_and_not_made(server: Sshd, place: Path) -> None:
    (place / "in").rmdir()
    with pytest.raises(Temporary, match="WASL-DLV-078"):
        ADAPTER.deliver(letter(), over(server, place))
    assert not (place / "in").exists()


@needs_openssh
def test_server_that_may_write_no_more_is_temporary(place: Path, tmp_path: Path) -> None:
    """A session under a limit of its file size, as under a quota: the server says only that it failed."""
    with sshd(tmp_path / "ssh") as server:
        limit_file_size(server, 65_536)
        octets = b"x" * 500_000
        one = letter({"a1": octets}, envelope=envelope(attachments=(attachment(octets),)))
        with pytest.raises(DeliveryError) as caught:
            ADAPTER.deliver(one, over(server, place))
    assert type(caught.value) is Temporary
    assert seen(place) == {}
    assert aside(place) == []


def limit_file_size(server: Sshd, octets: int) -> None:
    resource.prlimit(server.running.pid, resource.RLIMIT_FSIZE, (octets, octets))


# Cut at every step --------------------------------------------------------------------------------


class Cut:
    """A way to a server that breaks after so many pieces went there: before the last arrives, or after.

    ``again`` says whether a second connection is possible.
    """

    def __init__(
        self, at: int, arrives: bool, again: bool = True, until: Callable[[], bool] | None = None
    ) -> None:
        self.at, self.arrives, self.again = at, arrives, again
        self.pieces = 0
        self.calls = 0
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._heard = threading.Event()
        self._until = until or self._heard.is_set

    def dial(self, host: str, port: int) -> socket.socket:
        self.calls += 1
        if self.calls > 1:
            if not self.again:
                raise Temporary("WASL-DLV-001", "cut")
            return HTTP.dial(host, port)
        far, (near, mine) = HTTP.dial(host, port), socket.socketpair()
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets = [far, mine]
        for run in (lambda: self._up(mine, far), lambda: self._down(mine, far)):
            thread = threading.Thread(target=run)
            thread.start()
            self._threads.append(thread)
        return near

    def _up(self, mine: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := mine.recv(65_536):
                # small ones say only how much more may come (RFC 4254 5.2)
                self.pieces += len(octets) > 64
                if self.pieces == self.at and len(octets) > 64:
                    # no answer may come back, whatever the server does with this piece
                    mine.shutdown(socket.SHUT_RDWR)
                    if self.arrives:
                        self._heard.clear()
                        far.sendall(octets)
                        self._await()
                    break
                far.sendall(octets)
        with contextlib.suppress(OSError):
            far.shutdown(socket.SHUT_RDWR)

    def _await(self) -> None:
        end = time.monotonic() + 5
        while not self._until() and time.monotonic() < end:
            self._heard.wait(0.01)

    def _down(self, mine: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := far.recv(65_536):
                self._heard.set()
                with contextlib.suppress(OSError):
                    mine.sendall(octets)
        with contextlib.suppress(OSError):
            mine.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        for one in self._sockets:
            one.close()


@needs_openssh
@pytest.mark.parametrize("arrives", [False, True], ids=["before it arrives", "after it arrived"])
def test_connection_cut_at_any_step_leaves_all_or_nothing_and_the_next_attempt_one(
    server: Sshd, place: Path, arrives: bool
) -> None:
    outcomes: set[str] = set()
    for at in range(1, 200):
        one = letter(delivery_id=f"{at:036d}", envelope=envelope(attachments=()))
        cut = Cut(at, arrives)
        try:
            ADAPTER.deliver(one, over(server, place, cut.dial, marker=""))
            outcome = "delivered" if cut.calls == 1 else "looked up"
        except Temporary:
            outcome = "temporary"
        cut.end()
        found = seen(place).get(f"in/{one.delivery_id}")
        whole = {"manifest.json", "enveloppe-7K2M-9QXT-4RB.xml"}
        assert found == (None if outcome == "temporary" else whole), (at, outcome)
        outcomes.add(outcome)
        if cut.pieces < at:
            break
        ADAPTER.deliver(one, here(place, marker=""))
        assert seen(place)[f"in/{one.delivery_id}"] == whole
        assert len(seen(place)) == at
        assert aside(place) == []
    # whether the last step, once it went, was found done or not yet, is for the server's pace to say
    assert {"temporary", "delivered"} <= outcomes <= {"temporary", "delivered", "looked up"}


@contextmanager
def cut_at_rename(cut: Cut) -> Iterator[None]:
    """The connection breaks with the piece that asks for the last step, however many went before."""
    plain = asyncssh.SFTPClient.rename

    async def renaming(self: asyncssh.SFTPClient, *names: Any) -> None:
        cut.at = cut.pieces + 1
        await plain(self, *names)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncssh.SFTPClient, "rename", renaming)
        yield
    cut.end()


@needs_openssh
def test_last_step_whose_answer_is_lost_is_looked_up(server: Sshd, place: Path) -> None:
    cut = Cut(0, arrives=True, until=(place / "in" / ID).exists)
    with cut_at_rename(cut):
        ADAPTER.deliver(letter(), over(server, place, cut.dial))
    assert cut.calls == 2
    assert seen(place) == {f"in/{ID}": WHOLE}


@needs_openssh
@pytest.mark.parametrize("arrives", [False, True])
def test_last_step_that_nobody_can_look_up_is_ambiguous(server: Sshd, place: Path, arrives: bool) -> None:
    cut = Cut(0, arrives, again=False, until=(place / "in" / ID).exists)
    with cut_at_rename(cut), pytest.raises(Ambiguous, match="WASL-DLV-004"):
        ADAPTER.deliver(letter(), over(server, place, cut.dial))
    found = ADAPTER.find(ID, letter().reference, over(server, place))
    assert (found is not None) is arrives
    ADAPTER.deliver(letter(), over(server, place))
    assert seen(place) == {f"in/{ID}": WHOLE}


# Other servers ------------------------------------------------------------------------------------


class Login(asyncssh.SSHServer):
    """Lets in whoever says the right word."""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("wasl", "the right word")


@contextmanager
def listening(factory: Any, root: Path, **options: Any) -> Iterator[tuple[int, str]]:
    """A server of the library, in a thread with a loop of its own; its port and key."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    ready: list[asyncssh.SSHAcceptor] = []

    async def start() -> None:
        ready.append(
            await asyncssh.listen(
                "127.0.0.1", 0, server_factory=Login, server_host_keys=[key], sftp_factory=factory, **options
            )
        )

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield ready[0].get_port(), key.export_public_key().decode().strip()
    finally:
        loop.call_soon_threadsafe(ready[0].close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.run_until_complete(settled())
        loop.close()


async def settled() -> None:
    """Let the server close what it has open for those who left."""
    for wait in (0.5, 5):
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if left:
            await asyncio.wait(left, timeout=wait)
        for task in left:
            task.cancel()


def with_word(port: int, key: str, place: Path, secret: str = "word", **changes: Any) -> Context:
    sftp = {"user": "wasl", "auth": "password", "secret": secret, "host_keys": [key], "silence_seconds": 1}
    return context({**OPTIONS, "place": f"sftp://127.0.0.1:{port}{place}", "sftp": sftp, **changes})


def test_password_opens_and_a_wrong_one_waits_for_an_operator(place: Path) -> None:
    with listening(asyncssh.SFTPServer, place) as (port, key):
        with pytest.raises(Temporary, match="WASL-DLV-013") as caught:
            ADAPTER.deliver(letter(), with_word(port, key, place, "wrong"))
        assert "another word" not in str(caught.value)
        ADAPTER.deliver(letter(), with_word(port, key, place))
    assert seen(place) == {f"in/{ID}": WHOLE}


def test_server_with_algorithms_of_the_past_is_temporary(place: Path) -> None:
    old = {"kex_algs": ["diffie-hellman-group14-sha1"]}
    with (
        listening(asyncssh.SFTPServer, place, **old) as (port, key),
        pytest.raises(Temporary, match="WASL-DLV-001"),
    ):
        ADAPTER.deliver(letter(), with_word(port, key, place))


class Full(asyncssh.SFTPServer):
    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        raise asyncssh.SFTPNoSpaceOnFilesystem("full")  # which this version of the protocol cannot say

    def statvfs(self, path: bytes) -> asyncssh.SFTPVFSAttrs:
        return asyncssh.SFTPVFSAttrs(bsize=512, frsize=512, blocks=1000, bfree=3, bavail=3)


class Denied(asyncssh.SFTPServer):
    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        raise asyncssh.SFTPPermissionDenied("no")


class Lying(asyncssh.SFTPServer):
    """Takes octets and writes half of them."""

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        super().write(file_obj, offset, data[: len(data) // 2])
        return len(data)


class Forgetful(asyncssh.SFTPServer):
    """Writes other octets than it was given."""

    def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
        return super().write(file_obj, offset, b"?" * len(data))


class Hanging(asyncssh.SFTPServer):
    async def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        file_obj.close()
        await asyncio.sleep(30)
        return 0


class Refusing(asyncssh.SFTPServer):
    """Does not rename."""

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPFailure("no")


@pytest.mark.parametrize(
    ("factory", "code"),
    [
        (Full, "WASL-DLV-079"),
        (Denied, "WASL-DLV-078"),
        (Lying, "WASL-DLV-002"),
        (Forgetful, "WASL-DLV-002"),
        (Hanging, "WASL-DLV-001"),
        (Refusing, "WASL-DLV-002"),
    ],
)
def test_server_that_does_not_take_a_letter_has_none_to_show(place: Path, factory: Any, code: str) -> None:
    start = time.monotonic()
    with listening(factory, place) as (port, key), pytest.raises(DeliveryError) as caught:
        ADAPTER.deliver(letter(), with_word(port, key, place, read_back=True))
    assert (type(caught.value), caught.value.code) == (Temporary, code)
    assert time.monotonic() - start < 8
    assert seen(place) == {}
    ADAPTER.deliver(letter(), here(place))
    assert seen(place) == {f"in/{ID}": WHOLE}
    assert aside(place) == []


def renaming_then_hanging(done: bool) -> type[asyncssh.SFTPServer]:
    class Silent(asyncssh.SFTPServer):
        """Says nothing of the first rename, which it did or will do later."""

        asked = 0

        async def rename(self, oldpath: bytes, newpath: bytes) -> None:
            Silent.asked += 1
            if Silent.asked > 1:
                Path(os.fsdecode(oldpath)).rename(os.fsdecode(newpath))
                return
            if done:
                Path(os.fsdecode(oldpath)).rename(os.fsdecode(newpath))
            await asyncio.sleep(1.5)
            if not done:
                Path(os.fsdecode(oldpath)).rename(os.fsdecode(newpath))

    return Silent


@pytest.mark.parametrize("done", [True, False])
def test_silence_after_the_last_step_is_looked_up_and_what_comes_late_finds_nothing(
    place: Path, done: bool
) -> None:
    with listening(renaming_then_hanging(done), place) as (port, key):
        if done:
            assert ADAPTER.deliver(letter(), with_word(port, key, place)).target_reference == ID
        else:
            with pytest.raises(Temporary):
                ADAPTER.deliver(letter(), with_word(port, key, place))
            time.sleep(1)  # the late rename
            assert seen(place) == {}
            ADAPTER.deliver(letter(), with_word(port, key, place))
    assert seen(place) == {f"in/{ID}": WHOLE}


# What is no SSH -----------------------------------------------------------------------------------


@contextmanager
def answering(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    behave(connection)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def hang(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def drip(connection: socket.socket) -> None:
    for sign in b"SSH-2.0-" + b"x" * 200:
        connection.sendall(bytes([sign]))
        time.sleep(0.05)


def flood(connection: socket.socket) -> None:
    for _ in range(200):
        connection.sendall(b"x" * 65_536)


def web(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    hang(connection)


def garble(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-x\r\n" + os.urandom(4096))
    hang(connection)


def close(connection: socket.socket) -> None:
    pass


@pytest.mark.parametrize(
    "behave", [hang, drip, flood, web, garble, close], ids=lambda behave: behave.__name__
)
def test_what_speaks_no_ssh_is_temporary_and_soon_given_up(
    place: Path, behave: Callable[[socket.socket], None]
) -> None:
    with answering(behave) as port:
        start = time.monotonic()
        with pytest.raises(Temporary, match="WASL-DLV-001"):
            ADAPTER.deliver(letter(), with_word(port, other_key(), place))
        assert time.monotonic() - start < 4


def test_address_that_the_hub_may_not_call_is_refused(place: Path) -> None:
    closed = GuardedHttp(HttpSettings())
    for host in ("127.0.0.1", "169.254.169.254", "[::1]", "2130706433"):
        options = {**with_word(22, other_key(), place).options, "place": f"sftp://{host}/x"}
        with pytest.raises(Permanent, match="WASL-DLV-006"):
            ADAPTER.deliver(letter(), context(options, dial=closed.dial))


def test_nothing_of_whoever_runs_the_hub_is_used(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a configuration that sends elsewhere nor a list of known servers nor keys."""
    home = place.parent / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text("Host *\n  Port 1\n  User somebody\n  ProxyCommand false\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "nowhere"))
    with listening(asyncssh.SFTPServer, place) as (port, key):
        (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}\n")
        with pytest.raises(Temporary, match="WASL-DLV-080"):
            ADAPTER.deliver(letter(), with_word(port, other_key(), place))
        ADAPTER.deliver(letter(), with_word(port, key, place))
    assert seen(place) == {f"in/{ID}": WHOLE}
