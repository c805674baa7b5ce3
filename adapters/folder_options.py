"""A route of the kind `folder`, as its options describe it."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from adapters.folder_answers import AnswerFiles
from adapters.folder_manifest import Manifest
from adapters.folder_names import NameStyle
from adapters.folder_place import Modes, Steps
from adapters.folder_steps import is_step, read_folders, read_steps
from adapters.folder_target import SftpTarget
from adapters.options import Options
from gateway.domain.errors import Permanent

_MODES = {
    "owner": Modes(0o600, 0o700),
    "group": Modes(0o660, 0o770),
    "everybody": Modes(0o666, 0o777),
    "system": Modes(None, None),
}
_NAME = re.compile(r"(?![.-])([A-Za-z0-9._-]|\{deliveryId\}|\{reference\}){1,60}")
_ENDING = re.compile(r"\.[A-Za-z0-9_-]{1,20}")
_ID = re.compile(r"[A-Za-z0-9-]{1,80}")


@dataclass(frozen=True)
class FolderRoute:
    """Where letters go, in what form, and what the system that takes them leaves behind.

    Attributes:
        place: an absolute path of this machine, or "" where ``sftp`` says where.
        inbox, staging, taken: folders below the place: where letters appear, where they are written before,
            and where the system moves what it took.
        keeps: whatever it takes stays visible in one of those.
        marker: a file of this name is in every letter's folder, or "".
        marker_beside: a file of the folder's name with this ending is beside it, or "".
        max_bytes: of a letter's files together; 0: no limit.
    """

    place: str
    sftp: SftpTarget | None
    inbox: Steps
    staging: Steps
    taken: tuple[Steps, ...]
    keeps: bool
    name: str
    names: NameStyle
    files_folder: Steps
    marker: str
    marker_beside: str
    manifest: Manifest
    modes: Modes
    read_back: bool
    max_bytes: int
    answers: AnswerFiles | None

    @classmethod
    def read(cls, table: Table[str, Any]) -> FolderRoute:
        """The route that the options describe.

        Raises:
            Misconfigured: everything that is wrong with them.
        """
        options = Options(table)
        place = options.text("place")
        tables = options.code_tables()
        style = options.choice("names", [style.value for style in NameStyle], NameStyle.KEPT.value)
        readers = options.choice("readers", _MODES, "group")
        route = cls(
            place="" if place.startswith("sftp:") else place,
            sftp=_sftp(options, place),
            inbox=read_steps(options, "inbox"),
            staging=read_steps(options, "staging", ".wasl"),
            taken=read_folders(options, "taken"),
            keeps=options.flag("keeps"),
            name=_name(options),
            names=NameStyle(style) if style in {one.value for one in NameStyle} else NameStyle.KEPT,
            files_folder=read_steps(options, "files_folder"),
            marker=_file(options, "marker"),
            marker_beside=_ending(options),
            manifest=Manifest.read(options.section("manifest"), options, tables),
            modes=_MODES.get(readers, _MODES["group"]),
            read_back=options.flag("read_back"),
            max_bytes=options.number("max_bytes", 0),
            answers=AnswerFiles.read(options.section("answers"), tables),
        )
        route.check(options)
        return route

    def check(self, options: Options) -> None:
        """Check what concerns several keys, then raise everything found."""
        if self.staging in (self.inbox, ()) or self.staging in self.taken:
            options.fault("staging", "is a folder that the system reads")
        if self.marker and self.marker == self.manifest.name:
            options.fault("marker", "is the manifest's name")
        if len(self.files_folder) > 1:
            options.fault("files_folder", "is more than one name")
        if self.files_folder in ((self.marker,), (self.manifest.name,)):
            options.fault("files_folder", "is the name of a file beside it")
        options.end()
        options.check()

    def folder_name(self, delivery_id: str, reference: str) -> str:
        """The name of a letter's folder.

        Raises:
            Permanent: the identifiers cannot stand in a name.
        """
        if not (_ID.fullmatch(delivery_id) and _ID.fullmatch(reference)):
            raise Permanent("WASL-DLV-076", "the identifiers of this letter cannot stand in a folder's name")
        return self.name.replace("{deliveryId}", delivery_id).replace("{reference}", reference)

    @property
    def address(self) -> str:
        """The place for people, without credentials."""
        return self.place if self.sftp is None else str(self.sftp)


def _file(options: Options, key: str) -> str:
    name = options.text(key, "")
    if name and not (is_step(name) and "/" not in name):
        options.fault(key, "is no file name")
        return ""
    return name


def _ending(options: Options) -> str:
    ending = options.text("marker_beside", "")
    if ending and not _ENDING.fullmatch(ending):
        options.fault("marker_beside", "is no ending such as .ready: a dot, then A-Z a-z 0-9 _ -")
        return ""
    return ending


def _name(options: Options) -> str:
    name = options.text("name", "{deliveryId}")
    if name and not (_NAME.fullmatch(name) and "{deliveryId}" in name):
        options.fault("name", "needs {deliveryId}; beside it and {reference} it has A-Z a-z 0-9 . _ - only")
    return name


def _sftp(options: Options, place: str) -> SftpTarget | None:
    section = options.section("sftp")
    if not place.startswith("sftp:"):
        if section is not None:
            options.fault("sftp", "is for a place that begins with sftp://")
        if place and not _is_local(place):
            options.fault("place", "is neither an absolute path without . and .. nor an sftp:// address")
        return None
    try:
        parts = urlsplit(place)
        host, port, path = parts.hostname or "", parts.port or 22, unquote(parts.path)
    except ValueError:
        host, port, path = "", 22, ""
    plain = host and "@" not in parts.netloc and not parts.query and not parts.fragment
    if not plain or not path.isprintable() or ".." in path.split("/") or not path.startswith("/"):
        options.fault("place", "is no address sftp://host:port/path without user, query and ..")
    return SftpTarget.read(section, options, (host, port, path))


def _is_local(place: str) -> bool:
    names = place.split("/")
    return place.startswith("/") and place.isprintable() and not {".", ".."} & set(names)
