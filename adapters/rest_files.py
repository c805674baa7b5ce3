"""Which files of a letter an expression chose, and what paths may say of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.mapping import Expression
from adapters.view import Content
from gateway.domain.errors import Permanent


def chosen_files(each: Expression, view: Any) -> list[dict[str, Any]]:
    """The files, each in the shape that the view has them.

    Raises:
        Permanent: the expression chose something else.
    """
    chosen = each.over(view)
    if isinstance(chosen, list) and all(isinstance(file, dict) and "content" in file for file in chosen):
        return chosen
    raise Permanent("WASL-DLV-074", f"{each.path}: found {type(chosen).__name__}, takes a list of files")


def chosen_file(content: Expression, view: Any) -> Content:
    """The one file.

    Raises:
        Permanent: the expression chose something else.
    """
    chosen = content.over(view)
    if isinstance(chosen, Content):
        return chosen
    raise Permanent("WASL-DLV-074", f"{content.path}: found {type(chosen).__name__}, takes a file's content")


def places_of(file: Mapping[str, Any], at: int) -> dict[str, str]:
    """What the path of an upload may name; ``at`` counts the files from 0."""
    return {
        "fileId": str(file["id"]),
        "fileName": str(file["name"]),
        "fileSha256": str(file["sha256"]),
        "fileNumber": str(at + 1),
    }
