"""A ministry's document system with a SOAP service, for demonstrations and tests.

It knows nothing of any hub. Its habits are those of systems that one meets: some faults come in an HTTP 200,
a first try may fail, and the same external identifier is entered twice if it is sent twice.

    python server.py --port 8301 --data /somewhere [--fault-every 4] [--cut-every 0]

``COURRIER_COMPTE`` (``user:password``) in the environment makes the service ask for Basic authentication.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
import signal
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import messages
from messages import Refus
from page import register_page
from registre import Piece, Registre

LARGEST = 16 * 1024 * 1024
PATH = "/courrier"


class Service:
    """The three operations over the register.

    Args:
        fault_every: every so many-th new identifier meets a passing fault on its first try; 0 for none.
        cut_every: every so many-th new identifier is entered on its first try, but the connection is cut
            before the answer; 0 for none.
    """

    def __init__(self, registre: Registre, fault_every: int, cut_every: int) -> None:
        self.registre = registre
        self._fault_every = fault_every
        self._cut_every = cut_every

    def call(self, octets: bytes, now: datetime) -> bytes | None:
        """The answer to a call; None where the connection shall be cut.

        Raises:
            Refus: a fault.
        """
        element = messages.read(octets)
        operation = messages.name_of(element)
        if operation == "EnregistrerCourrier":
            return self._register(messages.courrier(element), now)
        if operation == "RechercherCourrier":
            return self._search(messages.required(element, "IdentifiantExterne"))
        if operation == "DeposerAccuse":
            kept = self.registre.keep(messages.accuse(element), now)
            return messages.reply("DeposerAccuseReponse", {"Code": "RECU" if kept else "DEJA_RECU"})
        raise Refus("OPERATION_INCONNUE", "Cette opération n'existe pas.")

    def _register(self, courrier: messages.Courrier, now: datetime) -> bytes | None:
        rank, times = self.registre.note_try(courrier.identifiant)
        first = times == 1
        if first and self._fault_every and rank % self._fault_every == 0:
            raise Refus("INDISPONIBLE", "Registre en cours de sauvegarde, veuillez réessayer.", "Server")
        numero = self.registre.register(courrier, now)
        if first and self._cut_every and rank % self._cut_every == 0:
            return None
        accuse = {
            "Code": "RECU",
            "Libelle": "Courrier enregistré",
            "Horodatage": now.isoformat(timespec="seconds"),
            "EmpreinteRecue": [piece.empreinte for piece in courrier.pieces],
        }
        fields = {
            "NumeroOrdre": numero,
            "DateEnregistrement": now.date(),
            "Registre": "Courrier arrivée",
            "Accuse": accuse,
        }
        return messages.reply("EnregistrerCourrierReponse", fields)

    def _search(self, identifiant: str) -> bytes:
        found = [
            {
                "NumeroOrdre": entry["numero"],
                "DateEnregistrement": entry["enregistre"][:10],
                "Objet": entry["objet"],
                "NombrePieces": len(entry["pieces"]),
            }
            for entry in self.registre.search(identifiant)
        ]
        fields = {"NombreTrouve": len(found), "Courrier": found}
        return messages.reply("RechercherCourrierReponse", fields)


class Door(BaseHTTPRequestHandler):
    """HTTP around the service and the register's page."""

    server_version = "CourrierArrivee/1.0"
    sys_version = ""
    timeout = 60
    service: Service
    account = ""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/":
            registre = self.service.registre
            page = register_page(registre.search(), registre.acknowledgments())
            self._answer(200, "text/html; charset=utf-8", page)
        elif path == "/registre.json":
            entries = json.dumps(self.service.registre.search(), ensure_ascii=False, indent=1)
            self._answer(200, "application/json", entries.encode())
        elif path == "/accuses.json":
            told = json.dumps(self.service.registre.acknowledgments(), ensure_ascii=False, indent=1)
            self._answer(200, "application/json", told.encode())
        elif path == PATH and query.lower() == "wsdl":
            self._answer(200, "text/xml; charset=utf-8", self._wsdl())
        elif path.startswith("/pieces/") and path[8:].isdecimal():
            self._file(self.service.registre.piece(int(path[8:])))
        elif path.startswith("/accuses/") and path[9:].isdecimal():
            self._file(self.service.registre.original(int(path[9:])))
        else:
            self._answer(404, "text/plain; charset=utf-8", b"Introuvable.")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != PATH:
            self._answer(404, "text/plain; charset=utf-8", b"Introuvable.")
        elif not length.isdecimal() or int(length) > LARGEST:
            self._answer(413, "text/plain; charset=utf-8", b"Message trop volumineux.")
        else:
            self._soap(self.rfile.read(int(length)))

    def _soap(self, octets: bytes) -> None:
        if not self._is_known():
            self._answer(401, "text/plain; charset=utf-8", b"Identification requise.")
            return
        try:
            answer = self.service.call(octets, datetime.now().astimezone())
        except Refus as refus:
            # A passing fault comes in an HTTP 200, as some stacks do it; the others in a 500.
            status = 200 if refus.side == "Server" else 500
            self._answer(status, "text/xml; charset=utf-8", messages.fault(refus))
            return
        if answer is None:
            self.close_connection = True
        else:
            self._answer(200, "text/xml; charset=utf-8", answer)

    def _is_known(self) -> bool:
        expected = "Basic " + base64.b64encode(self.account.encode()).decode()
        told = self.headers.get("Authorization", "")
        return not self.account or hmac.compare_digest(told.encode(), expected.encode())

    def _wsdl(self) -> bytes:
        host = self.headers.get("Host") or f"{self.server.server_address[0]}:{self.server.server_address[1]}"
        safe = "".join(sign for sign in host if sign.isalnum() or sign in ".:-[]")
        text = Path(__file__).with_name("courrier.wsdl").read_text("utf-8")
        return text.replace("{adresse}", f"http://{safe}{PATH}").encode()

    def _file(self, piece: Piece | None) -> None:
        if piece is None:
            self._answer(404, "text/plain; charset=utf-8", b"Introuvable.")
            return
        disposition = f"attachment; filename*=UTF-8''{quote(piece.nom)}"
        self._answer(200, "application/octet-stream", piece.contenu, disposition)

    def _answer(self, status: int, media_type: str, body: bytes, disposition: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        if disposition:
            self.send_header("Content-Disposition", disposition)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent: the register is the record."""


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Système « Courrier Arrivée » (démonstration)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8301, help="0 for any free one")
    parser.add_argument("--data", type=Path, required=True, help="folder of the register")
    parser.add_argument(
        "--fault-every", type=int, default=0, help="every Nth first try meets a passing fault"
    )
    parser.add_argument(
        "--cut-every", type=int, default=0, help="every Nth first try is stored, then cut off"
    )
    wanted = parser.parse_args()
    Door.service = Service(Registre(wanted.data), wanted.fault_every, wanted.cut_every)
    Door.account = os.environ.get("COURRIER_COMPTE", "")
    server = ThreadingHTTPServer((wanted.host, wanted.port), Door)
    server.daemon_threads = True
    for ending in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the loop, which runs in this very thread.
        signal.signal(ending, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"courrier_soap ready on http://{wanted.host}:{server.server_address[1]}/", flush=True)
    with server:
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
