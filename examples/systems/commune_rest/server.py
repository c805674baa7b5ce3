"""A commune's document system with a REST interface, for demonstrations and tests.

It knows nothing of any hub. A folder is created as a draft, receives documents one by one, and gets its
number when it is confirmed; ``Idempotency-Key`` is honoured; now and then it asks to wait or is out.

    python server.py --port 8302 --data /somewhere [--wait-every 5] [--outage-every 7] [--cut-every 0]
                     [--agent] [--rapport http://somewhere/that/wants/to/know]

``COMMUNE_CLE`` in the environment is the key that callers show as ``X-Api-Key`` (``cle-de-demonstration``).

With ``--agent`` a confirmed folder waits for its number until an agent gives it
(``POST /api/v2/dossiers/CLE/numeroter``, and ``/clore`` at the end); ``GET /api/v2/dossiers/CLE`` tells how
far it is. With ``--rapport`` each such step is also told to an address, signed with HMAC-SHA256 under the
key of ``COMMUNE_RAPPORT_CLE``.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hmac
import io
import json
import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from depot import ETAPES, RUBRIQUES, Depot
from flask import Flask, Response, abort, render_template, request, send_file
from rapport import Teller
from werkzeug.serving import WSGIRequestHandler, make_server

API = "/api/v2"


class Quirks:
    """What goes wrong on the first try of every so many-th folder; 0 for never."""

    def __init__(self, wait_every: int = 0, outage_every: int = 0, cut_every: int = 0) -> None:
        self.wait_every, self.outage_every, self.cut_every = wait_every, outage_every, cut_every

    def answer(self, rank: int, times: int) -> Response | None:
        """The trouble that meets this try, if any."""
        if times == 1 and self.wait_every and rank % self.wait_every == 0:
            return _error(429, "TROP_DE_DEMANDES", "Patientez.", {"Retry-After": "2"})
        if times == 1 and self.outage_every and rank % self.outage_every == 0:
            return _error(503, "MAINTENANCE", "Service en maintenance.", {"Retry-After": "3"})
        return None

    def cuts(self, rank: int, times: int) -> bool:
        """Whether the connection is cut after the confirmation took effect."""
        return bool(times == 1 and self.cut_every and rank % self.cut_every == 0)


class Commune:
    """The answers of the interface and the register's page."""

    def __init__(
        self, depot: Depot, key: str, quirks: Quirks, by_agent: bool = False, teller: Teller | None = None
    ) -> None:
        self._depot, self._key, self._quirks = depot, key, quirks
        self._by_agent, self._teller = by_agent, teller

    def app(self) -> Flask:
        """The application."""
        app = Flask(__name__, template_folder=".", static_folder=None)
        app.before_request(self.check_key)
        app.after_request(_harden)
        app.get("/")(self.register)
        app.get("/documents/<int:number>")(self.document)
        app.get("/accuses/<int:number>")(self.sealed)
        app.get(f"{API}/etat")(self.health)
        app.get(f"{API}/dossiers")(self.folders)
        app.post(f"{API}/dossiers")(self.create)
        app.post(f"{API}/dossiers/<cle>/documents")(self.upload)
        app.post(f"{API}/dossiers/<cle>/valider")(self.confirm)
        app.get(f"{API}/dossiers/<cle>")(self.folder)
        app.post(f"{API}/dossiers/<cle>/numeroter")(self.number)
        app.post(f"{API}/dossiers/<cle>/clore")(self.close)
        app.put(f"{API}/accuses/<cle>")(self.acknowledge)
        app.get(f"{API}/accuses")(self.acknowledgments)
        return app

    def check_key(self) -> Response | None:
        given = request.headers.get("X-Api-Key", "")
        good = hmac.compare_digest(given.encode(), self._key.encode())
        if request.path.startswith(API) and not good:
            return _error(401, "CLE_REFUSEE", "Clé absente ou inconnue.")
        return None

    def register(self) -> str:
        return render_template(
            "registre.html",
            folders=self._depot.all(),
            rubriques=RUBRIQUES,
            told=self._depot.acknowledgments(),
            etapes=ETAPES,
        )

    def document(self, number: int) -> Response:
        name, place = self._depot.document(number) or abort(404)
        return send_file(place.resolve(), "application/octet-stream", as_attachment=True, download_name=name)

    def health(self) -> dict[str, str]:
        return {"etat": "en service"}

    def folders(self) -> dict[str, Any]:
        reference = request.args.get("ref_externe")
        found = self._depot.all() if reference is None else self._depot.by_reference(reference)
        return {"total": len(found), "dossiers": found}

    def folder(self, cle: str) -> Response:
        found = self._depot.folder(cle)
        if found is None:
            return _error(404, "DOSSIER_INCONNU", "Ce dossier n'existe pas.")
        return _made(200, dossier=_shown(found))

    def number(self, cle: str) -> Response:
        return self._by_hand(cle, "recu", lambda: self._depot.confirm(cle, _now()))

    def close(self, cle: str) -> Response:
        return self._by_hand(cle, "enregistre", lambda: self._depot.close(cle))

    def _by_hand(self, cle: str, before: str, act: Callable[[], dict[str, Any]]) -> Response:
        """What an agent does with a folder, told to whoever wants to know."""
        found = self._depot.folder(cle)
        if found is None:
            return _error(404, "DOSSIER_INCONNU", "Ce dossier n'existe pas.")
        if found["etat"] == before:
            found = act()
        told = self._teller.tell(found) if self._teller is not None else None
        return _made(200, dossier=_shown(found), rapport=told)

    def acknowledge(self, cle: str) -> Response:
        fields = request.get_json(silent=True)
        if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
            return _error(400, "JSON_ATTENDU", "Un objet JSON dont les valeurs sont des textes est attendu.")
        if fields.get("etape") not in ETAPES or not all(map(fields.get, ("quand", "fichier", "scelle"))):
            return _error(422, "ACCUSE_INCOMPLET", "Une étape connue, un moment et l'original sont attendus.")
        if not _is_base64(fields["scelle"]):
            return _error(422, "ORIGINAL_ILLISIBLE", "L'original n'est pas du base64.")
        return _made(201 if self._depot.keep(cle, fields) else 200, accuse=cle)

    def sealed(self, number: int) -> Response:
        name, octets = self._depot.sealed(number) or abort(404)
        place = io.BytesIO(octets)
        return send_file(place, "application/octet-stream", as_attachment=True, download_name=name)

    def acknowledgments(self) -> dict[str, Any]:
        found = self._depot.acknowledgments()
        return {"total": len(found), "accuses": found}

    def create(self) -> Response:
        return self._once(self._create)

    def upload(self, cle: str) -> Response:
        return self._once(lambda: self._upload(cle))

    def confirm(self, cle: str) -> Response:
        answer = self._once(lambda: self._confirm(cle))
        if answer.status_code == 200 and self._quirks.cuts(*self._depot.note_try("confirm", _token())):
            return _cut()
        return answer

    def _create(self) -> Response:
        trouble = self._quirks.answer(*self._depot.note_try("create", _token()))
        if trouble is not None:
            return trouble
        fields = request.get_json(silent=True)
        return _wrong(fields) or _made(201, dossier=_shown(self._depot.create(fields, _now())))

    def _upload(self, cle: str) -> Response:
        folder, file = self._depot.folder(cle), request.files.get("document")
        if folder is None:
            return _error(404, "DOSSIER_INCONNU", "Ce dossier n'existe pas.")
        if folder["etat"] != "ebauche":
            return _error(409, "DOSSIER_CLOS", "Le dossier est déjà enregistré.")
        if file is None or not file.filename:
            return _error(422, "DOCUMENT_ABSENT", "Le champ « document » est attendu.")
        name = request.form.get("designation") or file.filename
        return _made(201, document=self._depot.add_document(cle, name, file.mimetype, file.stream))

    def _confirm(self, cle: str) -> Response:
        if self._depot.folder(cle) is None:
            return _error(404, "DOSSIER_INCONNU", "Ce dossier n'existe pas.")
        done = self._depot.receive(cle) if self._by_agent else self._depot.confirm(cle, _now())
        return _made(200, dossier=_shown(done))

    def _once(self, act: Callable[[], Response]) -> Response:
        """Act, or repeat the answer that the same Idempotency-Key got at the same path."""
        token = _token()
        before = self._depot.remembered(token, request.path) if token else None
        if before is not None:
            return Response(before[1], before[0], mimetype="application/json")
        answer = act()
        if token and answer.status_code < 300:
            self._depot.remember(token, request.path, answer.status_code, answer.get_data(as_text=True))
        return answer


