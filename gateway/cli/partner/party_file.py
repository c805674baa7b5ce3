"""The small file that says who a party is, at which hub, and where its keys lie, read for every command."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

_OPTIONS: Mapping[str, tuple[str, type]] = {
    "hub": ("url", str),
    "hub_code": ("hub_code", str),
    "party": ("party", str),
    "office": ("office", str),
    "key": ("key", Path),
    "certificate": ("cert", Path),
    "decryption_key": ("decrypt_with", Path),
    "decryption_certificate": ("decrypt_cert", Path),
    "trust": ("trust", Path),
    "language": ("language", str),
    "test": ("test", bool),
}
"""Each key of the file, the option that it stands for, and what it is; paths start at the file."""


def read_party_file(file: Path, needed: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The values of options that a party's file gives.

    Args:
        needed: keys that it must have.

    Raises:
        click.BadParameter: it is no TOML, has a key that nobody knows, lacks one, or has a value of
            another kind.
    """
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file}: {error}") from error
    wrong = [name for name, value in table.items() if not _fits(name, value)]
    if wrong:
        raise click.BadParameter(f"{file}: {', '.join(sorted(wrong))}: no such key, or another kind of value")
    if needed - table.keys():
        raise click.BadParameter(f"{file}: lacks {', '.join(sorted(needed - table.keys()))}")
    return {_OPTIONS[name][0]: _value(file.parent, name, value) for name, value in table.items()}


def _fits(name: str, value: Any) -> bool:
    kind = _OPTIONS[name][1] if name in _OPTIONS else None
    return kind is not None and isinstance(value, bool if kind is bool else str)


def _value(folder: Path, name: str, value: Any) -> Any:
    return str(folder / value) if _OPTIONS[name][1] is Path else value


def _taken(context: click.Context, _: click.Parameter, file: Path | None) -> None:
    if file is not None:
        context.default_map = {**(context.default_map or {}), **read_party_file(file)}


FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)

_ABOUT_PARTY = (
    click.option(
        "--settings",
        type=FILE,
        is_eager=True,
        expose_value=False,
        callback=_taken,
        help="A party's file (party.toml), which gives the options below and others.",
    ),
    click.option("--hub", "url", default="http://127.0.0.1:8080", help="Address of the hub."),
    click.option("--party", required=True, help="Your party's identifier, such as A0001234-F."),
    click.option("--key", type=FILE, required=True, help="Private key (PEM)."),
    click.option("--cert", type=FILE, required=True, help="Its certificate, then its chain (PEM)."),
)

trust_option = click.option(
    "--trust", type=FOLDER, default=None, help="Trust folder under which seals and signatures are judged."
)


def party_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options by which a party says who it is."""
    for option in reversed(_ABOUT_PARTY):
        command = option(command)
    return command
