"""Bundles taken from a hub, taken apart, and put together again as an attacker, or a careless hub, would."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from certs.testpki import Pki
from gateway.trust.cades import seal_detached
from gateway.trust.seal import KeySealer
from gateway.verifier.report import Report
from gateway.verifier.verify import verify_file
from gateway.wire.asic import MANIFEST, MIMETYPE, SIGNATURE, Writer
from tests.support.hub import HubUnderTest

OWN = (MIMETYPE, MANIFEST, SIGNATURE)

Files = dict[str, bytes]


def bundle_of(hub: HubUnderTest, reference: str, party: str | None = None) -> bytes:
    """The bundle of a letter."""
    with hub.gateway.services.bundles.make(reference, party) as file:
        return file.read()


def files_in(octets: bytes) -> Files:
    """Every file of a bundle, its own ones too, in their order."""
    with zipfile.ZipFile(io.BytesIO(octets)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files as they are, under the old manifest and the old seal: what anybody can do."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, octets in files.items():
            archive.writestr(zipfile.ZipInfo(name), octets)
    return target.getvalue()


def sealed(files: Mapping[str, bytes], pki: Pki, at: datetime, holder: str = "hub-seal") -> bytes:
    """The files under a manifest and a seal of their own: what only the seal's keeper can do."""
    sealer = KeySealer.from_files(pki.key_path(holder), pki.certificate_path(holder))
    target = io.BytesIO()
    writer = Writer(target)
    for name, octets in files.items():
        if name not in OWN:
            writer.add(name, "application/octet-stream", [octets], len(octets))
    writer.close(lambda manifest: seal_detached(manifest, sealer, at))
    return target.getvalue()


def judged(octets: bytes, folder: Path, trust: Path, now: datetime, original: Path | None = None) -> Report:
    """What the verifier says of a bundle, through the door that people use."""
    path = folder / "bundle.asice"
    path.write_bytes(octets)
    return verify_file(path, trust, original, now)


def codes(report: Report) -> list[str]:
    """The codes of the bundle's own steps and of all its parts."""
    return [step.code for step in report.all_steps()]


def changed(files: Files, name: str, change: Callable[[bytes], bytes]) -> Files:
    """The files with another content of one of them."""
    return {**files, name: change(files[name])}
