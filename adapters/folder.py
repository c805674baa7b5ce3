"""Hands letters to old systems that watch a directory, on this machine or behind an SFTP server.

A letter is a folder: its files under safe names, the signed envelope, and a manifest in the system's own
form. It is written aside and seen whole at once, by a rename. Options of a route (a table; ``•`` marks what
is required):

- ``place`` •: an absolute path below one of the folders that ``[adapters] folders`` of the hub allows, or
  ``sftp://host:port/path`` (``/~/path`` starts where the user arrives).
- ``sftp``: ``user`` •, ``auth`` (``key``, ``password``), ``secret`` • (reference of the private key or the
  password), ``passphrase`` (reference, of the key), ``host_keys`` • (the server's public keys, or their
  ``SHA256:`` fingerprints: one of them must be shown), ``silence_seconds`` (30, the longest that one step
  takes).
- ``inbox`` (the place itself), ``staging`` (``.wasl``, made if it is not there), ``taken`` (list): folders
  below the place where letters appear, where they are written before (on the same file system), and where
  the system moves what it took.
- ``keeps``: every letter stays visible in ``inbox`` or one of ``taken`` (false). Then it is never laid
  twice, and an attempt that broke off is looked up; without it such an attempt waits for a person.
- ``name`` of a letter's folder (``{deliveryId}``; ``{reference}`` may stand in it too).
- ``names`` of files: ``kept`` (what harms nothing of the sender's), ``ascii``, ``numbered``.
  ``files_folder``: a folder for them inside the letter's. ``marker``: an empty file of that name, there when
  the folder is. ``marker_beside``: the ending, such as ``.ready``, of an empty file beside the letter's
  folder, of the same name, made when the folder is there; the hub never removes it.
- ``manifest`` •: see `adapters.folder_manifest.Manifest`; the mapping sees each file's ``path`` too.
- ``tables``: code tables by name, for the function ``code``; the entry ``*`` catches the rest.
- ``readers``: who may read and remove what is written: ``owner``, ``group``, ``everybody``; ``system``
  leaves it to the system's default (``group``).
- ``read_back``: every file is read again and its digest compared (false). ``max_bytes``: of a letter's files
  (0, no limit).
- ``answers``: see `adapters.folder_answers.AnswerFiles`.

Trouble: everything before the rename is temporary, for nothing is to be seen then. Over SFTP a rename whose
answer does not come is looked up by a new connection: it is ambiguous only if that fails too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adapters.contract import Context, Delivered, Handed, Letter, News, Request
from adapters.folder_delivery import Drop, Laid, temporary
from adapters.folder_local import LocalPlace
from adapters.folder_options import FolderRoute
from adapters.folder_place import Place, PlaceFault, Steps
from adapters.folder_poll import Memory, Poll
from adapters.folder_probe import probe
from adapters.folder_told import CHANGES, Paper, Shown, ToldPlace
from adapters.functions import noting
from adapters.heard import Stepping
from gateway.domain.errors import Ambiguous, Misconfigured, Temporary

_RANDOM = "‹random›"


class FolderAdapter:
    """The kind ``folder``; see the module for its options."""

    kind = "folder"
    # Whether a repeat is harmless depends on the route: see `honours_repeats`.
    idempotent = False
    streams = True

    def __init__(self) -> None:
        self._memory = Memory()

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """What is wrong with a route's options."""
        try:
            FolderRoute.read(options)
        except Misconfigured as wrong:
            return list(wrong.faults)
        return []

    def honours_repeats(self, options: Mapping[str, Any]) -> bool:
        """Whether a letter that was laid before is seen wherever the system put it."""
        return options.get("keeps") is True

    def can_find(self, options: Mapping[str, Any]) -> bool:
        """As `honours_repeats`: what is not seen was not laid, then."""
        return options.get("keeps") is True

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        """Lay the letter, unless it lies there.

        Raises:
            DeliveryError: see the module.
        """
        route = _route(context)
        name = route.folder_name(letter.delivery_id, letter.reference)
        with noting(context.unmapped):
            laid = Laid.out(letter, route)
        with _open(route, context, laid) as place:
            return _drop(route, name, place, context, laid).deliver(laid)

    def find(self, delivery_id: str, reference: str, context: Context) -> Delivered | None:
        """The letter's folder, wherever it is.

        Raises:
            Temporary: nobody can look.
            Ambiguous: this system may have removed it.
        """
        route = _route(context)
        if not route.keeps:
            raise Ambiguous("WASL-DLV-004", "the system does not keep what it took")
        name = route.folder_name(delivery_id, reference)
        with _open(route, context) as place:
            return _drop(route, name, place, context).find()

    def can_poll(self, options: Mapping[str, Any]) -> bool:
        """Whether the route describes answers."""
        return bool(options.get("answers"))

    def poll(self, letters: Sequence[Handed], context: Context) -> Sequence[News]:
        """What the answers say of these letters; each is told again until it was heard.

        Raises:
            DeliveryError: the folder cannot be read.
        """
        route = _route(context)
        if route.answers is None:
            return ()
        with _open(route, context) as place:
            try:
                return Poll(route.address, route.answers, place, self._memory, context.now()).run(letters)
            except PlaceFault as fault:
                raise temporary(fault) from fault

    def preview(self, letter: Letter, context: Context) -> tuple[Request, ...]:
        """Every change as it would be made; contents stand as placeholders.

        Raises:
            DeliveryError: the letter does not fit.
        """
        route = _route(context)
        laid = Laid.out(letter, route)
        name = route.folder_name(letter.delivery_id, letter.reference)
        steps: list[Request] = []

        @contextlib.contextmanager
        def noted(request: Request) -> Iterator[Callable[[str], None]]:
            steps.append(request)
            yield lambda answer: None

        place = _told(Paper(name), route, noted, laid)
        Drop(route, name, place, lambda: place, lambda: _RANDOM).deliver(laid)
        return tuple(step for step in steps if step.method in CHANGES)

    def probe(self, context: Context) -> str:
        """Look whether every folder is there and may be written; see `adapters.folder_probe`.

        Raises:
            DeliveryError: what is wrong.
        """
        route = _route(context)
        with _open(route, context) as place:
            try:
                return probe(route, place)
            except PlaceFault as fault:
                raise temporary(fault) from fault


