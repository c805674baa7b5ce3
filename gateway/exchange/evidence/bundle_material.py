"""Certificates, revocation lists and keys that go with a bundle: for archivists, never for verifiers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.domain.errors import Refused
from gateway.store.registry.models import CertificateRow
from gateway.store.sessions import Store
from gateway.trust.anchors import Anchors
from gateway.trust.chain_path import find_paths
from gateway.trust.jws import JwsLimits, open_jws, verify_jws
from gateway.trust.seal import Sealer
from gateway.trust.xmlgate import XmlLimits, open_xml
from gateway.trust.xmlsig import verify_xml

PEM, CRL, VKEY = "application/x-pem-file", "application/pkix-crl", "text/plain"
_XML = "application/xml"


@dataclass(frozen=True)
class Material:
    """One file of the folder ``certificates/``."""

    name: str
    media_type: str
    octets: bytes


@dataclass(frozen=True)
class Materials:
    """Collects what was known of keys and certificates when a bundle is made.

    Attributes:
        trust: the hub's trust folder.
    """

    store: Store
    trust: Path
    xml_limits: XmlLimits
    jws_limits: JwsLimits

    def of_hub(self, sealer: Sealer, test: bool) -> Iterator[Material]:
        """The seal's, the time-stamp authorities' and the ledger's.

        Raises:
            Misconfigured: the trust folder cannot be read.
        """
        part = Path("test") if test else Path()
        seal = Anchors.load(self.trust / "seal" / part)
        yield from _files("seal", (sealer.certificate, *sealer.chain, *_known(seal)), seal.crls)
        tsa = Anchors.load(self.trust / "tsa")
        yield from _files("timestamp", _known(tsa), tsa.crls)
        keys = [path.read_bytes() for path in sorted((self.trust / "ledger" / part).glob("*.vkey"))]
        if keys:
            yield Material("ledger.vkey", VKEY, b"".join(keys))

    def of_signer(self, letter: bytes | None, media_type: str, digest: str | None) -> Iterator[Material]:
        """The sender's certificate with all that leads from it to an anchor, and their lists.

        Args:
            letter: octets as received; None where they were deleted.
            digest: of the certificate (hexadecimal), as the acceptance names it.

        Raises:
            Misconfigured: the trust folder cannot be read.
        """
        found = self._in_letter(letter, media_type) or self._registered(digest)
        if not found:
            return
        parties = Anchors.load(self.trust / "parties")
        above = [one for path in find_paths(found[0], found[1:], parties) for one in path]
        issuers = {one.issuer for one in (*found, *above)}
        lists = [crl for crl in parties.crls if crl.issuer in issuers]
        yield from _files("signer", (*found, *above), lists)

    def _in_letter(self, letter: bytes | None, media_type: str) -> tuple[x509.Certificate, ...]:
        if letter is None:
            return ()
        try:
            if media_type == _XML:
                signed = verify_xml(open_xml(letter, self.xml_limits))
            else:
                signed = verify_jws(open_jws(letter, media_type, self.jws_limits))
        except Refused:  # it was accepted under limits that were others then
            return ()
        return (signed.certificate, *signed.chain)

    def _registered(self, digest: str | None) -> tuple[x509.Certificate, ...]:
        with self.store.read() as session:
            row = session.get(CertificateRow, digest or "")
            return () if row is None else (x509.load_der_x509_certificate(row.der),)


def _known(anchors: Anchors) -> tuple[x509.Certificate, ...]:
    return (*anchors.pinned, *anchors.intermediates, *anchors.roots)


def _files(
    name: str,
    certificates: Iterable[x509.Certificate],
    lists: Iterable[x509.CertificateRevocationList],
) -> Iterator[Material]:
    encoded = dict.fromkeys(one.public_bytes(Encoding.PEM) for one in certificates)
    if encoded:
        yield Material(f"{name}.pem", PEM, b"".join(encoded))
    for number, crl in enumerate(dict.fromkeys(one.public_bytes(Encoding.DER) for one in lists), 1):
        yield Material(f"{name}-{number:02}.crl", CRL, crl)
