"""Seals PDF receipts, puts a time-stamp over the seal, and opens them again (EN 319 142-1, B-B and B-T)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.errors import Unavailable
from gateway.pdf.file import PdfFile
from gateway.pdf.objects import Name, Ref
from gateway.pdf.parse import Encrypted, NotPdf
from gateway.trust.certificates import der
from gateway.trust.cms import UNREADABLE, BadCms, CmsSigned, open_cms
from gateway.trust.cmssign import is_plain, sign_detached
from gateway.trust.pdfsignature import SEAL_FIELD, prepare_seal, prepare_stamp, stated_time
from gateway.trust.seal import Sealer
from gateway.trust.signed import Signed
from gateway.trust.timestamp import BadToken, TimeSource, Token, check_imprint, read_token

LARGEST = 16 * 1024 * 1024
"""Octets of a file that is opened, and of what is embedded in it."""
ROOM_FOR_TOKEN = 12 * 1024
"""Octets; tokens with a long chain of RSA keys come to some 8 KiB."""

_ROOM_FOR_REST = 2048  # of it 1024 for the value of the largest RSA key
_MOST_ENDS = 8
_END = re.compile(rb"%%EOF\r?\n?")
_STAMP_CONTENTS = re.compile(rb"/Contents <((?:[0-9a-f]{2}){1,65536})>")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,63}")
_CMS_CODES = {"malformed": "seal", "signature": "altered", "certificate": "certificate"}


class BadPdf(Exception):
    """Not a sealed PDF receipt as it left the hub.

    Attributes:
        code: ``malformed`` (no PDF file that can be read), ``encrypted``, ``too-large``, ``unsealed``,
            ``signatures`` (several, or fields without one), ``coverage`` (the seal does not cover the
            file), ``seal`` (not in the form that hubs write), ``altered``, ``certificate`` (none, or an
            unfit key), ``revision`` (something was added after the seal), ``timestamp`` (no good token,
            or over something else), ``embedded`` (no sealed rendering inside).
    """

    def __init__(self, code: str, why: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {why}" if why else code)


@dataclass(frozen=True)
class SealedPdf:
    """A file whose seal is good; whose seal it is, and whose token, is still to be judged.

    Attributes:
        signed: the seal; its ``signed_bytes`` are the file up to the seal's end without the value.
        embedded: the first sealed rendering of the same receipt, from the octets that the seal covers.
        token: the document time-stamp over the whole sealed file, if there is one.
    """

    signed: Signed
    embedded: bytes
    embedded_media_type: str
    token: Token | None


def seal_pdf(pdf: bytes, sealer: Sealer, signing_time: datetime) -> bytes:
    """``pdf`` with a certifying PAdES B-B signature in a further revision.

    No change is permitted after it but a document time-stamp (DocMDP, ISO 32000-2 12.8.2.2).

    Args:
        pdf: a file with classic cross-reference tables and no form.
        signing_time: aware; stated to the second.

    Raises:
        NotPdf: ``pdf`` is no such file.
        Unavailable: ``WASL-HUB-002``, the key cannot be used now.
    """
    prepared = prepare_seal(pdf, _room(sealer), signing_time)
    return prepared.filled(sign_detached(hashlib.sha256(prepared.covered).digest(), sealer))


def _room(sealer: Sealer) -> int:
    """Octets that the signature never exceeds: certificates, the issuer's name twice, and the rest."""
    certificates = (sealer.certificate, *sealer.chain)
    issuer = sealer.certificate.issuer.public_bytes()
    return sum(len(der(one)) for one in certificates) + 2 * len(issuer) + _ROOM_FOR_REST


def stamp_pdf(sealed: bytes, source: TimeSource) -> bytes:
    """``sealed`` with a document time-stamp over all of it in a further revision (EN 319 142-1 5.4.3).

    Raises:
        NotPdf: ``sealed`` is no file that was sealed here.
        Unavailable: nobody can stamp now.
    """
    prepared = prepare_stamp(sealed, ROOM_FOR_TOKEN)
    stamp = source.stamp(hashlib.sha256(prepared.covered).digest())
    try:
        return prepared.filled(stamp.token.octets)
    except ValueError as error:
        raise Unavailable("timestamp") from error


def open_pdf(octets: bytes) -> SealedPdf:
    """The seal of a PDF receipt, what is embedded, and the time-stamp if there is one.

    There must be exactly one seal, over all octets up to its own end; only a document time-stamp as
    `stamp_pdf` writes it may follow. What else readers could show is then what the hub sealed.

    Raises:
        BadPdf: it is anything else.
    """
    if len(octets) > LARGEST:
        raise BadPdf("too-large")
    try:
        return _opened(octets)
    except Encrypted as error:
        raise BadPdf("encrypted") from error
    except (NotPdf, *UNREADABLE) as error:
        raise BadPdf("malformed", str(error)) from error


@dataclass(frozen=True)
class _Seal:
    file: PdfFile
    start: int
    end: int
    value: bytes
    time: datetime

    @property
    def covered(self) -> bytes:
        return self.file.octets[: self.start] + self.file.octets[self.end :]


def _opened(octets: bytes) -> SealedPdf:
    seal = _find_seal(octets)
    signed = _verified(seal)
    sealed = seal.file.octets
    token = _token(octets, sealed) if len(sealed) < len(octets) else None
    embedded, media_type = _embedded(seal.file)
    return SealedPdf(signed, embedded, media_type, token)


