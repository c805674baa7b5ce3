"""A hub's home: folders, test keys where there are none, and tables are made; secrets are read."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from gateway.assets import config_dir, testpki
from gateway.domain.errors import Misconfigured, Unavailable
from gateway.i18n.country import load_country
from gateway.settings import Settings, stand_in
from gateway.store.engine import Patience, make_engine
from gateway.store.filelock import FileLock, LockBroken, LockTimeout
from gateway.store.migrate import upgrade

TEST_PKI_MARK = "TEST-PKI"
_MAKING = "making.lock"
_PATIENCE_S = 60.0
DATABASE_PASSWORD = "database-password"  # noqa: S105 - its name


def prepare(settings: Settings) -> list[str]:
    """Make what is missing of the home; one line for each thing made. Safe to repeat.

    Raises:
        Misconfigured: in production, where keys and certificates are never made by the hub.
        Unavailable: the database cannot be made.
    """
    made: list[str] = []
    pack = load_country(settings.hub.country, country_folders(settings))
    if not pack.confirmed:
        stand_in(f"no lawyer has confirmed the country pack {pack.code!r}", settings.hub.production)
    elif not all(rule.confirmed for rule in pack.retention):
        stand_in(f"no archivist has confirmed the retention rules of {pack.code!r}", settings.hub.production)
    if not settings.timestamps.authorities:
        stand_in("time-stamps come from a key of the hub's own and prove nothing", settings.hub.production)
    if settings.mail.kind == "outbox":
        stand_in("mail for people is laid in a folder and tells nobody", settings.hub.production)
    elif settings.mail.security == "none":
        stand_in("mail for people leaves unencrypted", settings.hub.production)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.payloads.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    made += _keys(settings)
    engine = open_engine(settings)
    made.append(f"database at revision {upgrade(engine)}")
    engine.dispose()
    return made


def country_folders(settings: Settings) -> tuple[Path, ...]:
    """Where country packs are looked for: the hub's home first, then those that come along."""
    return (settings.home / "countries", config_dir() / "countries")


def open_engine(settings: Settings) -> Engine:
    """The engine of the hub's database; nothing is opened before its first connection.

    Raises:
        Misconfigured: its driver is not installed, or its address cannot be read.
    """
    database = settings.database
    try:
        return make_engine(
            _address(settings),
            settings.home / "wasl.lock" if database.url.startswith("sqlite") else None,
            busy_s=database.wait_seconds,
            pool_size=database.pool_size,
            patience=Patience(database.statement_seconds, database.idle_seconds),
        )
    except ModuleNotFoundError as error:
        raise Misconfigured(["database.url: PostgreSQL needs the extra [scale] of this package"]) from error
    except (ArgumentError, ValueError):
        # without its cause, which would quote the address
        raise Misconfigured(["database.url: cannot be read as an address"]) from None


def read_secret(folder: Path, name: str) -> str:
    """A secret from ``WASL_SECRET_<NAME>``, else from the file ``name`` in ``folder``.

    Raises:
        Misconfigured: there is no such secret.
    """
    variable = "WASL_SECRET_" + name.upper().replace("-", "_")
    if variable in os.environ:
        return os.environ[variable]
    path = folder / name
    if "/" in name or not path.is_file():
        raise Misconfigured([f"secret {name}: neither {variable} nor a file of that name"])
    return path.read_text("utf-8").strip()


def _address(settings: Settings) -> URL:
    """Where the database is, with the secret that opens it; PostgreSQL's library knows other places."""
    address = make_url(settings.database.url)
    if address.get_backend_name() != "postgresql" or address.password is not None:
        return address
    with suppress(Misconfigured):
        address = address.set(password=read_secret(settings.home / "secrets", DATABASE_PASSWORD))
    return address


def _keys(settings: Settings) -> list[str]:
    """Make the keys that are missing; of several processes that start at once, one does.

    Raises:
        Unavailable: another process has been at it for too long.
    """
    keys = settings.keys
    if keys.seal_key.exists() and keys.payload_master_key.exists() and not _has_test_pki(settings):
        return []
    try:
        with FileLock(settings.home / _MAKING, _PATIENCE_S).hold():
            return _test_pki(settings) + _master_key(keys.payload_master_key)
    except (LockTimeout, LockBroken) as error:
        raise Unavailable(f"the keys of {settings.home} are being made by another process") from error


def _has_test_pki(settings: Settings) -> bool:
    return (settings.home / TEST_PKI_MARK).exists()


def _test_pki(settings: Settings) -> list[str]:
    mark = settings.home / TEST_PKI_MARK
    if settings.keys.seal_key.exists() and not mark.exists():
        return []
    stand_in("the home's keys and certificates are test ones", settings.hub.production)
    module, now = testpki(), datetime.now(UTC)
    if mark.exists():
        # only the revocation lists of a test PKI grow old
        pki = module.load(settings.home, now)
        module.write_crls(pki, now)
        module.complete(pki)
        return []
    module.build(settings.home, now)
    mark.write_text("These keys and certificates are for tests and demonstrations only.\n")
    return [f"test keys and certificates in {settings.home}"]


def _master_key(path: Path) -> list[str]:
    if path.exists():
        return []
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
    return [f"payload master key {path}"]
