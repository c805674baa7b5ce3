"""Tries a route's folders without a letter.

Looks at each, lists what it must list, and makes an empty folder in the staging folder, which it removes:
nothing is ever made where the system looks. Whether names may be made there is asked where it can be.
"""

from __future__ import annotations

import secrets

from adapters.folder_options import FolderRoute
from adapters.folder_place import Place, PlaceFault, Shape, Steps, Trouble, shown


def probe(route: FolderRoute, place: Place) -> str:
    """One line of what was found.

    Raises:
        PlaceFault: a folder is missing, or does not allow what the route needs.
    """
    answers = route.answers
    reads = [answers.folder] if answers else []
    moves = [answers.moved_to] if answers and answers.moved_to is not None else []
    for folder in (route.inbox, *route.taken, *reads, *moves):
        if place.shape(folder) is not Shape.FOLDER:
            raise PlaceFault(Trouble.MISSING, f"folder {shown(folder)}")
    for folder in (*route.taken, *reads):
        next(iter(place.entries(folder)), None)
    for folder in (route.inbox, *moves):
        if place.may_write(folder) is False:
            raise PlaceFault(Trouble.DENIED, f"writing in {shown(folder)}")
    staging = _try_staging(route, place)
    if place.one_step(staging, route.inbox) is False:
        raise PlaceFault(Trouble.OTHER, f"{shown(staging)} and {shown(route.inbox)} are two file systems")
    room = place.room()
    left = "" if room is None else f", room for {room // 1024**2} MiB"
    return f"{route.address}: letters appear in {shown(route.inbox)}{left}"


def _try_staging(route: FolderRoute, place: Place) -> Steps:
    """Make a folder where letters are written first, and remove it; the nearest folder that is there."""
    staging = route.staging
    while staging and place.shape(staging) is None:
        staging = staging[:-1]
    tried = (*staging, f".wasl-{secrets.token_hex(6)}")
    place.make_folder(tried)
    place.remove_folder(tried)
    return staging
