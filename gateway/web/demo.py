"""The demonstration's page: a letter on its way, and buttons that let one try it."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request, send_from_directory, url_for

from adapters.contract import Http
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import Ambiguous, NotFound
from gateway.exchange.transit.look import DeliveryView, Looking
from gateway.i18n import mark
from gateway.settings import Settings
from gateway.web.access import public
from gateway.web.demo_control import Control, NoShow
from gateway.web.demo_view import COMMUNE_OFFICE, MINISTRY_OFFICE, ShownLetter, kind_of, read_letter
from gateway.web.forms import form_token, own_form
from gateway.web.layout import Layout

COOKIE = "wasl-demo"
BY_HAND = "05-by-hand-envelope.xml"
ACTIONS = "send,repeat,stop,start,tamper"
STALE, SLOW, FAILED = "stale", "slow", "failed"
NOT_FOUND = "WASL-REQ-005"
LIMITS = HttpLimits(connect_s=2, read_s=8, total_s=8)
"""Beyond it the page is shown as it is; what was asked for goes on."""
SAID: Mapping[str, str] = {
    "send": mark("A letter was sent. Its way is drawn below."),
    "repeat": mark(
        "The same letter was sent once more. The hub took nothing twice: the identical receipt came back."
    ),
    "stop": mark("The commune’s system is stopped. Send a letter and see what becomes of it."),
    "start": mark("The commune’s system runs again. Letters that wait are tried again by themselves."),
    SLOW: mark("This takes longer than usual. The page shows what has happened so far; look again soon."),
    STALE: mark("The page had become too old, so nothing was done. Press the button again."),
    FAILED: mark("This did not work. The terminal in which the demonstration runs says why."),
}
"""What the page says after a button was pressed."""
_FILE = re.compile(r"[0-9a-z-]+\.(?:xml|jws)")


def blueprint(
    settings: Settings,
    looking: Looking,
    layout: Layout,
    http: Http | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Blueprint:
    """The routes below ``/demo``; only for a hub in demonstration mode."""
    show = _Page(settings, looking, layout, http or _http(), now)
    pages = Blueprint("demo", __name__, url_prefix="/demo")

    @pages.get("")
    @public
    def page() -> Response:
        try:
            return show.picture(show.control())
        except NoShow:
            return layout.page("demo_absent.html", 503)

    @pages.post(f"/<any({ACTIONS}):action>")
    @public
    def act(action: str) -> Response:
        try:
            return show.act(show.control(), action)
        except NoShow:
            return _to(url_for("demo.page"))

    @pages.get("/files/<name>")
    @public
    def file(name: str) -> Response:
        if not _FILE.fullmatch(name):
            raise NotFound.because(NOT_FOUND)
        return send_from_directory(show.folder, name, as_attachment=True, max_age=0)

    return pages


def _http() -> Http:
    return GuardedHttp(HttpSettings(allow=("127.0.0.1",), limits=LIMITS))


class _Page:
    """Draws the page and carries its buttons out."""

    def __init__(
        self,
        settings: Settings,
        looking: Looking,
        layout: Layout,
        http: Http,
        now: Callable[[], datetime],
    ) -> None:
        self._settings, self._looking, self._layout = settings, looking, layout
        self._http, self._now = http, now

    @property
    def folder(self) -> Path:
        """Where the demonstration leaves its files."""
        return self._settings.home / "demo"

    def control(self) -> Control:
        """The running demonstration.

        Raises:
            NoShow: none runs.
        """
        return Control.find(self.folder / "control.json", self._http)

    def act(self, control: Control, action: str) -> Response:
        """Do what a button says, then show what came of it."""
        if not own_form(request, control.secret, COOKIE):
            return _back(STALE)
        try:
            done = control.ask(action)
            if done["done"] and action == "tamper":
                return self.picture(control, verdicts=done)
        except Ambiguous:
            return _back(SLOW)
        return _back(action if done["done"] else FAILED)

    def picture(self, control: Control, verdicts: Mapping[str, Any] | None = None) -> Response:
        """The page as things stand."""
        try:
            state = control.ask("state")
        except Ambiguous as error:
            raise NoShow(str(error)) from error
        letters = [self._letter(told) for told in state["letters"]]
        nonce = request.cookies.get(COOKIE) or secrets.token_hex(16)
        answer = self._layout.page(
            "demo.html",
            here=url_for("demo.page") if verdicts else None,
            letters=letters,
            chosen=_chosen(letters),
            commune_runs=state["commune_running"],
            verdicts=verdicts,
            said=SAID.get(request.args.get("said", "")),
            token=form_token(control.secret, nonce),
            systems=self._systems(),
            command=self._command(),
            now=self._now(),
        )
        answer.set_cookie(COOKIE, nonce, httponly=True, samesite="Strict", path=url_for("demo.page"))
        return answer

    def _letter(self, told: Mapping[str, Any]) -> ShownLetter:
        return read_letter(told, self._deliveries(told["reference"], kind_of(told).party))

    def _deliveries(self, reference: str | None, party: str) -> tuple[DeliveryView, ...]:
        try:
            return self._looking.letter(reference, party).deliveries if reference else ()
        except NotFound:
            return ()

    def _systems(self) -> Mapping[str, str]:
        """The recipients' own systems, by office."""
        demo = self._settings.demo
        return {
            MINISTRY_OFFICE: f"http://127.0.0.1:{demo.soap_port}/",
            COMMUNE_OFFICE: f"http://127.0.0.1:{demo.rest_port}/",
        }

    def _command(self) -> str | None:
        """The command that sends a letter by hand, where that letter lies ready."""
        letter = self.folder / BY_HAND
        if not letter.is_file():
            return None
        door = f"{self._settings.hub.public_url}/api/v1/envelopes"
        return (
            "curl -i -H 'Content-Type: application/xml' \\\n"
            f"  --data-binary {shlex.quote('@' + str(letter))} \\\n"
            f"  {door}"
        )


def _chosen(letters: list[ShownLetter]) -> ShownLetter | None:
    """The letter whose way is drawn: the one asked for, else the newest that was accepted."""
    wanted = request.args.get("letter", "")
    asked = (letter for letter in letters if str(letter.number) == wanted)
    newest = (letter for letter in reversed(letters) if not letter.refused)
    return next(asked, None) or next(newest, None) or next(reversed(letters), None)


def _back(said: str) -> Response:
    return _to(url_for("demo.page", said=said))


def _to(address: str) -> Response:
    # 303: the browser asks for the page anew, so that reloading it presses no button again
    return Response(status=303, headers={"Location": address})