def _find_seal(octets: bytes) -> _Seal:
    """The seal of the first revision that has one over all of itself.

    Looking from the front leaves no say to what somebody added behind.
    """
    for before in _revisions(octets):
        try:
            return _seal_of(before)
        except (NotPdf, BadPdf, *UNREADABLE):
            continue
    return _seal_of(octets)  # which says what is wrong


def _revisions(octets: bytes) -> Iterator[bytes]:
    for count, found in enumerate(_END.finditer(octets)):
        if count == _MOST_ENDS:
            return
        yield octets[: found.end()]


def _seal_of(octets: bytes) -> _Seal:
    file = PdfFile(octets)
    root = file.dictionary(file.trailer.get("Root"))
    if "AcroForm" not in root:
        raise BadPdf("unsealed")
    fields = file.array(file.dictionary(root["AcroForm"]).get("Fields"))
    if len(fields) != 1:
        raise BadPdf("signatures" if fields else "unsealed")
    field = file.dictionary(fields[0])
    reference = field.get("V")
    if field.get("FT") != "Sig" or field.get("T") != SEAL_FIELD or not isinstance(reference, Ref):
        raise BadPdf("unsealed")
    return _read_seal(file, reference)


def _read_seal(file: PdfFile, reference: Ref) -> _Seal:
    parser = file.at(reference.number)
    signature = parser.indirect(reference.number)
    if not isinstance(signature, dict) or signature.get("SubFilter") != "ETSI.CAdES.detached":
        raise BadPdf("seal", "no PAdES signature")
    value, covers = signature.get("Contents"), signature.get("ByteRange")
    if not isinstance(value, bytes) or len(parser.spans) != 1:
        raise BadPdf("seal", "no signature value")
    ((start, end),) = parser.spans.items()
    if covers != [0, start, end, len(file.octets) - end]:
        raise BadPdf("coverage")
    return _Seal(file, start, end, _unpadded(file.octets[start:end]), stated_time(signature.get("M")))


def _unpadded(string: bytes) -> bytes:
    """The DER value of a hexadecimal string, which ends with nothing but zeros."""
    octets = bytes.fromhex(string[1:-1].decode("ascii"))
    length = _der_length(octets)
    if octets.hex().encode("ascii") != string[1:-1] or octets[length:].strip(b"\0"):
        raise BadPdf("seal", "something beside the signature value")
    return octets[:length]


def _der_length(octets: bytes) -> int:
    if len(octets) < 2 or octets[0] != 0x30:
        raise BadPdf("seal", "no signature value")
    if octets[1] < 0x80:
        return 2 + octets[1]
    width = octets[1] & 0x7F
    return 2 + width + int.from_bytes(octets[2 : 2 + width], "big")


def _verified(seal: _Seal) -> Signed:
    covered = seal.covered
    try:
        signed = open_cms(seal.value, "data", detached=covered)
    except BadCms as error:
        raise BadPdf(_CMS_CODES[error.code], str(error)) from error
    if signed.signing_time is not None:  # EN 319 142-1 6.3: the file states it
        raise BadPdf("seal", "two times of signing")
    if not is_plain(seal.value, (signed.certificate, *signed.chain)):
        raise BadPdf("seal", "not in the form that hubs write")
    return _signed(signed, seal.time)


def _signed(signed: CmsSigned, time: datetime) -> Signed:
    return Signed(
        signed_bytes=signed.content,
        certificate=signed.certificate,
        chain=signed.chain,
        level=None,
        claimed_time=time,
        content_digest=hashlib.sha256(signed.content).hexdigest(),
    )


def _token(octets: bytes, sealed: bytes) -> Token:
    found = _STAMP_CONTENTS.search(octets, len(sealed))
    if found is None:
        raise BadPdf("revision")
    expected = prepare_stamp(sealed, len(found[1]) // 2)
    covered = octets[: expected.start] + octets[expected.end :]
    if len(octets) != len(expected.octets) or covered != expected.covered:
        raise BadPdf("revision")
    try:
        token = read_token(_unpadded(octets[expected.start : expected.end]))
        check_imprint(token, covered)
    except (BadToken, BadPdf, *UNREADABLE) as error:
        raise BadPdf("timestamp", str(error)) from error
    return token


def _embedded(file: PdfFile) -> tuple[bytes, str]:
    """The one associated file of the document (ISO 19005-3 6.8) and its media type."""
    root = file.dictionary(file.trailer.get("Root"))
    if "AF" not in root or "Names" not in root:
        raise BadPdf("embedded")
    listed = file.dictionary(file.dictionary(root["Names"]).get("EmbeddedFiles"))
    names, associated = file.array(listed.get("Names")), file.array(root["AF"])
    if len(names) != 2 or associated != names[1:]:
        raise BadPdf("embedded")
    held = file.dictionary(file.dictionary(names[1]).get("EF"))
    if any(one != held.get("F") for one in held.values()):  # readers differ about which one counts
        raise BadPdf("embedded")
    entries, octets = file.stream(held.get("F"), LARGEST)
    media_type = entries.get("Subtype")
    if not isinstance(media_type, Name) or _MEDIA_TYPE.fullmatch(media_type) is None:
        raise BadPdf("embedded")
    return octets, str(media_type)
