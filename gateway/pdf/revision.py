"""Writes files and further revisions of files, the same octets for the same objects (ISO 32000-1 7.5)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from gateway.pdf.objects import Value, write

HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


def first_revision(objects: Mapping[int, Value], trailer: Mapping[str, Value]) -> bytes:
    """A new file.

    Args:
        objects: by their numbers, from 1 on without gaps.
    """
    return _written(HEADER, {number: write(value) for number, value in objects.items()}, trailer, whole=True)


def next_revision(before: bytes, objects: Mapping[int, bytes], trailer: Mapping[str, Value]) -> bytes:
    """``before`` and after it the new or changed objects, already written.

    Args:
        trailer: with ``Prev``, where the last table of ``before`` starts.
    """
    return _written(before, objects, trailer, whole=False)


def _written(
    before: bytes, objects: Mapping[int, bytes], trailer: Mapping[str, Value], *, whole: bool
) -> bytes:
    parts = [before if before.endswith(b"\n") else before + b"\n"]
    at = len(parts[0])
    offsets: dict[int, int] = {}
    for number in sorted(objects):
        offsets[number] = at
        parts.append(b"%d 0 obj\n" % number + objects[number] + b"\nendobj\n")
        at += len(parts[-1])
    parts.append(b"xref\n" + (b"0 1\n0000000000 65535 f \n" if not whole else b""))
    parts.append(_table(offsets, whole=whole))
    parts.append(b"trailer\n" + write(trailer) + b"\nstartxref\n%d\n%%%%EOF\n" % at)
    return b"".join(parts)


def _table(offsets: Mapping[int, int], *, whole: bool) -> bytes:
    if whole:
        entries = b"".join(b"%010d 00000 n \n" % offsets[number] for number in sorted(offsets))
        return b"0 %d\n0000000000 65535 f \n" % (len(offsets) + 1) + entries
    lines = []
    # consecutive numbers share a subsection
    for _, run in groupby(enumerate(sorted(offsets)), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        lines.append(b"%d %d\n" % (numbers[0], len(numbers)))
        lines += [b"%010d 00000 n \n" % offsets[number] for number in numbers]
    return b"".join(lines)
