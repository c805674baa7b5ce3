"""Answers that an old system leaves in a folder, good ones and hostile ones."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date as Day
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import folder_poll
from adapters.contract import Context, Handed, News
from adapters.folder import FolderAdapter
from gateway.domain.errors import Permanent, Temporary
from tests.unit.adapters.doubles import NOW, ScriptedHttp

LETTERS = tuple(
    Handed(f"018f0000-0000-7000-8000-{number:012d}", f"7K2M-9QXT-{number:03d}", NOW, f"dossier-{number}")
    for number in range(1, 4)
)
FIRST, SECOND, THIRD = LETTERS
READS = {
    "delivery_id": "answer.id",
    "register_number": "answer.numero",
    "register_date": "answer.date",
    "register_date_format": "%d/%m/%Y",
}
OLD = NOW - timedelta(hours=1)


class Post:
    """A system's folders and the adapter that reads them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = NOW
        for name in ("rep", "lu"):
            (root / name).mkdir()
        self.adapter = FolderAdapter()
        self.answers: dict[str, Any] = {"folder": "rep", "form": "json", "reads": READS}

    def put(self, name: str, content: Any, modified: datetime = OLD) -> Path:
        path = self.root / "rep" / name
        octets = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
        path.write_bytes(octets)
        os.utime(path, (modified.timestamp(), modified.timestamp()))
        return path

    def poll(self, letters: Sequence[Handed] = LETTERS, **changes: Any) -> list[News]:
        options = {
            "place": str(self.root),
            "inbox": "rep",
            "manifest": {"mapping": {"x": "deliveryId"}},
            "tables": {
                "etat": {"EC": "IN_PROGRESS", "REJ": "DECLINED"},
                "motif": {"REJ": "WASL-DLV-031", "*": ""},
            },
            "answers": {**self.answers, **changes},
        }
        assert self.adapter.check_options(options) == []
        assert self.adapter.can_poll(options)
        context = Context(ScriptedHttp([]), options, {}.__getitem__, lambda: self.now, folders=(self.root,))
        return list(self.adapter.poll(letters, context))

    def left(self, folder: str = "rep") -> list[str]:
        return sorted(one.name for one in (self.root / folder).iterdir())


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


def said(one: Handed, number: str = "12/2026", **more: Any) -> dict[str, Any]:
    return {"id": one.delivery_id, "numero": number, **more}


def numbers(news: Sequence[News]) -> dict[str | None, str | None]:
    return {one.delivery_id: one.register_number for one in news}


# Forms --------------------------------------------------------------------------------------------


def test_answer_brings_number_and_date(post: Post) -> None:
    post.put("a.json", said(FIRST, "ش-12/2026", date="03/08/2026"))
    [news] = post.poll()
    assert news == News(
        delivery_id=FIRST.delivery_id, register_number="ش-12/2026", register_date=Day(2026, 8, 3)
    )


XML = f"""<?xml version="1.0" encoding="windows-1256"?>
<accuse xmlns="urn:fictif" id="{FIRST.delivery_id}"><!-- -->
  <registre><numero>ش-12<!-- x -->/2026</numero></registre></accuse>"""
CSV = f'\ufeffid;numero;etat\r\n{FIRST.delivery_id};"ش-12/2026";EC\r\n{SECOND.delivery_id};13;\r\n'


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        (
            XML.encode("windows-1256"),
            {
                "form": "xml",
                "reads": {"delivery_id": 'answer."@id"', "register_number": "answer.registre.numero"},
            },
        ),
        (CSV.encode("utf-8"), {"form": "csv"}),
        (CSV[1:].encode("windows-1256"), {"form": "csv", "charset": "windows-1256"}),
        (
            f"# accusé\nid = {FIRST.delivery_id}\nnumero = ش-12/2026\nnumero = 99\n".encode(),
            {"form": "text"},
        ),
        (
            json.dumps({"lot": [said(FIRST, "ش-12/2026"), said(SECOND, "13")]}).encode(),
            {"each": "lot"},
        ),
    ],
    ids=["xml", "csv", "csv in windows-1256", "text", "several in json"],
)
def test_every_form_says_the_same(post: Post, content: bytes, changes: dict[str, Any]) -> None:
    post.put("a.txt", content)
    found = numbers(post.poll(**changes))
    assert found[FIRST.delivery_id] == "ش-12/2026"
    assert found.get(SECOND.delivery_id, "13") == "13"


def test_name_of_the_file_may_say_which_letter(post: Post) -> None:
    post.put(f"{FIRST.delivery_id}.json", {"numero": 12})
    post.put("dossier-2.reponse.json", {"numero": 13})
    reads = {"delivery_id": "file.stem", "register_number": "answer.numero"}
    assert numbers(post.poll(reads=reads)) == {FIRST.delivery_id: "12"}
    post.adapter = FolderAdapter()
    reads = {"target_reference": "file.stem", "register_number": "answer.numero"}
    assert [(one.target_reference, one.register_number) for one in post.poll(reads=reads)] == [
        ("dossier-2", "13")
    ]


