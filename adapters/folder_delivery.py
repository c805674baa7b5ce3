"""One letter into a directory tree: written aside, then seen whole at once, and never twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from adapters.contract import Delivered, Letter
from adapters.folder_manifest import Manifest
from adapters.folder_names import file_names
from adapters.folder_options import FolderRoute
from adapters.folder_place import Place, PlaceFault, Shape, Steps, Trouble, remove_tree, shown
from adapters.inline import placeholder
from adapters.view import Content, letter_view
from gateway.domain.errors import Ambiguous, Permanent, Temporary

UNKNOWN = "WASL-DLV-004"
NO_FOLDER = "WASL-DLV-078"
NO_ROOM = "WASL-DLV-079"
_CODES = {
    Trouble.MISSING: NO_FOLDER,
    Trouble.DENIED: NO_FOLDER,
    Trouble.FULL: NO_ROOM,
    Trouble.LOST: "WASL-DLV-001",
}
_DEAD = ".gone"


@dataclass(frozen=True)
class Sheet:
    """One file of a letter's folder."""

    path: Steps
    content: Content


@dataclass(frozen=True)
class Laid:
    """A letter as it will lie there: its files with their safe names, and the manifest."""

    sheets: tuple[Sheet, ...]
    manifest: bytes
    form: Manifest

    @classmethod
    def out(cls, letter: Letter, route: FolderRoute) -> Laid:
        """How a letter lies by a route.

        Raises:
            Permanent: it does not fit the mapping, or is larger than the route takes.
        """
        view = letter_view(letter)
        files: list[dict[str, Any]] = view["files"]
        total = sum(file["size"] for file in files)
        if route.max_bytes and total > route.max_bytes:
            raise Permanent("WASL-DLV-017", f"{total} octets of files, the route takes {route.max_bytes}")
        beside = () if route.files_folder else (route.manifest.name, route.marker)
        names = file_names([file["name"] for file in files], route.names, beside)
        sheets = []
        for file, name in zip(files, names, strict=True):
            path = (*route.files_folder, name)
            file["path"] = "/".join(path)
            file["content"] = replace(file["content"], name=file["path"])
            sheets.append(Sheet(path, file["content"]))
        return cls(tuple(sheets), route.manifest.octets(view), route.manifest)

    def shown(self, path: Steps) -> tuple[dict[str, str], str]:
        """What is told of a file in the letter's folder, and its content or what stands for it."""
        found = next((sheet.content for sheet in self.sheets if sheet.path == path), None)
        if found is not None:
            return _about(found.media_type, found.size, found.sha256), placeholder(found)
        if path != (self.form.name,):
            return {}, ""
        digest = hashlib.sha256(self.manifest).hexdigest()
        return _about(self.form.media_type, len(self.manifest), digest), self.manifest.decode()

    @property
    def size(self) -> int:
        """Octets altogether."""
        return len(self.manifest) + sum(sheet.content.size for sheet in self.sheets)


