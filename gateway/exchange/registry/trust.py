"""Certificates are judged against the trust folder as it is now; good verdicts are remembered briefly."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from threading import Lock

from cryptography import x509

from gateway.domain.errors import Misconfigured, Unavailable
from gateway.domain.evidence.verdict import Verdict
from gateway.trust.anchors import Anchors
from gateway.trust.certificates import certificate_digest
from gateway.trust.chain import Purpose, judge

_REMEMBERED = 4096
_Epoch = tuple[tuple[str, int, int], ...]
_Key = tuple[str, str, int, int | None, Purpose]


@dataclass
class CertificateJudge:
    """Judges parties' certificates against the anchors and CRLs of one folder.

    The folder's state (names, sizes, times) is its epoch: any change empties what was remembered.
    A good verdict holds for one minute of reception time and one of claimed time.
    """

    folder: Path
    require_revocation: bool
    _epoch: _Epoch = ()
    _anchors: Anchors | None = None
    _good: dict[_Key, Verdict] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def judge(
        self,
        certificate: x509.Certificate,
        chain: Sequence[x509.Certificate],
        at: datetime,
        claimed: datetime | None,
        purpose: Purpose = Purpose.SIGNING,
    ) -> Verdict:
        """The verdict on ``certificate`` at reception and at the claimed signing time.

        Raises:
            Unavailable: the folder or a file of it cannot be read now, which is no fault of whose
                certificate it is.
        """
        anchors = self._current()
        key = (
            certificate_digest(certificate),
            _digest(chain),
            _minute(at),
            _minute_or_none(claimed),
            purpose,
        )
        with self._lock:
            remembered = self._good.get(key)
        if remembered is not None:
            return remembered
        verdict = judge(certificate, chain, anchors, at, claimed, self.require_revocation, purpose)
        if verdict.passed:
            self._remember(key, verdict, anchors)
        return verdict

    def _remember(self, key: _Key, verdict: Verdict, anchors: Anchors) -> None:
        with self._lock:
            if anchors is not self._anchors:  # judged by a folder that has changed since
                return
            if len(self._good) >= _REMEMBERED:
                self._good.clear()
            self._good[key] = verdict

    def _current(self) -> Anchors:
        try:
            epoch = tuple(_states(self.folder))
            with self._lock:
                if self._anchors is None or epoch != self._epoch:
                    self._anchors, self._epoch = Anchors.load(self.folder), epoch
                    self._good.clear()
                return self._anchors
        except (OSError, Misconfigured) as error:
            raise Unavailable(f"the trust folder cannot be read: {error}") from error


def _states(folder: Path) -> Iterator[tuple[str, int, int]]:
    for entry in sorted(os.scandir(folder), key=attrgetter("name")):
        with suppress(FileNotFoundError):  # a file being replaced lies here for a moment under another name
            found = entry.stat()
            yield entry.name, found.st_mtime_ns, found.st_size


def _digest(chain: Sequence[x509.Certificate]) -> str:
    return "".join(certificate_digest(certificate) for certificate in chain)


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _minute_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else _minute(moment)
