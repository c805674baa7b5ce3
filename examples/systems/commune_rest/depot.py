"""The commune's folders and what became of its own letters, in a SQLite file and a folder of documents."""

from __future__ import annotations

import base64
import hashlib
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

RUBRIQUES = {
    "ETAT-CIVIL": "État civil",
    "URBANISME": "Urbanisme",
    "TAXES": "Taxes et redevances",
    "DOLEANCES": "Doléances",
    "GENERAL": "Affaires générales",
}
ETAPES = {
    "depot": "Accepté",
    "rejet": "Refusé",
    "mise à disposition": "Mis à disposition",
    "remise": "Remis",
    "enregistrement": "Enregistré par le destinataire",
    "délai": "Délai applicable",
    "suite": "Suite donnée",
    "échec": "Non remis",
    "autre": "Autre étape",
}
_TABLES = """
CREATE TABLE IF NOT EXISTS dossier (
    rang INTEGER PRIMARY KEY AUTOINCREMENT, cle TEXT UNIQUE NOT NULL, numero TEXT UNIQUE, etat TEXT NOT NULL,
    intitule TEXT NOT NULL, deposant TEXT NOT NULL, rubrique TEXT NOT NULL, contenu TEXT, ref_externe TEXT,
    cree TEXT NOT NULL, enregistre TEXT);
CREATE INDEX IF NOT EXISTS dossier_ref ON dossier (ref_externe);
CREATE TABLE IF NOT EXISTS numero (rang INTEGER PRIMARY KEY AUTOINCREMENT, cle TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS document (
    id INTEGER PRIMARY KEY AUTOINCREMENT, cle TEXT NOT NULL, nom TEXT NOT NULL, type TEXT NOT NULL,
    taille INTEGER NOT NULL, sha256 TEXT NOT NULL, fichier TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reponse (
    jeton TEXT NOT NULL, chemin TEXT NOT NULL, statut INTEGER NOT NULL, corps TEXT NOT NULL,
    PRIMARY KEY (jeton, chemin));
CREATE TABLE IF NOT EXISTS accuse (
    rang INTEGER PRIMARY KEY AUTOINCREMENT, cle TEXT UNIQUE NOT NULL, etape TEXT NOT NULL,
    quand TEXT NOT NULL, intitule TEXT, reference TEXT, message TEXT, destinataire TEXT, numero TEXT,
    numero_du TEXT, motifs TEXT, fichier TEXT NOT NULL, scelle TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS essai (
    rang INTEGER NOT NULL, sorte TEXT NOT NULL, jeton TEXT NOT NULL, fois INTEGER NOT NULL,
    PRIMARY KEY (sorte, jeton));
"""


