"""A demonstration that only pretends: the control process the page asks, and the hub it looks into."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast

from flask import Flask

from gateway.domain.errors import NotFound
from gateway.exchange.transit.look import DeliveryView, LetterView, Looking
from gateway.settings import Settings, load
from gateway.web.app import create_app
from gateway.web.demo_view import AGENCY_OFFICE, COMMUNE_OFFICE, MINISTRY, MINISTRY_OFFICE, PLATFORM
from gateway.web.services import Services

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LANGUAGES = ("ar", "fr", "en")
SECRET = "of this run"
TAMPERED = {
    "done": True,
    "good": {"en": "Proved, and not changed since.", "fr": "Prouvé.", "ar": "ثابت."},
    "altered": {"en": "This file proves nothing.", "fr": "Rien.", "ar": "لا شيء."},
    "byte": 412,
}


def delivery(office: str, name: str, state: str, **more: Any) -> DeliveryView:
    """A delivery as the hub shows it to the sender."""
    fields: dict[str, Any] = {
        "id": f"delivery-{office}",
        "processing": "NONE",
        "notices": (),
        "register_number": None,
        "target_reference": None,
        "next_attempt": None,
        "steps": (),
    }
    return DeliveryView(office=office, name=name, state=state, **(fields | more))


def told(number: int, kind: str, **more: Any) -> dict[str, Any]:
    """A letter as the control process tells of it."""
    stem = f"{number:02d}-{kind}"
    return {
        "number": number,
        "title": kind,
        "subject": "DEMONSTRATION: a subject",
        "language": "en",
        "format": "XML",
        "status": 201,
        "reference": "ABCD-EFGH-JK0",
        "deliveries": [],
        "problems": [],
        "files": [f"{stem}-envelope.xml", f"{stem}-receipt-acceptance.xml"],
        **more,
    }


@dataclass
class FakeHub:
    """Knows the deliveries of letters by reference and sender."""

    letters: dict[tuple[str, str], tuple[DeliveryView, ...]] = field(default_factory=dict)

    def letter(self, reference: str, party: str) -> LetterView:
        if (reference, party) not in self.letters:
            raise NotFound.because("WASL-REQ-005")
        deliveries = self.letters[reference, party]
        return LetterView(reference, "id", "ACCEPTED", False, "subject", NOW, deliveries)


@dataclass
class FakeShow:
    """What the control process answers; ``asked`` keeps what it heard."""

    letters: list[dict[str, Any]] = field(default_factory=list)
    commune_running: bool = True
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, action: str) -> dict[str, Any]:
        self.asked.append(action)
        if action == "state":
            return {"commune_running": self.commune_running, "letters": self.letters}
        if action in ("stop", "start"):
            self.commune_running = action == "start"
        return self.answers.get(action, TAMPERED if action == "tamper" else {"done": True})


@contextmanager
def running(show: FakeShow, home: Path, secret: str = SECRET) -> Iterator[str]:
    """Serves ``show`` on this machine and says in ``home`` where; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.headers.get("Authorization") != f"Bearer {SECRET}":
                self.send_error(403)
                return
            body = json.dumps(show.answer(self.path.strip("/"))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        (home / "demo").mkdir(exist_ok=True)
        (home / "demo" / "control.json").write_text(json.dumps({"url": url, "secret": secret}))
        try:
            yield url
        finally:
            server.shutdown()
            thread.join()


def settings_for(home: Path, **environment: str) -> Settings:
    return load({"WASL_HOME": str(home), "WASL_HUB_DEMONSTRATION": "true", **environment})


def make_app(settings: Settings, hub: FakeHub | None = None) -> Flask:
    """The application with nothing behind it but ``hub``."""
    services = cast("Mapping[str, Any]", {"looking": cast("Looking", hub or FakeHub())})
    absent = dict.fromkeys(one.name for one in fields(Services))
    return create_app(settings, Services(**cast("Any", {**absent, **services})), LANGUAGES)


def busy_show() -> tuple[FakeShow, FakeHub]:
    """A demonstration in which everything has happened that the page can show."""
    references = ["7K2M-94QD-X3P", "B5TN-0WRA-8H6", "3FHC-YV71-GZ4"]
    long = "DÉMONSTRATION : " + "avis de travaux sur le réseau d’assainissement, " * 4 + "x" * 90
    waiting = told(7, "works-notice", subject=long, language="fr", reference=references[2])
    letters = [
        told(
            1,
            "works-notice",
            subject="DÉMONSTRATION : avis de travaux sur le réseau d'eau",
            language="fr",
            reference=references[0],
            files=[
                "01-works-notice-envelope.xml",
                "01-works-notice-receipt-acceptance.xml",
                "01-works-notice-receipt-delivery-commune.xml",
                "01-works-notice-receipt-availability-agency.xml",
            ],
        ),
        told(
            2,
            "permit-request",
            subject="عرض تجريبي: طلب رخصة شغل الملك العمومي",
            language="ar",
            format="JSON",
            reference=references[1],
            files=["02-permit-request-envelope.jws", "02-permit-request-receipt-acceptance.jws"],
        ),
        told(
            4,
            "unknown-recipient",
            subject="DEMONSTRATION: report to an office that does not exist",
            status=422,
            reference=None,
            problems=["WASL-RTE-001: The recipient B0000999-X is not known."],
        ),
        waiting,
    ]
    commune, agency = "Commune de Démoville", "Agence de démonstration"
    hub = FakeHub(
        {
            (references[0], MINISTRY): (
                delivery(COMMUNE_OFFICE, commune, "HANDED_OVER", register_number="C-2026/00031"),
                delivery(AGENCY_OFFICE, agency, "AVAILABLE"),
            ),
            (references[1], PLATFORM): (
                delivery(MINISTRY_OFFICE, "وزارة العرض", "HANDED_OVER", register_number="2026/BO/1187"),
            ),
            (references[2], MINISTRY): (
                delivery(
                    COMMUNE_OFFICE, commune, "WAITING", next_attempt=datetime.now(UTC) + timedelta(hours=1)
                ),
                delivery(AGENCY_OFFICE, agency, "AVAILABLE"),
            ),
        }
    )
    return FakeShow(letters, commune_running=False), hub