def test_progress_and_refusal_are_read_by_a_code_table(post: Post) -> None:
    post.put("a.json", {"ref": FIRST.reference, "etat": "EC", "le": "2026-07-27T10:00:00+01:00"})
    post.put("b.json", {"ref": SECOND.reference, "etat": "REJ"})
    post.put("c.json", {"ref": THIRD.reference, "etat": "???"})
    reads = {
        "reference": "answer.ref",
        "progress": "code(answer.etat, 'etat')",
        "ground": "code(answer.etat, 'motif')",
        "at": "answer.le",
    }
    told = {one.reference: one for one in post.poll(reads=reads)}
    first, second = told[FIRST.reference], told[SECOND.reference]
    assert (first.progress, first.ground) == ("IN_PROGRESS", None)
    assert first.at == datetime.fromisoformat("2026-07-27T10:00:00+01:00")
    assert (second.progress, second.ground) == ("DECLINED", "WASL-DLV-031")
    # what no table knows is told as it is: the hub does not believe it, and an operator sees it
    assert told[THIRD.reference].progress == "code table 'etat' has no entry '???'"


def test_marks_of_direction_are_no_part_of_a_number(post: Post) -> None:
    post.put("a.json", said(FIRST, "\u200f12/2026\u200e\n"))
    assert numbers(post.poll()) == {FIRST.delivery_id: "12/2026"}


# Which letters ------------------------------------------------------------------------------------


def test_only_news_of_the_letters_asked_for_are_told(post: Post) -> None:
    post.put("a.json", said(FIRST))
    post.put("b.json", said(SECOND))
    post.put("c.json", {"id": "018f0000-0000-7000-8000-00000000ffff", "numero": "1"})
    assert numbers(post.poll([SECOND])) == {SECOND.delivery_id: "12/2026"}
    assert numbers(post.poll([FIRST])) == {FIRST.delivery_id: "12/2026"}


def test_answer_whose_names_mean_two_letters_means_none(post: Post) -> None:
    post.put("a.json", {"id": FIRST.delivery_id, "ref": SECOND.reference, "numero": "1"})
    post.put("b.json", {"id": FIRST.delivery_id, "ref": "7K2M-9QXT-999", "numero": "2"})
    post.put("c.json", {"id": SECOND.delivery_id, "ref": SECOND.reference, "numero": "3"})
    reads = {"delivery_id": "answer.id", "reference": "answer.ref", "register_number": "answer.numero"}
    assert numbers(post.poll(reads=reads)) == {SECOND.delivery_id: "3"}


# Told until heard ---------------------------------------------------------------------------------

MOVING = {"after": "move", "moved_to": "lu"}


def test_answer_is_told_again_until_the_hub_shows_that_it_heard(post: Post) -> None:
    """The one who asked may have died before it wrote down what it heard."""
    post.put("a.json", said(FIRST))
    for _ in range(3):
        assert numbers(post.poll(**MOVING)) == {FIRST.delivery_id: "12/2026"}
        assert post.left() == ["a.json"]
    post.poll([replace(FIRST, register_number="12/2026")], **MOVING)
    assert (post.left(), post.left("lu")) == ([], ["a.json"])
    assert post.poll(**MOVING) == []


def test_answer_that_was_told_long_ago_is_moved_though_nobody_asks(post: Post) -> None:
    post.put("a.json", said(FIRST))
    post.put("b.json", said(SECOND))
    post.poll([FIRST], **MOVING)
    post.now = NOW + timedelta(days=2)
    assert post.poll([], **MOVING) == []
    assert (post.left(), post.left("lu")) == (["b.json"], ["a.json"])  # b was never told


def test_answer_with_progress_is_not_heard_by_its_number_alone(post: Post) -> None:
    post.put("a.json", {**said(FIRST), "etat": "EC"})
    reads = {**READS, "progress": "code(answer.etat, 'etat')"}
    known = [replace(FIRST, register_number="12/2026")]
    assert len(post.poll(known, reads=reads, **MOVING)) == 1
    assert post.left() == ["a.json"]


def test_moved_answer_replaces_no_other(post: Post) -> None:
    (post.root / "lu" / "a.json").write_text("an older one")
    post.put("a.json", said(FIRST))
    post.poll([replace(FIRST, register_number="12/2026")], **MOVING)
    assert post.left() == []
    assert (post.root / "lu" / "a.json").read_text() == "an older one"
    assert len(post.left("lu")) == 2


