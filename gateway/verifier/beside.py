"""What may lie beside a receipt: its proof of inclusion, the time-stamp of that, witnesses' cosignatures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROOF, TOKEN, COSIGNATURES = ".tlog-proof", ".tsr", ".cosignatures"
"""What is added to a file's name, or stands in place of its ending; C2SP tlog-proof, RFC 3161 3.2."""
LARGEST = 64 * 1024
"""Octets of each of them."""


@dataclass(frozen=True)
class Beside:
    """The octets of each file, or None.

    Attributes:
        token: an RFC 3161 response or token over the signed checkpoint in ``proof``.
        cosignatures: lines of witnesses under that checkpoint.
    """

    proof: bytes | None = None
    token: bytes | None = None
    cosignatures: bytes | None = None


def find_beside(file: Path, proof: Path | None = None, token: Path | None = None) -> Beside:
    """What lies beside ``file``; files that were named must be there.

    Raises:
        OSError: a file that was named, or is there, cannot be read.
        ValueError: it is larger than any such file.
    """
    return Beside(
        proof=_read(proof or _with(file, PROOF), proof is not None),
        token=_read(token or _with(file, TOKEN), token is not None),
        cosignatures=_read(_with(file, COSIGNATURES), False),
    )


def _with(file: Path, suffix: str) -> Path:
    """``x.xml.tsr`` beside ``x.xml``; else ``x.tsr``, which all renderings of one receipt may share."""
    own = file.with_name(file.name + suffix)
    return own if own.is_file() or not file.suffix else file.with_suffix(suffix)


def _read(path: Path, needed: bool) -> bytes | None:
    if not needed and not path.is_file():
        return None
    with path.open("rb") as file:
        octets = file.read(LARGEST + 1)
    if len(octets) > LARGEST:
        raise ValueError(str(path))
    return octets
