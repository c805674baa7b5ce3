"""Revocation lists are fetched from configured addresses only, and put where signers are judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import structlog
from cryptography import x509

from adapters.contract import Http
from gateway.domain.errors import DeliveryError
from gateway.exchange.clock import Ambient
from gateway.trust.anchors import Anchors
from gateway.trust.revocation import authentic, read_list

_log = structlog.get_logger()
_SOON = timedelta(days=1)


@dataclass(frozen=True)
class Revocations:
    """Keeps the trust folder's revocation lists fresh.

    Attributes:
        urls: addresses chosen by the operator; what stands in certificates is never called.
        folders: where anchors and lists lie: of parties, seals and time-stamp authorities.
    """

    http: Http
    urls: tuple[str, ...]
    folders: tuple[Path, ...]
    ambient: Ambient

    def refresh(self) -> int:
        """Fetch every list; how many are newer than what was there. Failures are logged, one by one."""
        return sum(self._fetch(url) for url in self.urls)

    def stale(self) -> list[str]:
        """Issuers whose newest list ends within a day or has ended, for alarms."""
        newest: dict[str, x509.CertificateRevocationList] = {}
        for crl in (crl for folder in self.folders for crl in Anchors.load(folder).crls):
            name = crl.issuer.rfc4514_string()
            if name not in newest or crl.last_update_utc > newest[name].last_update_utc:
                newest[name] = crl
        soon = self.ambient.now() + _SOON
        return [
            name for name, crl in newest.items() if crl.next_update_utc is None or crl.next_update_utc <= soon
        ]

    def run(self) -> None:
        """Fetch, then alarm for every issuer whose list is about to end."""
        self.refresh()
        for name in self.stale():
            _log.warning("revocation list ends soon or has ended", issuer=name)

    def _fetch(self, url: str) -> bool:
        try:
            answer = self.http.request("GET", url)
        except DeliveryError as error:
            _log.warning("revocation list not fetched", url=url, cause=str(error))
            return False
        crl = read_list(answer.body) if answer.status == 200 else None
        known = [one for one in self.folders if crl is not None and authentic(crl, Anchors.load(one))]
        if crl is None or not known:
            _log.warning("no revocation list of a known issuer", url=url, status=answer.status)
            return False
        kept = [self._keep(folder, crl, answer.body) for folder in known]
        return any(kept)

    def _keep(self, folder: Path, crl: x509.CertificateRevocationList, octets: bytes) -> bool:
        """Replace the list of this issuer; an older or the same one changes nothing."""
        path = folder / f"fetched-{sha256(crl.issuer.public_bytes()).hexdigest()[:16]}.crl"
        if path.exists():
            kept = read_list(path.read_bytes())
            if kept is not None and kept.last_update_utc >= crl.last_update_utc:
                return False
        temporary = path.with_suffix(".new")
        temporary.write_bytes(octets)
        temporary.replace(path)
        return True