def test_answer_that_is_left_is_told_whenever_its_letter_is_asked_for(post: Post) -> None:
    post.put("a.json", said(FIRST))
    for days in range(4):
        post.now = NOW + timedelta(days=days)
        assert len(post.poll()) == 1
    assert post.left() == ["a.json"]


def test_answer_that_was_written_anew_is_read_anew(post: Post) -> None:
    post.put("a.json", said(FIRST, "1"))
    assert numbers(post.poll()) == {FIRST.delivery_id: "1"}
    post.put("a.json", said(FIRST, "2"), OLD + timedelta(seconds=1))
    assert numbers(post.poll()) == {FIRST.delivery_id: "2"}


# Half, hostile, many ------------------------------------------------------------------------------

BAD = {
    "empty": b"",
    "half": b'{"id": "018f',
    "binary": bytes(range(256)) * 40,
    "charset": b'{"id": "\xe9"}',
    "zeros": bytes(5000),
    "deep": b"[" * 100_000,
    "list": b"[1, 2]",
    "null": b"null",
    "number": b"9" * 5000,
    "nameless": b'{"numero": "1"}',
    "silent": json.dumps({"id": FIRST.delivery_id}).encode(),
    "other types": json.dumps({"id": [1], "numero": {"a": 1}}).encode(),
    "surrogate": b'{"id": "\\ud800", "numero": "1"}',
}


@pytest.mark.parametrize("content", list(BAD.values()), ids=list(BAD))
def test_file_that_is_no_answer_stops_no_other_and_stays(post: Post, content: bytes) -> None:
    post.put("bad.json", content)
    post.put("good.json", said(SECOND), OLD - timedelta(minutes=1))
    for _ in range(2):
        assert numbers(post.poll(**MOVING)) == {SECOND.delivery_id: "12/2026"}
    assert post.left() == ["bad.json", "good.json"]


