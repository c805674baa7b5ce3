"""The ministry's register of incoming mail and of what became of its own, in a SQLite file of its own."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

NATURES = {
    "LET": "Lettre",
    "DEM": "Demande",
    "REC": "Réclamation",
    "REP": "Réponse",
    "FAC": "Facture",
    "DIV": "Divers",
}
ETAPES = {
    "ACC": "Accepté par la plateforme",
    "REJ": "Refusé par la plateforme",
    "DIS": "Mis à disposition du destinataire",
    "REM": "Remis au destinataire",
    "ENR": "Enregistré par le destinataire",
    "AVA": "Avancement",
    "DEL": "Délai applicable",
    "FIN": "Suite donnée",
    "ECH": "Non remis",
    "AUT": "Autre étape",
}
_TABLES = """
CREATE TABLE IF NOT EXISTS courrier (
    rang INTEGER PRIMARY KEY AUTOINCREMENT, numero TEXT UNIQUE, identifiant TEXT NOT NULL, reference TEXT,
    expediteur TEXT NOT NULL, service TEXT, nature TEXT NOT NULL, objet TEXT NOT NULL, date_document TEXT,
    urgent INTEGER NOT NULL, texte TEXT, enregistre TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS courrier_identifiant ON courrier (identifiant);
CREATE TABLE IF NOT EXISTS piece (
    id INTEGER PRIMARY KEY AUTOINCREMENT, courrier INTEGER NOT NULL REFERENCES courrier, nom TEXT NOT NULL,
    type TEXT NOT NULL, contenu BLOB NOT NULL, empreinte TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accuse (
    rang INTEGER PRIMARY KEY AUTOINCREMENT, identifiant TEXT UNIQUE NOT NULL, etape TEXT NOT NULL,
    horodatage TEXT NOT NULL, reference TEXT, message TEXT, objet TEXT, destinataire TEXT, numero TEXT,
    date_enregistrement TEXT, motifs TEXT, nom TEXT NOT NULL, type TEXT NOT NULL, contenu BLOB NOT NULL,
    recu TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS essai (
    rang INTEGER PRIMARY KEY AUTOINCREMENT, identifiant TEXT UNIQUE NOT NULL, fois INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class Piece:
    """One document of a letter."""

    nom: str
    type: str
    contenu: bytes

    @property
    def empreinte(self) -> str:
        return hashlib.sha256(self.contenu).hexdigest()


@dataclass(frozen=True)
class Courrier:
    """A letter as the service receives it."""

    identifiant: str
    expediteur: str
    nature: str
    objet: str
    reference: str = ""
    service: str = ""
    date_document: str = ""
    urgent: bool = False
    texte: str = ""
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Accuse:
    """What became of a letter that the ministry sent, as the service is told it."""

    identifiant: str
    etape: str
    horodatage: str
    original: Piece
    reference: str = ""
    message: str = ""
    objet: str = ""
    destinataire: str = ""
    numero: str = ""
    date_enregistrement: str = ""
    motifs: tuple[str, ...] = ()


class Registre:
    """Opens the file anew for each call, so that any thread may call."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "courrier.sqlite"
        with self._open() as db:
            db.executescript(_TABLES)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._file, timeout=20)
        db.row_factory = sqlite3.Row
        try:
            with db:
                yield db
        finally:
            db.close()

    def note_try(self, identifiant: str) -> tuple[int, int]:
        """Count a try: the rank of the identifier among all, and how often it was tried."""
        with self._open() as db:
            db.execute(
                "INSERT INTO essai (identifiant, fois) VALUES (?, 1)"
                " ON CONFLICT (identifiant) DO UPDATE SET fois = fois + 1",
                (identifiant,),
            )
            row = db.execute("SELECT rang, fois FROM essai WHERE identifiant = ?", (identifiant,)).fetchone()
        return row["rang"], row["fois"]

    def register(self, courrier: Courrier, now: datetime) -> str:
        """Enter a letter and give its order number; a second call enters it a second time."""
        with self._open() as db:
            rang = db.execute(
                "INSERT INTO courrier (identifiant, reference, expediteur, service, nature, objet,"
                " date_document, urgent, texte, enregistre) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    courrier.identifiant,
                    courrier.reference,
                    courrier.expediteur,
                    courrier.service,
                    courrier.nature,
                    courrier.objet,
                    courrier.date_document,
                    courrier.urgent,
                    courrier.texte,
                    now.isoformat(timespec="seconds"),
                ),
            ).lastrowid
            numero = f"{now.year}/{rang:06d}"
            db.execute("UPDATE courrier SET numero = ? WHERE rang = ?", (numero, rang))
            db.executemany(
                "INSERT INTO piece (courrier, nom, type, contenu, empreinte) VALUES (?,?,?,?,?)",
                [(rang, piece.nom, piece.type, piece.contenu, piece.empreinte) for piece in courrier.pieces],
            )
        return numero

    def search(self, identifiant: str | None = None) -> list[dict[str, Any]]:
        """Entries with their documents (without contents), the newest first."""
        where = "" if identifiant is None else " WHERE identifiant = ?"
        values = () if identifiant is None else (identifiant,)
        with self._open() as db:
            rows = db.execute(f"SELECT * FROM courrier{where} ORDER BY rang DESC", values).fetchall()
            pieces = db.execute(
                "SELECT id, courrier, nom, type, length(contenu) AS taille, empreinte FROM piece ORDER BY id"
            ).fetchall()
        entries = [dict(row) for row in rows]
        for entry in entries:
            entry["pieces"] = [dict(piece) for piece in pieces if piece["courrier"] == entry["rang"]]
        return entries

    def piece(self, number: int) -> Piece | None:
        """One document with its content."""
        with self._open() as db:
            row = db.execute("SELECT nom, type, contenu FROM piece WHERE id = ?", (number,)).fetchone()
        return None if row is None else Piece(row["nom"], row["type"], row["contenu"])

    def keep(self, accuse: Accuse, now: datetime) -> bool:
        """Keep an acknowledgment; False where its identifier is there already."""
        values = (
            accuse.identifiant,
            accuse.etape,
            accuse.horodatage,
            accuse.reference,
            accuse.message,
            accuse.objet,
            accuse.destinataire,
            accuse.numero,
            accuse.date_enregistrement,
            "\n".join(accuse.motifs),
            accuse.original.nom,
            accuse.original.type,
            accuse.original.contenu,
            now.isoformat(timespec="seconds"),
        )
        with self._open() as db:
            kept = db.execute(
                "INSERT OR IGNORE INTO accuse (identifiant, etape, horodatage, reference, message, objet,"
                " destinataire, numero, date_enregistrement, motifs, nom, type, contenu, recu)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                values,
            )
        return bool(kept.rowcount)

    def acknowledgments(self) -> list[dict[str, Any]]:
        """Every acknowledgment without its octets, the newest first."""
        columns = (
            "rang, identifiant, etape, horodatage, reference, message, objet, destinataire, numero,"
            " date_enregistrement, motifs, nom, length(contenu) AS taille, recu"
        )
        with self._open() as db:
            rows = db.execute(f"SELECT {columns} FROM accuse ORDER BY rang DESC").fetchall()
        return [dict(row) for row in rows]

    def original(self, number: int) -> Piece | None:
        """The sealed octets of one acknowledgment."""
        with self._open() as db:
            row = db.execute("SELECT nom, type, contenu FROM accuse WHERE rang = ?", (number,)).fetchone()
        return None if row is None else Piece(row["nom"], row["type"], row["contenu"])
