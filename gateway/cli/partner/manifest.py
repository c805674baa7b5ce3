"""A small file beside documents says what letter they are: the manifest, read into an envelope."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from gateway.domain.errors import Fault, Refused
from gateway.domain.identifiers import directory_id
from gateway.domain.transit.envelope import (
    Envelope,
    Priority,
    Purpose,
    Recipient,
    RecipientRole,
    Registration,
)
from gateway.domain.transit.persons import Sender
from gateway.strictjson import NotStrict, read_strict

UNREADABLE = "WASL-REQ-010"
NAMES = ("letter.toml", "letter.json")
_PARTY = directory_id("A", 0)[0]
_LARGEST = 1024 * 1024


@dataclass(frozen=True)
class Writer:
    """Who writes: what a manifest need not say, because it is the same in every letter."""

    party: str
    hub_code: str
    language: str = "fr"
    test: bool = False


@dataclass(frozen=True)
class Draft:
    """What a manifest says: the envelope, and the documents that go with it, the main one first."""

    envelope: Envelope
    files: tuple[Path, ...]


def read_manifest(folder: Path, writer: Writer, message_id: str, now: datetime) -> Draft:
    """The letter that the manifest in ``folder`` describes.

    Raises:
        Refused: there is not one manifest, it cannot be read, or it names what is not there.
    """
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if len(found) != 1:
        raise Refused.because(UNREADABLE, " | ".join(NAMES))
    said = read_table(found[0], _READERS)
    files = _files(folder, said.pop("attach", None))
    number, entered = said.pop("register_number", None), said.pop("register_date", None)
    book = said.pop("register_book", None)
    if number is None and (entered is not None or book is not None):
        raise Refused.because(UNREADABLE, f"{found[0].name}: register_number")
    envelope = Envelope(
        version="1.0",
        hub=writer.hub_code,
        message_id=message_id,
        purpose=said.pop("purpose", Purpose.LETTER),
        created_at=now,
        sender=Sender(writer.party),
        recipients=_recipients(said),
        subject=said.pop("subject", ""),
        language=said.pop("language", writer.language),
        test=writer.test,
        sender_registration=None if number is None else Registration(number, entered or now.date(), book),
        **said,
    )
    return Draft(envelope, files)


def read_table(file: Path, readers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The members of a small TOML or JSON file, each read by its reader.

    Raises:
        Refused: it cannot be read; each member that nobody knows, or that is not what it has to be.
    """
    try:
        octets = file.read_bytes()
        if len(octets) > _LARGEST:
            raise ValueError("too large")
        table = read_strict(octets) if file.suffix == ".json" else tomllib.loads(octets.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Refused.because(UNREADABLE, file.name, found="no UTF-8") from error
    except (NotStrict, ValueError, RecursionError) as error:
        raise Refused.because(UNREADABLE, file.name, found=str(error)) from error
    if not isinstance(table, dict):
        raise Refused.because(UNREADABLE, file.name)
    read, wrong = {}, []
    for name, value in table.items():
        try:
            read[name] = readers[name](value)
        except (KeyError, ValueError, TypeError):
            wrong.append(Fault(UNREADABLE, f"{file.name}: {name}"[:200]))
    if wrong:
        raise Refused(wrong)
    return read


def text(value: Any) -> str:
    """A text that is not empty.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str) or not value.strip():
        raise TypeError("no text")
    return value


def day(value: Any) -> date:
    """A day, as TOML has it or as ``YYYY-MM-DD``.

    Raises:
        TypeError, ValueError: it is none.
    """
    if type(value) is date:  # a moment is a date too, in Python
        return value
    return date.fromisoformat(text(value))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(text, [value] if isinstance(value, str) else _list(value)))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "to": _texts,
    "cc": _texts,
    "reply_to": text,
    "subject": text,
    "body": text,
    "summary": text,
    "language": text,
    "purpose": Purpose,
    "priority": Priority,
    "document_type": text,
    "document_date": day,
    "procedure": text,
    "case_number": text,
    "in_reply_to": text,
    "reply_by": day,
    "register_number": text,
    "register_date": day,
    "register_book": text,
    "attach": _texts,
}
"""Each member of a manifest, named as the envelope's field where it is one."""


def _recipients(said: dict[str, Any]) -> tuple[Recipient, ...]:
    """Everybody addressed; whatever is not well formed is the schema's to tell."""
    found = [_recipient(one, RecipientRole.TO) for one in said.pop("to", ())]
    found += [_recipient(one, RecipientRole.CC) for one in said.pop("cc", ())]
    if "reply_to" in said:
        found.append(Recipient(reply_to=said.pop("reply_to")))
    return tuple(found)


def _recipient(identifier: str, role: RecipientRole) -> Recipient:
    if identifier.startswith(_PARTY):
        return Recipient(party=identifier, role=role)
    return Recipient(office=identifier, role=role)


def _files(folder: Path, named: tuple[str, ...] | None) -> tuple[Path, ...]:
    """The documents: those named, in their order, or every file that is no manifest, by name."""
    there = {
        path.name: path
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.is_symlink() and not path.name.startswith((".", "wasl-"))
    }
    documents = {name: path for name, path in there.items() if name not in (*NAMES, "ready")}
    if named is None:
        return tuple(documents.values())
    missing = [Fault(UNREADABLE, f"attach: {name}"[:200]) for name in named if name not in documents]
    if missing:
        raise Refused(missing)
    return tuple(documents[name] for name in named)