@dataclass(frozen=True)
class Drop:
    """The work on one letter's folder.

    Attributes:
        reopen: connects anew where the connection broke.
        mark: makes the name under which it is written aside one that no other attempt has.
    """

    route: FolderRoute
    name: str
    place: Place
    reopen: Callable[[], Place]
    mark: Callable[[], str] = partial(secrets.token_hex, 6)

    def deliver(self, laid: Laid) -> Delivered:
        """Take back what dead attempts left, look whether the letter is there, else lay it.

        Raises:
            Temporary: nothing is to be seen there.
            Ambiguous: the last step was sent, and nobody can look what became of it.
        """
        with _before():
            self.take_back()
            there = self.look()
            if there is not None:
                return there
            staged = self._stage(laid)
            # Writing takes its time: another worker may have been quicker meanwhile, and the system too.
            there = self.look()
            if there is not None:
                remove_tree(self.place, staged)
                return there
        return self._publish(staged)

    def find(self) -> Delivered | None:
        """The letter where an earlier attempt laid it, or None where it surely is not.

        Raises:
            Temporary: nobody can look.
        """
        with _before():
            # Whoever still works on an earlier attempt can let nothing be seen after this look.
            self.take_back()
            return self.look()

    def take_back(self) -> bool:
        """Remove what attempts wrote aside; whether one was there, which therefore was never seen.

        The name changes first: who still works on it cannot let it be seen any more.
        """
        found = False
        for name in self._aside():
            dead = name if name.endswith(_DEAD) else name + _DEAD
            path = (*self.route.staging, dead)
            with contextlib.suppress(_MissingError), _missing():
                if name != dead:
                    self.place.rename((*self.route.staging, name), path)
                    found = True
                remove_tree(self.place, path)
        return found

    def look(self) -> Delivered | None:
        """The letter where it appeared, or where the system moved it; a marker that is missing is made."""
        for folder in (self.route.inbox, *self.route.taken):
            if self.place.shape((*folder, self.name)) is not None:
                if folder == self.route.inbox:
                    self._mark()
                return self._delivered(folder)
        return None

    def _mark(self) -> None:
        """Make the marker beside a letter that appeared, unless it is there or the route wants none.

        Raises:
            PlaceFault: it could not be made, so that the system may wait for it.
        """
        if not self.route.marker_beside:
            return
        path = (*self.route.inbox, self.name + self.route.marker_beside)
        if self.place.shape(path) is None:
            try:
                self.place.write(path, [])
            except PlaceFault as fault:  # another worker may have been quicker
                if self.place.shape(path) is None:
                    raise fault from None

    def _aside(self) -> list[str]:
        try:
            entries = self.place.entries(self.route.staging)
            return [entry.name for entry in entries if entry.name.startswith(f"{self.name}~")]
        except PlaceFault as fault:
            if fault.trouble is Trouble.MISSING:
                return []
            raise

    def _stage(self, laid: Laid) -> Steps:
        """Write everything aside; what was written is removed again where that fails."""
        for folder in (self.route.inbox, ()):
            if self.place.shape(folder) is not Shape.FOLDER:
                raise PlaceFault(Trouble.MISSING, shown(folder))
        room = self.place.room()
        if room is not None and room < laid.size:
            raise PlaceFault(Trouble.FULL, f"{laid.size} octets, room for {room}")
        self._ensure_staging()
        staged = (*self.route.staging, f"{self.name}~{self.mark()}")
        try:
            self._write(staged, laid)
        except (PlaceFault, Temporary) as trouble:
            if not (isinstance(trouble, PlaceFault) and trouble.trouble is Trouble.LOST):
                with contextlib.suppress(PlaceFault):
                    remove_tree(self.place, staged)
            raise
        return staged

    def _ensure_staging(self) -> None:
        for depth in range(1, len(self.route.staging) + 1):
            folder = self.route.staging[:depth]
            if self.place.shape(folder) is None:
                try:
                    self.place.make_folder(folder)
                except PlaceFault as fault:  # another worker may have been quicker
                    if self.place.shape(folder) is not Shape.FOLDER:
                        raise fault from None

    def _write(self, staged: Steps, laid: Laid) -> None:
        self.place.make_folder(staged)
        inner = (*staged, *self.route.files_folder)
        if inner != staged:
            self.place.make_folder(inner)
        for sheet in laid.sheets:
            self.place.write((*staged, *sheet.path), sheet.content.chunks())
            if self.route.read_back:
                self._read_back((*staged, *sheet.path), sheet.content.sha256)
        self.place.write((*staged, self.route.manifest.name), [laid.manifest])
        if self.route.marker:
            self.place.write((*staged, self.route.marker), [])
        for folder in dict.fromkeys((inner, staged, self.route.staging)):
            self.place.settle(folder)

    def _read_back(self, path: Steps, sha256: str) -> None:
        digest = hashlib.sha256()
        for piece in self.place.pieces(path):
            digest.update(piece)
        if digest.hexdigest() != sha256:
            raise PlaceFault(Trouble.OTHER, f"{shown(path)} does not read as it was written")

    def _publish(self, staged: Steps) -> Delivered:
        """The one step by which the letter is seen."""
        final = (*self.route.inbox, self.name)
        try:
            self.place.rename(staged, final)
        except PlaceFault as fault:
            if fault.trouble is Trouble.LOST:
                return self._look_again(fault)
            with _before():
                there = self.look()
                if there is None:
                    remove_tree(self.place, staged)
                    raise fault from None
                return there
        self._settle()
        if self.route.marker_beside:
            try:
                self._mark()
            except PlaceFault as fault:
                raise Ambiguous(UNKNOWN, f"{fault}; the letter appeared, its marker did not") from fault
            self._settle()
        return self._delivered(self.route.inbox, read=self.route.read_back)

    def _settle(self) -> None:
        with contextlib.suppress(PlaceFault):  # seen it is; whether a power cut undoes it no retry mends
            self.place.settle(self.route.inbox)
            self.place.settle(self.route.staging)

    def _look_again(self, fault: PlaceFault) -> Delivered:
        """What became of the last step, by a new connection."""
        doubt = Ambiguous(UNKNOWN, f"{fault}; asked to let {self.name} be seen")
        try:
            with contextlib.closing(self.reopen()) as place:
                anew = replace(self, place=place)
                never_seen = anew.take_back()
                there = anew.look()
        except (PlaceFault, Temporary, Permanent) as trouble:
            raise doubt from trouble
        if there is not None:
            return there
        if never_seen:
            raise Temporary("WASL-DLV-001", str(fault)) from fault
        raise doubt from fault

    def _delivered(self, folder: Steps, read: bool = False) -> Delivered:
        answer = {"folder": "/".join((*folder, self.name))}
        return Delivered(
            answer=json.dumps(answer, ensure_ascii=False).encode(),
            answer_media_type="application/json",
            target_reference=self.name,
            digests_confirmed=read,
        )


def _about(media_type: str, size: int, sha256: str) -> dict[str, str]:
    return {"Content-Type": media_type, "Content-Length": str(size), "SHA-256": sha256}


class _MissingError(Exception):
    """It is gone already."""


@contextlib.contextmanager
def _missing() -> Iterator[None]:
    try:
        yield
    except PlaceFault as fault:
        if fault.trouble is Trouble.MISSING:
            raise _MissingError from fault
        raise


@contextlib.contextmanager
def _before() -> Iterator[None]:
    """Whatever goes wrong before the last step leaves nothing to be seen: try later."""
    try:
        yield
    except PlaceFault as fault:
        raise temporary(fault) from fault
    except Temporary as gone:  # by itself, so that the store's own trouble is not taken for doubt
        raise Temporary(gone.code, gone.detail) from gone


def temporary(fault: PlaceFault) -> Temporary:
    """A fault of a place as a failure that passes."""
    code = _CODES.get(fault.trouble, "WASL-DLV-002")
    return Temporary(code, str(fault))
