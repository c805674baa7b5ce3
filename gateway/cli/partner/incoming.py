"""The inbox is fetched into ``in/``, and what the old system answers there is told to the hub."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.cli.partner import durable
from gateway.cli.partner.each import each
from gateway.cli.partner.laid import MANIFEST, Laying, folder_name
from gateway.cli.partner.manifest import UNREADABLE, day, read_table, text
from gateway.cli.partner.watching import Watch
from gateway.clients.hub_answers import Lying, Standing
from gateway.clients.hub_inbox import InboxClient
from gateway.clients.hub_refused import Declined
from gateway.domain.errors import Fault, Refused
from gateway.domain.evidence.reasons import explain
from gateway.domain.lines import printable
from gateway.i18n import mark

ANSWERS = ("answer.toml", "answer.json")
ANSWERED, WRONG = "wasl-answered.json", "wasl-answer-reason.txt"


def _true(value: Any) -> bool:
    if value is not True:
        raise TypeError("only true")
    return True


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "register_number": text,
    "register_date": day,
    "register_book": text,
    "taken": _true,
    "refuse": text,
    "redirect": text,
    "code": text,
    "text": text,
}
_VERBS = ("register_number", "taken", "refuse", "redirect")
_BESIDE = {
    "register_number": {"register_date", "register_book"},
    "taken": set(),
    "refuse": {"text"},
    "redirect": {"code", "text"},
}
"""What an answer does, and which members may stand beside that one."""


@dataclass(frozen=True)
class Incoming:
    """The way in for one office.

    A letter lies in ``in/`` until it is answered; the folder appears whole. An answer is told to the hub,
    its outcome written down, and the folder moved to ``done/``; to tell the same again changes nothing.

    Attributes:
        language: of the reasons that are written for people.
        watch: whoever watches is told what is done.
    """

    folder: Path
    office: str
    inbox: InboxClient
    laying: Laying
    language: str
    watch: Watch

    def run(self) -> None:
        """Tell what was answered, then fetch what is new.

        Raises:
            DeliveryError: the hub does not answer, or is in trouble.
        """
        each(self._letters(), self._answer)
        here = {_delivery(letter) for letter in self._letters()}
        each((one for one in self.inbox.letters(self.office) if one.delivery not in here), self._fetch)

    def _letters(self) -> list[Path]:
        return sorted(path.parent for path in (self.folder / "in").glob(f"[!.]*/{MANIFEST}"))

    def _fetch(self, entry: Lying) -> None:
        target = self.folder / "in" / folder_name(entry)
        if target.exists():  # sent a second time, to this office too
            target = target.with_name(f"{entry.reference}.{entry.delivery}")
        try:
            self.laying.lay(entry.delivery, target, entry)
        except Refused as refusal:  # this one only: locked by a reader, or not what was signed
            self.watch.say(mark("{name}: not fetched: {why}"), name=entry.reference, why=refusal)
        else:
            self.watch.say(mark("{name}: fetched: {subject}"), name=entry.reference, subject=entry.subject)

    def _answer(self, letter: Path) -> None:
        durable.sweep(letter)
        if (letter / ANSWERED).exists():
            self._done(letter)
            return
        file = next((letter / name for name in ANSWERS if (letter / name).is_file()), None)
        if file is None:
            return
        try:
            standing = self._tell(_delivery(letter), read_answer(file))
        except Declined as declined:
            self._wrong(letter, file, [str(declined)])
        except Refused as refusal:
            lines = [" ".join((fault.code, *explain(fault, self.language))) for fault in refusal.faults]
            self._wrong(letter, file, lines)
        else:
            told = json.dumps(dataclasses.asdict(standing), ensure_ascii=False, indent=1)
            durable.write(letter / ANSWERED, told.encode())
            self._done(letter)

    def _tell(self, delivery: str, said: dict[str, Any]) -> Standing:
        if "refuse" in said:
            return self.inbox.refuse(delivery, said["refuse"], said.get("text"))
        if "redirect" in said:
            return self.inbox.redirect(delivery, said["redirect"], said.get("code"), said.get("text"))
        entry = (said.get("register_number"), said.get("register_date"), said.get("register_book"))
        return self.inbox.acknowledge(delivery, *entry)

    def _wrong(self, letter: Path, file: Path, lines: list[str]) -> None:
        """Say why an answer was not taken, and make place for another one."""
        durable.write(letter / WRONG, ("\n".join(map(printable, lines)) + "\n").encode())
        durable.move(file, file.with_name(f"wasl-not-taken-{file.name}"))
        self.watch.say(mark("{name}: answer not taken: {why}"), name=letter.name, why=lines[0])

    def _done(self, letter: Path) -> None:
        target = self.folder / "done" / letter.name
        if target.exists():
            target = target.with_name(f"{letter.name}.{_delivery(letter)}")
        durable.move(letter, target)
        self.watch.say(mark("{name}: answer told to the hub"), name=letter.name)


def read_answer(file: Path) -> dict[str, Any]:
    """What the old system answers: exactly one of ``register_number``, ``taken``, ``refuse``, ``redirect``.

    Raises:
        Refused: it cannot be read, or says nothing, or several things.
    """
    said = read_table(file, _READERS)
    verbs = [verb for verb in _VERBS if verb in said]
    if len(verbs) != 1:
        raise Refused.because(UNREADABLE, " | ".join(_VERBS))
    beside = sorted(said.keys() - {verbs[0]} - _BESIDE[verbs[0]])
    if beside:
        raise Refused(Fault(UNREADABLE, f"{file.name}: {name}") for name in beside)
    return said


def _delivery(letter: Path) -> str:
    return str(json.loads((letter / MANIFEST).read_text("utf-8"))["delivery"])