ENTITY = f"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><id>{FIRST.delivery_id}</id>
<numero>&x;</numero></a>"""
BOMB = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">' + "".join(
    f'<!ENTITY x{n} "{f"&x{n - 1 if n else str()};" * 10}">' for n in range(9)
) + "]><a>&x8;</a>"  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        ENTITY,
        BOMB,
        "<a>" * 5000,
        "<a>" * 200 + "</a>" * 200,
        "<!DOCTYPE a><a><id>1</id></a>",
        "<?xml version='1.0' encoding='no-such'?><a/>",
        "text",
    ],
    ids=["entity", "bomb", "half and deep", "deep", "document type", "charset", "text"],
)
def test_hostile_xml_is_no_answer(post: Post, content: str) -> None:
    post.put("bad.xml", content.encode())
    post.put("good.xml", f"<a><id>{SECOND.delivery_id}</id><numero>2</numero></a>".encode())
    assert numbers(post.poll(form="xml")) == {SECOND.delivery_id: "2"}


@pytest.mark.parametrize(
    "content",
    ['id;numero\n"open;1\n', "id;numero\n" + "x" * 200_000 + ";1\n", "id\n", "\x00;\n", ";;;\n;;;\n"],
    ids=["open quote", "long field", "no rows", "nul", "nameless"],
)
def test_hostile_csv_is_no_answer(post: Post, content: str) -> None:
    post.put("bad.csv", content.encode())
    post.put("good.csv", f"id;numero\n{SECOND.delivery_id};2\n".encode())
    assert numbers(post.poll(form="csv")) == {SECOND.delivery_id: "2"}


def test_file_larger_than_the_route_takes_is_not_read(post: Post) -> None:
    post.put("large.json", said(FIRST, pad="x" * 5000))
    post.put("good.json", said(SECOND))
    assert numbers(post.poll(max_bytes=4000)) == {SECOND.delivery_id: "12/2026"}


def test_what_is_no_file_is_left_alone(post: Post, tmp_path: Path) -> None:
    """Nothing waits for a pipe, and no link leads out."""
    secret = tmp_path.parent / f"{tmp_path.name}-secret.json"
    secret.write_text(json.dumps(said(FIRST, "stolen")))
    rep = post.root / "rep"
    (rep / "link.json").symlink_to(secret)
    (rep / "dangling.json").symlink_to("nowhere")
    (rep / "folder.json").mkdir()
    os.mkfifo(rep / "pipe.json")
    (rep / "device.json").symlink_to("/dev/zero")
    post.put("good.json", said(SECOND))
    assert numbers(post.poll()) == {SECOND.delivery_id: "12/2026"}


def test_file_that_becomes_a_link_meanwhile_is_not_followed(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret.json"
    secret.write_text(json.dumps(said(FIRST, "stolen")))
    path = post.put("a.json", said(FIRST))
    post.put("good.json", said(SECOND))
    plain = folder_poll.read_whole

    def swapping(place: Any, wanted: tuple[str, ...], most: int) -> bytes | None:
        if wanted[-1] == "a.json":
            path.unlink()
            path.symlink_to(secret)
        return plain(place, wanted, most)

    monkeypatch.setattr(folder_poll, "read_whole", swapping)
    assert numbers(post.poll()) == {SECOND.delivery_id: "12/2026"}


def test_names_that_are_no_text_are_read_all_the_same(post: Post) -> None:
    name = os.fsdecode(b"r\xe9ponse.json")
    post.put(name, said(FIRST))
    assert numbers(post.poll([replace(FIRST, register_number="12/2026")], **MOVING))
    assert post.left("lu") == [name]


def test_hidden_files_and_other_patterns_are_not_read(post: Post) -> None:
    post.put(".a.json", said(FIRST))
    post.put("a.json.tmp", said(FIRST))
    post.put("B.json", said(SECOND))
    assert numbers(post.poll(pattern="*.json")) == {SECOND.delivery_id: "12/2026"}


def test_file_whose_end_nobody_can_tell_is_read_once_it_rests(post: Post) -> None:
    content = f"id={FIRST.delivery_id}\nnumero=12".encode()
    post.put("a.txt", content, NOW)
    assert post.poll(form="text") == []
    post.now = NOW + timedelta(seconds=5)
    assert numbers(post.poll(form="text")) == {FIRST.delivery_id: "12"}


def test_clock_of_the_system_may_be_far_ahead(post: Post) -> None:
    post.put("a.txt", f"id={FIRST.delivery_id}\nnumero=12".encode(), NOW + timedelta(days=900))
    assert numbers(post.poll(form="text")) == {FIRST.delivery_id: "12"}


def test_flood_of_files_delays_no_new_answer_and_is_read_bit_by_bit(post: Post) -> None:
    for number in range(60):
        post.put(f"junk-{number}.json", b"junk", OLD - timedelta(minutes=number))
    post.put("old.json", said(FIRST), OLD - timedelta(days=1))
    post.put("new.json", said(SECOND), NOW)
    assert numbers(post.poll(most=20)) == {SECOND.delivery_id: "12/2026"}
    for _ in range(3):
        found = numbers(post.poll(most=20))
    assert set(found) == {FIRST.delivery_id, SECOND.delivery_id}


def test_more_names_than_a_folder_may_have_are_not_all_looked_at(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_poll, "MOST_NAMES", 10)
    for number in range(50):
        post.put(f"{number}.json", said(FIRST))
    assert 0 < len(post.poll()) <= 10


def test_slow_reading_ends_and_goes_on_at_the_next_look(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(0, 10_000, 30))
    monkeypatch.setattr(folder_poll.time, "monotonic", lambda: next(moments))
    for number, one in enumerate(LETTERS):
        post.put(f"{number}.json", said(one))
    assert len(post.poll()) == 2
    monkeypatch.undo()
    assert len(post.poll()) == 3


def test_what_a_process_knows_is_bounded(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_poll, "_MOST_KNOWN", 5)
    for number in range(20):
        post.put(f"{number}.json", said(FIRST))
    assert len(post.poll()) == 20
    assert len(post.adapter._memory._known) == 5


def test_answer_that_cannot_be_moved_stops_no_other(post: Post) -> None:
    (post.root / "lu").rmdir()
    for one in (FIRST, SECOND):
        post.put(f"{one.target_reference}.json", said(one))
    known = [replace(one, register_number="12/2026") for one in (FIRST, SECOND)]
    assert len(post.poll(known, **MOVING)) == 2


def test_folder_of_answers_that_is_missing_is_said(post: Post) -> None:
    with pytest.raises(Temporary, match="WASL-DLV-078"):
        post.poll(folder="nowhere")
    (post.root / "link").symlink_to("/etc")
    with pytest.raises(Temporary, match="WASL-DLV-078"):
        post.poll(folder="link")


def test_answers_outside_the_folders_that_the_hub_allows_are_not_read(post: Post) -> None:
    options = {"place": "/etc", "manifest": {"mapping": {}}, "answers": post.answers}
    context = Context(ScriptedHttp([]), options, {}.__getitem__, lambda: NOW, folders=(post.root,))
    with pytest.raises(Permanent, match="WASL-DLV-006"):
        post.adapter.poll(LETTERS, context)


def test_thousand_answers_cost_little(post: Post) -> None:
    for number in range(1000):
        post.put(f"{number}.json", said(FIRST))
    start = time.process_time()
    assert len(post.poll()) == 1000
    assert time.process_time() - start < 2


def test_route_without_answers_cannot_be_asked() -> None:
    assert not FolderAdapter().can_poll({"place": "/srv"})