def _harden(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response


def _wrong(fields: Any) -> Response | None:
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        return _error(400, "JSON_ATTENDU", "Un objet JSON dont les valeurs sont des textes est attendu.")
    for name in ("intitule", "deposant", "rubrique"):
        if not fields.get(name):
            return _error(422, "CHAMP_ABSENT", f"Le champ « {name} » est obligatoire.")
    if fields["rubrique"] not in RUBRIQUES:
        return _error(422, "RUBRIQUE_INCONNUE", "Cette rubrique n'existe pas.")
    return None


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True


def _shown(folder: dict[str, Any]) -> dict[str, Any]:
    when = folder["enregistre"]
    return {
        "cle": folder["cle"],
        "numero": folder["numero"],
        "etat": folder["etat"],
        "enregistre_le": datetime.fromisoformat(when).strftime("%d/%m/%Y") if when else None,
        "documents": len(folder["documents"]),
    }


def _token() -> str:
    return request.headers.get("Idempotency-Key", "")


def _now() -> datetime:
    return datetime.now().astimezone()


def _made(status: int, **content: Any) -> Response:
    return Response(json.dumps(content, ensure_ascii=False), status, mimetype="application/json")


def _error(status: int, code: str, words: str, headers: dict[str, str] | None = None) -> Response:
    content = json.dumps({"erreur": {"code": code, "libelle": words}}, ensure_ascii=False)
    return Response(content, status, headers, mimetype="application/json")


def _cut() -> Response:
    """An answer that promises more than it gives: the client sees a broken connection."""
    # an iterator, because the length of a string at hand would be put right
    return Response(iter((b"{",)), 200, {"Content-Length": "4096"}, mimetype="application/json")


class _Silent(WSGIRequestHandler):
    """The register is the record."""

    def log(self, *_: object, **__: object) -> None:
        """Write nothing."""


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Dossiers d'une commune (démonstration)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8302, help="0 for any free one")
    parser.add_argument("--data", type=Path, required=True, help="folder of the system's files")
    parser.add_argument("--wait-every", type=int, default=0, help="every Nth first try is told to wait (429)")
    parser.add_argument("--outage-every", type=int, default=0, help="every Nth first try meets a 503")
    parser.add_argument("--cut-every", type=int, default=0, help="every Nth confirmation is cut off")
    parser.add_argument("--agent", action="store_true", help="an agent gives the numbers, later")
    parser.add_argument("--rapport", default="", help="address that is told what agents do")
    wanted = parser.parse_args()
    quirks = Quirks(wanted.wait_every, wanted.outage_every, wanted.cut_every)
    key = os.environ.get("COMMUNE_CLE", "cle-de-demonstration")
    rapport_key = os.environ.get("COMMUNE_RAPPORT_CLE", "rapport-de-demonstration")
    teller = Teller(wanted.rapport, rapport_key) if wanted.rapport else None
    commune = Commune(Depot(wanted.data), key, quirks, wanted.agent, teller)
    server = make_server(wanted.host, wanted.port, commune.app(), threaded=True, request_handler=_Silent)
    for ending in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the loop, which runs in this very thread.
        signal.signal(ending, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"commune_rest ready on http://{wanted.host}:{server.port}/", flush=True)
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
