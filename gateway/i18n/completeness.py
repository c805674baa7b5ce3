"""Says what a catalogue lacks, has too much, or has in a broken form."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry

from gateway.i18n.extraction import Message
from gateway.i18n.placeholders import placeholders


def faults_of(catalogue: Catalog, messages: Collection[Message]) -> tuple[str, ...]:
    """One sentence for each fault; empty when the catalogue says all of ``messages`` and no more."""
    return tuple(_faults(catalogue, messages))


def _faults(catalogue: Catalog, messages: Collection[Message]) -> Iterator[str]:
    entries = {_message(entry): entry for entry in catalogue if entry.id}
    for message in sorted(set(messages) - set(entries), key=str):
        yield f"missing: {message.singular!r}"
    for message in sorted(set(entries) - set(messages), key=str):
        yield f"obsolete: {message.singular!r}"
    for entry in catalogue.obsolete.values():
        yield f"obsolete: {entry.id!r}"
    for message in sorted(set(entries) & set(messages), key=str):
        yield from _broken(message, entries[message], catalogue.num_plurals)


def _message(entry: Entry) -> Message:
    return Message(*entry.id) if isinstance(entry.id, list | tuple) else Message(str(entry.id))


def _broken(message: Message, entry: Entry, forms: int) -> Iterator[str]:
    translated = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())
    expected = 1 if message.plural is None else forms
    if entry.fuzzy:
        yield f"fuzzy: {message.singular!r}"
    if len(translated) != expected or not all(text.strip() for text in translated):
        yield f"untranslated: {message.singular!r}"
    for text in translated:
        yield from _placeholder_faults(message, text)


def _placeholder_faults(message: Message, text: str) -> Iterator[str]:
    source = placeholders(message.singular) | placeholders(message.plural or "")
    try:
        found = placeholders(text)
    except ValueError as error:
        yield f"{message.singular!r}: {error}"
        return
    # A plural form may leave its number out: "one letter" says it in words.
    optional = {"number"} if message.plural is not None else set()
    if text and (found - source or source - found - optional):
        yield f"{message.singular!r}: has the placeholders {sorted(found)} instead of {sorted(source)}"
