"""deploy/nginx.conf itself, in front of a hub: what it lets pass, and that it alone says who calls."""

from __future__ import annotations

import json
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
PATTERN = Path(__file__).resolve().parents[2] / "deploy" / "nginx.conf"
HEADER = "X-Client-Certificate"

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx here: a proxy that hands certificates on")


@dataclass(frozen=True)
class Proxied:
    """A hub behind nginx.

    Attributes:
        people, systems: the addresses of its two servers.
        authority: the one of nginx's own certificate.
    """

    behind: Served
    people: str
    systems: str
    authority: Path

    def ask(self, holder: str | None = None, *, of: str = "", **headers: str) -> tuple[int, Any]:
        """Status and JSON of an answer to a reader of the agency's inbox."""
        names = {name.replace("__", "-"): value for name, value in headers.items()}
        address = f"{of or self.systems}/api/v1/inbox?office={AGENCY_OFFICE}"
        return self._answer(urllib.request.Request(address, headers=names), holder)

    def send(self, octets: bytes) -> tuple[int, Any]:
        """Status and JSON of the answer to a submission."""
        headers = {"Content-Type": "application/xml"}
        return self._answer(urllib.request.Request(f"{self.people}/api/v1/envelopes", octets, headers), None)

    def _answer(self, request: urllib.request.Request, holder: str | None) -> tuple[int, Any]:
        context = ssl.create_default_context(cafile=str(self.authority))
        if holder is not None:
            context.load_cert_chain(self.behind.client_pem(holder))
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder, people, systems = tmp_path_factory.mktemp("nginx"), free_port(), free_port()
    settings = {"WASL_WEB_CLIENT_CERTIFICATE_HEADER": HEADER, "WASL_WEB_TRUSTED_PROXIES": "127.0.0.1"}
    with served(folder, tls=False, **settings) as running:
        parties = sorted((running.hub.pki.trust / "parties").glob("*.pem"))
        (folder / "parties.pem").write_bytes(b"".join(one.read_bytes() for one in parties))
        tls = make_tls(folder / "proxy")
        (folder / "nginx.conf").write_text(
            configuration(folder, tls, (people, systems), running.address), "utf-8"
        )
        command = [str(NGINX), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        with subprocess.Popen(command) as nginx:
            try:
                made = Proxied(
                    running, f"https://localhost:{people}", f"https://localhost:{systems}", tls.authority
                )
                Served(running.hub, made.people, made.authority).fetch("/health/live")
                yield made
            finally:
                nginx.terminate()


def configuration(folder: Path, tls: Tls, ports: tuple[int, int], hub: str) -> str:
    """The pattern with names of this machine; of its two web machines one is dead."""
    pattern = PATTERN.read_text("utf-8")
    assert pattern.count("listen 443 ssl;") == len(ports)
    for port in ports:
        pattern = pattern.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;", 1)
    own = {
        " hub.example;": " localhost;",
        " systems.hub.example;": " localhost;",
        "/etc/ssl/hub.example.pem": str(tls.certificate),
        "/etc/ssl/private/hub.example.key": str(tls.key),
        "/etc/ssl/systems.hub.example.pem": str(tls.certificate),
        "/etc/ssl/private/systems.hub.example.key": str(tls.key),
        "/etc/wasl/parties.pem": str(folder / "parties.pem"),
        "web1.internal:8080": hub.removeprefix("http://"),
        "web2.internal:8080": f"127.0.0.1:{free_port()}",
    }
    for shown, here in own.items():
        assert shown in pattern
        pattern = pattern.replace(shown, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    kept = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    return f"daemon off; pid {folder}/pid; events {{}} http {{ access_log off; {kept} {pattern} }}"


def test_nothing_of_the_pattern_is_left_out_or_warned_of(tmp_path: Path) -> None:
    tls = make_tls(tmp_path / "proxy")
    (tmp_path / "parties.pem").write_bytes(tls.authority.read_bytes())
    (tmp_path / "nginx.conf").write_text(
        configuration(tmp_path, tls, (free_port(), free_port()), "http://127.0.0.1:1"), "utf-8"
    )
    words = [str(NGINX), "-t", "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log")]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stderr
    assert "test is successful" in said
    assert "[warn]" not in said


def test_letter_larger_than_a_proxy_likes_is_judged_by_the_hub(proxied: Proxied) -> None:
    status, problem = proxied.send(b"<Envelope>" + b" " * 2_000_000 + b"</Envelope>")
    assert (status, problem["code"][:5]) == (422, "WASL-")


def test_machine_that_is_dead_is_passed_over_for_a_letter_too(proxied: Proxied) -> None:
    assert [proxied.send(b"<Envelope/>")[0] for _ in range(6)] == [422] * 6


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


@pytest.mark.parametrize("name", ["X__Client__Certificate", "X_Client_Certificate", "x__client__certificate"])
def test_certificate_counts_for_nothing_where_nobody_is_asked_for_one(proxied: Proxied, name: str) -> None:
    agency = quote(proxied.behind.hub.pki.certificate_path("agency").read_text())
    for answer in (
        proxied.ask("agency", of=proxied.people),
        proxied.ask(of=proxied.people, **{name: agency}),
    ):
        assert (answer[0], answer[1]["code"]) == (401, "WASL-AUT-001")
