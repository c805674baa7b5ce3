"""Time-stamp authorities of a test's own: `openssl ts` signs, a small HTTP server on the loopback answers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from certs.testpki import issue, new_key

REPLY = "application/timestamp-reply"
_SETTINGS = """
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/signer.pem
signer_key = {key}
signer_digest = {digest}
default_policy = 1.2.3.4.1
digests = sha256, sha384
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = {ess}
{certs}
"""


@dataclass(frozen=True)
class Answer:
    """What the server sends."""

    body: bytes
    status: int = 200
    media_type: str = REPLY


class OpensslAuthority:
    """`openssl ts` with a key of the test PKI.

    Args:
        carried: certificates that go into each token beside the signer's, in this order.
    """

    def __init__(
        self,
        folder: Path,
        holder: Any,
        digest: str = "sha256",
        ess: str = "sha256",
        carried: Sequence[x509.Certificate] = (),
    ) -> None:
        _need_openssl()
        folder.mkdir(parents=True)
        self.folder = folder
        key = folder.parent / f"{folder.name}.key"
        key.write_bytes(_pem_key(holder.key))
        (folder / "serial").write_text("01\n")
        (folder / "signer.pem").write_bytes(holder.certificate.public_bytes(Encoding.PEM))
        (folder / "certs.pem").write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in carried))
        certs = f"certs = {folder}/certs.pem" if carried else ""
        settings = _SETTINGS.format(folder=folder, key=key, digest=digest, ess=ess, certs=certs)
        (folder / "tsa.cnf").write_text(settings)

    def reply(self, request: bytes) -> bytes:
        """The TimeStampResp to a TimeStampReq; a refusal is one too."""
        query = self.folder / "query.tsq"
        query.write_bytes(request)
        command = ["openssl", "ts", "-reply", "-config", str(self.folder / "tsa.cnf"), "-section", "tsa"]
        done = subprocess.run(
            [*command, "-queryfile", str(query), "-out", str(self.folder / "reply.tsr")],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return (self.folder / "reply.tsr").read_bytes()

    def answer(self, request: bytes) -> Answer:
        return Answer(self.reply(request))


def _need_openssl() -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no other program makes or confirms time-stamps")


def _pem_key(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def openssl_verifies(response: bytes, data: bytes, authority: Path, folder: Path) -> bool:
    """Whether `openssl ts -verify` finds the response good over ``data`` under that authority."""
    _need_openssl()
    (folder / "response.tsr").write_bytes(response)
    (folder / "data").write_bytes(data)
    files = ["-in", str(folder / "response.tsr"), "-data", str(folder / "data"), "-CAfile", str(authority)]
    done = subprocess.run(["openssl", "ts", "-verify", *files], capture_output=True, check=False)
    return done.returncode == 0 and b"Verification: OK" in done.stdout


def stamping_holder(
    pki: Any, name: str, key: str = "p256", issuer: str = "tsa-ca", **certificate: Any
) -> Any:
    """A fresh key of the PKI with a certificate for time-stamping."""
    purposes = certificate.pop("purposes", [Purpose.TIME_STAMPING])
    usage = certificate.pop("usage", ["digital_signature"])
    return issue(pki, name, issuer, key=new_key(key), usage=usage, purposes=purposes, **certificate)


@contextmanager
def serving(answer: Callable[[bytes], Answer | None]) -> Iterator[str]:
    """The address of a server that answers each request body so; None is silence on an open connection."""
    server = _Server(answer)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/tsa"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[[bytes], Answer | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, _Server)
        assert self.headers["Content-Type"] == "application/timestamp-query"
        answer = self.server.answer(self.rfile.read(int(self.headers["Content-Length"])))
        if answer is None:
            self.rfile.read(1)  # until the client goes away
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """Nothing: tests print nothing of their own."""