class Depot:
    """Opens the file anew for each call, so that any thread may call."""

    def __init__(self, folder: Path) -> None:
        self._documents = folder / "documents"
        self._documents.mkdir(parents=True, exist_ok=True)
        self._file = folder / "commune.sqlite"
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

    def note_try(self, kind: str, token: str) -> tuple[int, int]:
        """Count a try: the rank of its token among those of its kind, and how often it came."""
        with self._open() as db:
            db.execute(
                "INSERT INTO essai (rang, sorte, jeton, fois)"
                " SELECT count(*) + 1, ?1, ?2, 1 FROM essai WHERE sorte = ?1"
                " ON CONFLICT (sorte, jeton) DO UPDATE SET fois = fois + 1",
                (kind, token),
            )
            return tuple(
                db.execute(
                    "SELECT rang, fois FROM essai WHERE sorte = ? AND jeton = ?", (kind, token)
                ).fetchone()
            )

    def remembered(self, token: str, path: str) -> tuple[int, str] | None:
        """The answer given before to the same idempotency key at the same path."""
        with self._open() as db:
            row = db.execute(
                "SELECT statut, corps FROM reponse WHERE jeton = ? AND chemin = ?", (token, path)
            ).fetchone()
        return None if row is None else (row["statut"], row["corps"])

    def remember(self, token: str, path: str, status: int, body: str) -> None:
        """Keep an answer for repeats."""
        with self._open() as db:
            db.execute("INSERT OR IGNORE INTO reponse VALUES (?,?,?,?)", (token, path, status, body))

    def create(self, fields: dict[str, str], now: datetime) -> dict[str, Any]:
        """A new folder, still a draft."""
        key = secrets.token_hex(8)
        with self._open() as db:
            db.execute(
                "INSERT INTO dossier (cle, etat, intitule, deposant, rubrique, contenu, ref_externe, cree)"
                " VALUES (?, 'ebauche', ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    fields["intitule"],
                    fields["deposant"],
                    fields["rubrique"],
                    fields.get("contenu", ""),
                    fields.get("ref_externe"),
                    now.isoformat(timespec="seconds"),
                ),
            )
        return self.folder(key) or {}

    def folder(self, key: str) -> dict[str, Any] | None:
        """One folder with its documents."""
        return next(iter(self._folders("WHERE cle = ?", key)), None)

    def by_reference(self, reference: str) -> list[dict[str, Any]]:
        """Folders of an external reference."""
        return self._folders("WHERE ref_externe = ?", reference)

    def all(self) -> list[dict[str, Any]]:
        """Every folder, the newest first."""
        return self._folders("")

    def add_document(self, key: str, name: str, media_type: str, source: IO[bytes]) -> dict[str, Any]:
        """Store a document in constant memory."""
        place = secrets.token_hex(16)
        digest, size = hashlib.sha256(), 0
        with (self._documents / place).open("wb") as target:
            while chunk := source.read(256 * 1024):
                digest.update(chunk)
                size += len(chunk)
                target.write(chunk)
        values = (key, name, media_type, size, digest.hexdigest(), place)
        with self._open() as db:
            number = db.execute(
                "INSERT INTO document (cle, nom, type, taille, sha256, fichier) VALUES (?,?,?,?,?,?)", values
            ).lastrowid
        return {"id": number, "nom": name, "taille": size, "sha256": digest.hexdigest()}

    def receive(self, key: str) -> dict[str, Any]:
        """Keep the folder until an agent gives it its number; a second time changes nothing."""
        with self._open() as db:
            db.execute("UPDATE dossier SET etat = 'recu' WHERE cle = ? AND etat = 'ebauche'", (key,))
        return self.folder(key) or {}

    def close(self, key: str) -> dict[str, Any]:
        """An agent is through with a folder that has its number."""
        with self._open() as db:
            db.execute("UPDATE dossier SET etat = 'traite' WHERE cle = ? AND etat = 'enregistre'", (key,))
        return self.folder(key) or {}

    def confirm(self, key: str, now: datetime) -> dict[str, Any]:
        """Give the folder its number; a second time changes nothing."""
        with self._open() as db:
            db.execute("INSERT OR IGNORE INTO numero (cle) VALUES (?)", (key,))
            rank = db.execute("SELECT rang FROM numero WHERE cle = ?", (key,)).fetchone()["rang"]
            db.execute(
                "UPDATE dossier SET etat = 'enregistre', numero = ?, enregistre = ?"
                " WHERE cle = ? AND etat IN ('ebauche', 'recu')",
                (f"C-{now:%y}-{rank:05d}", now.isoformat(timespec="seconds"), key),
            )
        return self.folder(key) or {}

    def document(self, number: int) -> tuple[str, Path] | None:
        """Name and place of a document."""
        with self._open() as db:
            row = db.execute("SELECT nom, fichier FROM document WHERE id = ?", (number,)).fetchone()
        return None if row is None else (row["nom"], self._documents / row["fichier"])

    def keep(self, key: str, fields: dict[str, str]) -> bool:
        """Keep an acknowledgment of a letter that the commune sent; False where it is there already."""
        names = (
            "etape",
            "quand",
            "intitule",
            "reference",
            "message",
            "destinataire",
            "numero",
            "numero_du",
            "motifs",
            "fichier",
            "scelle",
        )
        with self._open() as db:
            kept = db.execute(
                f"INSERT OR IGNORE INTO accuse (cle, {', '.join(names)}) VALUES (?{', ?' * len(names)})",
                (key, *(fields.get(name) for name in names)),
            )
        return bool(kept.rowcount)

    def sealed(self, number: int) -> tuple[str, bytes] | None:
        """Name and octets of an acknowledgment."""
        with self._open() as db:
            row = db.execute("SELECT fichier, scelle FROM accuse WHERE rang = ?", (number,)).fetchone()
        return None if row is None else (row["fichier"], base64.b64decode(row["scelle"]))

    def acknowledgments(self) -> list[dict[str, Any]]:
        """Every acknowledgment, the newest first."""
        with self._open() as db:
            return [dict(row) for row in db.execute("SELECT * FROM accuse ORDER BY rang DESC")]

    def _folders(self, where: str, *values: str) -> list[dict[str, Any]]:
        with self._open() as db:
            rows = db.execute(f"SELECT * FROM dossier {where} ORDER BY rang DESC", values).fetchall()
            documents = db.execute(
                "SELECT id, cle, nom, type, taille, sha256 FROM document ORDER BY id"
            ).fetchall()
        folders = [dict(row) for row in rows]
        for folder in folders:
            mine = [dict(document) for document in documents if document["cle"] == folder["cle"]]
            folder["documents"] = mine
        return folders
