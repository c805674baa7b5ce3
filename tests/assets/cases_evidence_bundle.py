"""Bundles put together by hand: their times, whose seal they bear, parts of two receipts in one."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta

from tests.assets import rawpdf as rp
from tests.assets.evidence_bench import HOUR, SECOND, EvidenceBench, Exhibit, Exhibits
from tests.assets.rawder import Cms
from tests.assets.rawsign import b64

MIMETYPE = b"application/vnd.etsi.asic-e+zip"
MANIFEST, SIGNATURE = "META-INF/ASiCManifest001.xml", "META-INF/signature001.p7s"
_ASIC = "http://uri.etsi.org/02918/v1.2.1#"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"

Files = dict[str, bytes]


def cases(bench: EvidenceBench) -> Exhibits:
    """Every case of this kind."""
    files = _files(bench, bench.good(""))
    yield _case(bench, "good", files)
    yield from _seals(bench, files)
    yield from _times(bench, files)
    yield from _parts(bench, files)
    yield from _manifests(bench, files)


def _files(bench: EvidenceBench, good: Exhibit, name: str = "receipts/01-acceptance.xml") -> Files:
    assert good.proof is not None
    assert good.token is not None
    return {name: good.raw, f"{name}.tlog-proof": good.proof, f"{name}.tsr": good.token}


def manifest(files: Mapping[str, bytes], **changes: str) -> bytes:
    """The list of the files (EN 319 162-1 A.4)."""
    stated = "".join(
        f'<asic:DataObjectReference URI="{name}" MimeType="application/octet-stream">'
        f'<ds:DigestMethod Algorithm="{_SHA256}"/>'
        f"<ds:DigestValue>{b64(hashlib.sha256(octets).digest())}</ds:DigestValue></asic:DataObjectReference>"
        for name, octets in files.items()
    )
    signature = changes.get("signature", SIGNATURE)
    return (
        f'<asic:ASiCManifest xmlns:asic="{_ASIC}" xmlns:ds="{_DS}"><asic:SigReference URI="{signature}" '
        f'MimeType="application/pkcs7-signature"/>{stated}</asic:ASiCManifest>'
    ).encode()


def container(files: Mapping[str, bytes], listed: bytes, signature: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        every = {"mimetype": MIMETYPE, **files, MANIFEST: listed, SIGNATURE: signature}
        for name, octets in every.items():
            archive.writestr(zipfile.ZipInfo(name), octets)
    return target.getvalue()


def _case(
    bench: EvidenceBench,
    name: str,
    files: Mapping[str, bytes],
    holder: str = "hub-seal",
    at: datetime | None = None,
    listed: bytes | None = None,
    **cms: object,
) -> Exhibit:
    octets = manifest(files) if listed is None else listed
    made = {"time": at or bench.now, **cms}
    signature = Cms(bench.pki[holder], octets, **made).octets  # type: ignore[arg-type]
    return Exhibit(f"bundle-{name}", container(files, octets, signature), "asice")


def _seals(bench: EvidenceBench, files: Files) -> Exhibits:
    for holder in ("ministry", "tsa", "tls", "foreign", "seal-ca", "test-seal"):
        yield _case(bench, f"by-{holder}", files, holder)
    yield _case(bench, "certificate-of-the-seal-other-key", files, "ministry", named=_own(bench))
    yield _case(bench, "spoiled", files, spoiled=True)
    yield _case(bench, "without-time", files, time=None)
    test = _files(bench, bench.good("", holder="test-seal", test=True))
    yield _case(bench, "good-test", test, "test-seal")
    yield _case(bench, "real-around-test", test)


def _own(bench: EvidenceBench) -> object:
    return bench.pki["hub-seal"].certificate


def _times(bench: EvidenceBench, files: Files) -> Exhibits:
    yield _case(bench, "sealed-before-its-receipts", files, at=bench.event - HOUR)
    yield _case(bench, "sealed-tomorrow", files, at=bench.now + timedelta(days=1))
    # Withdrawn, and dated back to when the seal was good.
    yield _case(bench, "revoked-after", files, "seal-revoked-after", bench.event + 60 * SECOND)
    yield _case(bench, "revoked-before", files, "seal-revoked-before", bench.event + 60 * SECOND)
    yield _case(bench, "ended", files, "seal-ended-since", bench.now)
    old = bench.event - HOUR / 2
    yield _case(bench, "dated-back-to-a-good-seal", files, "seal-ended-between", old)


def _parts(bench: EvidenceBench, files: Files) -> Exhibits:
    name = "receipts/01-acceptance.xml"
    content, other = bench.content(), bench.other()
    theirs = bench.recorded("", bench.xml(other), "xml", other)
    yield _case(bench, "other-receipts-proof", files | {f"{name}.tlog-proof": theirs.proof or b""})
    yield _case(bench, "other-receipts-token", files | {f"{name}.tsr": theirs.token or b""})
    yield _case(bench, "other-receipt-same-beside", files | {name: theirs.raw})
    yield _case(bench, "two-acceptances", files | _files(bench, theirs, "receipts/02-acceptance.xml"))
    yield _case(
        bench, "other-receipt-in-other-rendering", files | {"receipts/01-acceptance.jws": bench.jws(other)}
    )
    late = bench.recorded("", files[name], "xml", content, bench.event + timedelta(hours=25))
    yield _case(bench, "stamped-late", _files(bench, late), at=bench.event + timedelta(hours=26)).but(
        "bundle-stamped-late", after=timedelta(days=2)
    )
    foreign = bench.stamp(bench.around(content).note(), holder="tsa-foreign")
    yield _case(bench, "token-of-a-stranger", files | {f"{name}.tsr": foreign})
    loose = files | {"receipts/01-acceptance.jws": bench.jws(content)}
    yield _case(bench, "good-second-rendering", loose)
    # A withdrawn seal made the page; the receipt inside is good, recorded and old enough.
    page = rp.Sealed(bench.pki["seal-revoked-after"], rp.objects(files[name]), bench.sealed_at).octets
    yield _case(bench, "page-of-a-withdrawn-seal", files | {"receipts/01-acceptance.pdf": page})
    yield _case(
        bench, "forged-beside-good", files | {"receipts/01-acceptance.jws": bench.jws(content, "ministry")}
    )


def _manifests(bench: EvidenceBench, files: Files) -> Exhibits:
    listed = manifest(files)
    name = "receipts/01-acceptance.xml"
    doubled = listed.replace(b"<asic:DataObjectReference", b"<asic:DataObjectReference", 1)
    first = listed[
        listed.index(b"<asic:DataObjectReference") : listed.index(b"</asic:DataObjectReference>") + 27
    ]
    variants = {
        "names-a-file-twice": doubled.replace(first, first + first, 1),
        "other-signature": manifest(files, signature="META-INF/signature002.p7s"),
        "weaker-digest": listed.replace(b"xmlenc#sha256", b"xmldsig#sha1", 1),
        "absolute-name": listed.replace(name.encode(), b"/" + name.encode(), 1),
        "escaped-name": listed.replace(b"receipts/", b"%72eceipts/", 1),
        "comment": listed.replace(b"<asic:SigReference", b"<!-- --><asic:SigReference", 1),
        "entity": b'<!DOCTYPE m [<!ENTITY e "x">]>' + listed,
        "not-xml": b"receipts are listed elsewhere",
        "empty": b"",
    }
    for case, octets in variants.items():
        yield _case(bench, f"manifest-{case}", files, listed=octets)
    signature = Cms(bench.pki["hub-seal"], listed, time=bench.now).octets
    changed = {**files, name: files[name].replace(b"portal", b"partal")}
    yield Exhibit("bundle-changed-receipt", container(changed, listed, signature), "asice")
    fresh = container(changed, manifest(changed), signature)
    yield Exhibit("bundle-changed-receipt-and-manifest", fresh, "asice")
    whole = container(files, listed, signature)
    yield Exhibit("bundle-cut", whole[:-30], "asice")
    yield Exhibit("bundle-trailing", whole + b"\n", "asice")
