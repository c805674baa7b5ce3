"""What the demonstration's page may ask for, told apart from what it may not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.demo import judges, letters
from gateway.cli.demo import story as telling
from gateway.cli.demo.account import write_account
from gateway.cli.demo.control import Control
from gateway.cli.demo.judges import judge
from gateway.cli.demo.story import Story, Told
from gateway.cli.demo.world import Program
from gateway.domain.errors import Temporary
from tests.support.evidence import settled
from tests.support.hub import JWS, XML, HubUnderTest
from tests.support.systems import Simulator, fresh_hub

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SUFFIX = {XML: ".xml", JWS: ".jws"}


@dataclass
class Commune(Program):
    """A program that only pretends."""

    on: bool = True

    @property
    def running(self) -> bool:
        return self.on

    def start(self) -> None:
        self.on = True

    def stop(self) -> None:
        self.on = False


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path / "home", Simulator())


@pytest.fixture
def story(tmp_path: Path, hub: HubUnderTest) -> Story:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "trust").symlink_to(hub.home / "trust")
    return Story("http://127.0.0.1:9", folder, hub.home, lambda _: None)


@pytest.fixture
def control(story: Story, tmp_path: Path) -> Control:
    return Control(tmp_path, Commune("commune", [], None, tmp_path / "log"), story)


def accepted(hub: HubUnderTest, story: Story, number: int, media_type: str) -> Told:
    """A letter of the story that the hub accepted, with its receipt in the folder."""
    draft = letters.lost_letter(number, NOW)
    answer = hub.post(hub.signed(media_type=media_type))
    name = f"{number:02d}-letter-receipt-acceptance{SUFFIX[media_type]}"
    settled(hub, story.folder / name, answer.data)
    told = Told(draft, 201, answer.headers["Location"].rpartition("/")[2], files=[name])
    story.told.append(told)
    return told


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_one_changed_byte_is_found_out_in_every_form(
    hub: HubUnderTest, story: Story, control: Control, media_type: str
) -> None:
    told = accepted(hub, story, 1, media_type)
    answer = control.answer("tamper")
    assert answer is not None
    assert answer["done"], answer
    assert "changed after signing" in answer["altered"]["en"]
    [name] = told.files
    good, altered = (story.folder / one for one in (name, f"altered-{name}"))
    differing = [
        at
        for at, pair in enumerate(zip(good.read_bytes(), altered.read_bytes(), strict=True))
        if len(set(pair)) > 1
    ]
    assert differing[0] == answer["byte"]
    assert differing[-1] - differing[0] <= 1
    [(tool, agrees)] = judge(altered, story.folder / "trust")
    assert agrees in (False, None), tool


def test_a_receipt_of_a_chain_that_leads_elsewhere_is_not_agreed_to(
    hub: HubUnderTest, story: Story, tmp_path: Path
) -> None:
    told = accepted(hub, story, 1, JWS)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "seal").mkdir(parents=True)
    (elsewhere / "seal" / "ca.pem").write_bytes((hub.home / "trust/parties/parties-ca.pem").read_bytes())
    assert judge(story.folder / told.files[0], story.folder / "trust")[0] == ("jwcrypto", True)
    assert judge(story.folder / told.files[0], elsewhere)[0] == ("jwcrypto", False)


@pytest.mark.parametrize("name", ["receipt.xml", "receipt.jws", "receipt.pdf"])
def test_a_judge_that_is_not_installed_does_not_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(judges.shutil, "which", lambda _: None)
    monkeypatch.setattr(judges.importlib.util, "find_spec", lambda _: None)
    assert judge(tmp_path / name, tmp_path)[0][1] is None


@pytest.mark.parametrize("action", ["repeat", "tamper"])
def test_before_the_first_accepted_letter_there_is_nothing_to_repeat_or_change(
    story: Story, control: Control, action: str
) -> None:
    story.told.append(Told(letters.lost_letter(4, NOW), 422, files=["04-letter-envelope.xml"]))
    answer = control.answer(action)
    assert answer is not None
    assert (answer["done"], bool(answer["error"])) == (False, True)


@pytest.mark.parametrize("trouble", [Temporary("WASL-DLV-001", "no connection"), PermissionError("no token")])
def test_a_hub_that_does_not_answer_is_told_to_the_page(
    control: Control, story: Story, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def away(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(story, "tell", away)
    answer = control.answer("send")
    assert answer is not None
    assert answer == {"done": False, "error": str(trouble)}


def test_the_commune_is_stopped_and_started(control: Control) -> None:
    assert control.answer("stop") == {"done": True}
    assert (control.answer("state") or {})["commune_running"] is False
    assert control.answer("start") == {"done": True}
    assert (control.answer("state") or {})["commune_running"] is True
    assert control.answer("explode") is None


def test_numbers_of_letters_never_come_twice(
    control: Control, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers: list[int] = []

    def tell(draft: letters.Draft, *_: float) -> Told:
        numbers.append(draft.number)
        told = Told(draft, 201, files=[f"{draft.number:02d}-works-notice-envelope.xml"])
        story.told.append(told)
        return told

    monkeypatch.setattr(story, "tell", tell)
    story.told.append(Told(letters.lost_letter(4, NOW), 422, files=["04-letter-envelope.xml"]))
    control.answer("send")
    story.told.append(Told(letters.lost_letter(99, NOW), 422, files=["99-letter-envelope.xml"]))
    for _ in range(2):
        control.answer("send")
    assert numbers == [6, 100, 101]


def test_the_account_quotes_folders_for_the_shell(tmp_path: Path) -> None:
    folder = tmp_path / "it's a folder"
    (folder / "trust" / "seal").mkdir(parents=True)
    told = Told(
        letters.works_notice(1, NOW, tmp_path), 201, "ABCD-EFGH-JK0", files=["01-x-receipt-acceptance.xml"]
    )
    account = write_account(folder, [told]).read_text("utf-8")
    assert "wasl verify '" in account
    assert f"verify {folder}" not in account


def test_an_account_of_nothing_is_written(tmp_path: Path) -> None:
    account = write_account(tmp_path, []).read_text("utf-8")
    assert "```sh" not in account


class _Answer:
    """A hub that gives one answer to everything."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body, self.headers = status, body, {"content-type": "application/xml"}


def test_a_repeat_that_brings_another_receipt_is_a_fault_of_the_show(
    hub: HubUnderTest, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = accepted(hub, story, 4, XML)
    other = hub.post(hub.signed()).data
    story.sent[4] = hub.signed()
    monkeypatch.setattr(telling, "hub_client", lambda *_: None)
    monkeypatch.setattr(telling, "post", lambda *_, **__: _Answer(200, other))
    monkeypatch.setattr(story, "_sealer", lambda _: hub.sealer("commune"))
    assert story.repeat(told, 3) is False
    assert "a repeat brought another receipt" in story.faults


def test_a_letter_that_is_neither_accepted_nor_refused_is_a_fault_of_the_show(
    hub: HubUnderTest, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "post", lambda *_, **__: _Answer(500, b"out of order"))
    monkeypatch.setattr(story, "_sealer", lambda _: hub.sealer("commune"))
    told = story.tell(letters.lost_letter(4, NOW))
    assert (told.status, told.reference) == (500, None)
    assert any("neither accepted nor refused" in fault for fault in story.faults)