def _route(context: Context) -> FolderRoute:
    """The route of a context.

    Raises:
        Temporary: the options are wrong; waiting costs nothing, an operator corrects them.
    """
    try:
        return FolderRoute.read(context.options)
    except Misconfigured as wrong:
        raise Temporary("WASL-DLV-007", "; ".join(wrong.faults)) from wrong


def _drop(route: FolderRoute, name: str, place: Place, context: Context, laid: Laid | None = None) -> Drop:
    return Drop(route, name, place, lambda: _opened(route, context, laid))


@contextlib.contextmanager
def _open(route: FolderRoute, context: Context, laid: Laid | None = None) -> Iterator[Place]:
    with contextlib.closing(_opened(route, context, laid)) as place:
        yield place


def _opened(route: FolderRoute, context: Context, laid: Laid | None) -> Place:
    user = {"User": route.sftp.user} if route.sftp else {}
    with context.step(Request("OPEN", route.address, user, "")) as answered:
        if route.sftp is None:
            place: Place = LocalPlace.open(route.place, context.folders, route.modes)
            answered("open")
        else:
            # Only hubs with such a route load the library, which takes a while.
            from adapters.folder_sftp import SftpPlace

            server = SftpPlace.open(route.sftp, context, route.modes)
            answered(f"let in; the server's key is {server.host_key}")
            place = server
    return _told(place, route, context.step, laid)


def _told(place: Place, route: FolderRoute, step: Stepping, laid: Laid | None) -> ToldPlace:
    """The same place; each step in it is told."""

    def about(path: Steps) -> Shown:
        below = len(route.staging)
        inside = laid is not None and path[:below] == route.staging
        return laid.shown(path[below + 1 :]) if laid and inside else ({}, "")

    return ToldPlace(place, step, route.address, about)
