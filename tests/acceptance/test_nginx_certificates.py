"""Client certificates through nginx, set up as docs/deploy.md says: it alone says who calls."""

from __future__ import annotations

import json
import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.hub import AGENCY_OFFICE
from tests.support.live import free_port
from tests.support.served import Served, served
from tests.support.tls import make_tls
from tools.services import Tls

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"
HEADER = "X-Client-Certificate"

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx here: a proxy that hands certificates on")


@dataclass(frozen=True)
class Proxied:
    """A hub behind nginx; ``authority`` is the one of nginx's own certificate."""

    behind: Served
    address: str
    authority: Path

    def ask(self, holder: str | None = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of an answer to a reader of the agency's inbox."""
        context = ssl.create_default_context(cafile=str(self.authority))
        if holder is not None:
            context.load_cert_chain(self.behind.client_pem(holder))
        names = {name.replace("__", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.address}/api/v1/inbox?office={AGENCY_OFFICE}", headers=names)
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    settings = {"WASL_WEB_CLIENT_CERTIFICATE_HEADER": HEADER, "WASL_WEB_TRUSTED_PROXIES": "127.0.0.1"}
    with served(folder, tls=False, **settings) as running:
        parties = sorted((running.hub.pki.trust / "parties").glob("*.pem"))
        (folder / "parties.pem").write_bytes(b"".join(one.read_bytes() for one in parties))
        tls = make_tls(folder / "proxy")
        (folder / "nginx.conf").write_text(configuration(folder, tls, port, running.address), "utf-8")
        command = [str(NGINX), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        with subprocess.Popen(command) as nginx:
            try:
                made = Proxied(running, f"https://localhost:{port}", tls.authority)
                Served(running.hub, made.address, made.authority).fetch("/health/live")
                yield made
            finally:
                nginx.terminate()


def configuration(folder: Path, tls: Tls, port: int, hub: str) -> str:
    """The server of the page, between what it leaves out."""
    [block] = re.findall(r"```nginx\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    own = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "systems.hub.example": "localhost",
        "/etc/wasl/parties.pem": str(folder / "parties.pem"),
        "http://wasl": hub,
    }
    for shown, here in own.items():
        assert shown in block
        block = block.replace(shown, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    kept = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    shows = f"ssl_certificate {tls.certificate}; ssl_certificate_key {tls.key};"
    return f"daemon off; pid {folder}/pid; events {{}} http {{ access_log off; {kept} {shows} {block} }}"


def test_certificate_reaches_the_hub(proxied: Proxied) -> None:
    assert proxied.ask("agency")[0] == 200
    assert proxied.ask("commune")[0] == 404


def test_who_shows_none_is_nobody(proxied: Proxied) -> None:
    status, problem = proxied.ask()
    assert (status, problem["code"]) == (401, "WASL-AUT-001")


def test_certificate_that_nobody_registered_is_refused(proxied: Proxied) -> None:
    status, problem = proxied.ask("office")
    assert (status, problem["code"]) == (401, "WASL-AUT-006")


@pytest.mark.parametrize("name", ["X__Client__Certificate", "X_Client_Certificate", "x__client__certificate"])
def test_header_that_a_caller_wrote_itself_is_gone(proxied: Proxied, name: str) -> None:
    spoofed = quote(proxied.behind.hub.pki.certificate_path("agency").read_text())
    status, problem = proxied.ask(None, **{name: spoofed})
    assert (status, problem["code"]) == (401, "WASL-AUT-001")
    assert proxied.ask("commune", **{name: spoofed})[0] == 404
