"""Letters into a real document system, Mayan EDMS, which answers uploads with an error page and keeps them.

Each letter must lie there once, whole, whatever it answers; where the hub does not hear the end, it looks.

python -m tests.faults.mayan [--folder FOLDER] [--letters 20]
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps, loads
from pathlib import Path
from typing import Any
from uuid import uuid4

from adapters.contract import Context, Delivered, Letter
from adapters.rest import RestAdapter
from gateway.bootstrap import contexts
from gateway.domain.errors import Ambiguous
from gateway.store.registry import queries
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest, with_adapters
from tests.support.live import free_port
from tests.support.systems import Simulator, accept, attempts, fresh_hub, row, state

ROOT = Path(__file__).parents[2]
ROUTE = tomllib.loads((ROOT / "examples/routes/mayan.toml").read_text("utf-8"))
SUBJECT = "طلب رخصة البناء"


@contextmanager
def mayan(folder: Path) -> Iterator[str]:
    """A Mayan in a folder, installed first if need be; the address of its interface."""
    script = ["sh", str(ROOT / "tools/mayan.sh"), str(folder)]
    port = free_port()
    subprocess.run([*script, str(port), "install"], check=True, timeout=1800)
    with subprocess.Popen([*script, str(port)]) as running:
        try:
            url = f"http://127.0.0.1:{port}/api/v4"
            _wait_for(url)
            yield url
        finally:
            running.terminate()


def _wait_for(url: str) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"{url}/", timeout=5).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
        else:
            return


class Deaf(RestAdapter):
    """The kind ``rest`` on a bad line: of every second letter that arrives it does not hear so."""

    kind = "deaf"

    def __init__(self) -> None:
        super().__init__()
        self.delivered: list[str] = []

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        """Hand the letter over, and forget every other answer."""
        done = super().deliver(letter, context)
        self.delivered.append(letter.delivery_id)
        if len(self.delivered) % 2:
            raise Ambiguous("WASL-DLV-004", "the line broke")
        return done


class Documents:
    """What lies in Mayan, asked past the hub."""

    def __init__(self, url: str, password: str) -> None:
        self._url = url
        self._headers = {"Authorization": "Basic " + b64encode(f"admin:{password}".encode()).decode()}

    def _get(self, path: str, body: Any = None) -> Any:
        data = None if body is None else dumps(body).encode()
        headers = self._headers | ({} if body is None else {"Content-Type": "application/json"})
        asked = urllib.request.Request(self._url + path, data, headers)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return loads(answer.read())

    def of(self, delivery: str) -> list[dict[str, Any]]:
        """The documents of one delivery."""
        every = self._get("/documents/?page_size=1000&_ordering=-id")["results"]
        return [one for one in every if one["description"] == delivery]

    def begin(self, delivery: str) -> None:
        """A document as it stands where a worker died before the first upload."""
        self._get("/documents/", {"document_type_id": 1, "label": SUBJECT, "description": delivery})

    def digests(self, document: int) -> set[str]:
        """What its files hash to."""
        return {
            one["checksum"] for one in self._get(f"/documents/{document}/files/?page_size=500")["results"]
        }


def deliver(hub: HubUnderTest, documents: Documents, plan: Path, letters: int) -> list[str]:
    """Letters with two attachments, each there once and whole; their deliveries."""
    accepted = [
        accept(hub, COMMUNE_OFFICE, subject=f"{SUBJECT} {number}", files=(plan,))[0]
        for number in range(letters)
    ]
    while hub.dispatch().run_once() or _unsettled(hub, accepted):
        hub.clock.forward(minutes=5)
    for delivery in accepted:
        assert state(hub, delivery) == "HANDED_OVER", [one.detail for one in attempts(hub, delivery)]
        [document] = documents.of(delivery)
        assert document["label"].startswith(SUBJECT)
        assert document["uuid"] == row(hub, delivery).target_reference
        found = documents.digests(document["id"])
        assert hashlib.sha256(plan.read_bytes()).hexdigest() in found
        assert len(found) == 2
    return accepted


def _unsettled(hub: HubUnderTest, accepted: list[str]) -> bool:
    return any(state(hub, one) in ("QUEUED", "WAITING") for one in accepted)


def look_up(hub: HubUnderTest, documents: Documents, context: Context, delivery: str) -> None:
    """An arrived letter is found; one that never came is not, nor one of which a part is missing."""
    adapter = RestAdapter()
    found = adapter.find(delivery, "", context)
    assert found is not None
    assert found.target_reference == row(hub, delivery).target_reference
    other = str(uuid4())
    assert adapter.find(other, "", context) is None
    documents.begin(other)
    assert adapter.find(other, "", context) is None
    print(adapter.probe(context), flush=True)


def main(arguments: list[str]) -> int:
    """0 when every letter lies there once."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mayan", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where Mayan is, or is to be installed")
    parser.add_argument("--letters", type=int, default=20)
    wanted = parser.parse_args(arguments)
    home = Path(tempfile.mkdtemp(prefix="wasl-mayan-"))
    folder = (wanted.folder or home / "mayan").absolute()
    plan = home / "مخطط.pdf"
    plan.write_bytes(b"%PDF-1.7 DEMONSTRATION plan " * 9000)
    with mayan(folder) as url:
        password = (folder / "password").read_text("utf-8").strip()
        deaf, documents = Deaf(), Documents(url, password)
        hub = fresh_hub(home / "hub", Simulator(), WASL_OUTGOING_ALLOW="127.0.0.1")
        hub.gateway = with_adapters(hub.gateway, {deaf.kind: deaf})
        secrets = home / "hub/secrets"
        secrets.mkdir(exist_ok=True, mode=0o700)
        (secrets / "mayan-password").write_text(password)
        office = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE)
        route = {"kind": "adapter", "adapter": deaf.kind, "options": {**ROUTE, "base_url": url}}
        hub.apply({"office": [{**office, "route": route}]})
        accepted = deliver(hub, documents, plan, wanted.letters)
        assert sorted(deaf.delivered) == sorted(accepted)  # none was handed over twice
        with hub.gateway.store.read() as session:
            found = queries.office(session, COMMUNE_OFFICE)
        assert found is not None
        look_up(hub, documents, contexts(hub.gateway)(found.route), accepted[0])
    print(f"{wanted.letters} letters lie in Mayan, each once and whole", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
