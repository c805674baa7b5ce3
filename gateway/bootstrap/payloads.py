"""Chooses where payloads lie."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from gateway.domain.errors import Misconfigured
from gateway.domain.places import Place
from gateway.settings import Settings
from gateway.store.payload_files import PayloadFolder

ACCESS_KEY = "s3-access-key"
SECRET_KEY = "s3-secret-key"  # noqa: S105 - the name of a secret


def place(settings: Settings, secret: Callable[[str], str]) -> Place:
    """The folder or the bucket that the settings name; nothing is asked of it yet.

    Args:
        secret: reads a secret of that name.

    Raises:
        Misconfigured: the bucket's credentials, its library or a good address is missing.
    """
    if settings.payloads.kind == "s3":
        return _bucket(settings, secret)
    return PayloadFolder(settings.payloads.directory)


def _bucket(settings: Settings, secret: Callable[[str], str]) -> Place:
    if find_spec("boto3") is None:
        raise Misconfigured(["payloads.kind: s3 needs boto3; install the extra [scale]"])
    # Only a hub that uses it needs it installed.
    from gateway.clients.s3 import Bucket
    from gateway.clients.s3_client import S3Settings
    from gateway.clients.s3_place import PayloadBucket

    payloads, outgoing = settings.payloads, settings.outgoing
    access_key, secret_key = _credentials(secret)
    bucket = Bucket(
        S3Settings(
            endpoint=payloads.s3_endpoint,
            bucket=payloads.s3_bucket,
            region=payloads.s3_region,
            access_key=access_key,
            secret_key=secret_key,
            allow=outgoing.allow,
            ca_file=Path(outgoing.ca_bundle) if outgoing.ca_bundle else None,
            connect_s=payloads.s3_connect_seconds,
            read_s=payloads.s3_read_seconds,
            attempts=payloads.s3_attempts,
        )
    )
    return PayloadBucket(bucket, payloads.s3_prefix, payloads.s3_part_bytes, payloads.s3_attempts)


def _credentials(secret: Callable[[str], str]) -> tuple[str, str]:
    found: list[str] = []
    faults: list[str] = []
    for name in (ACCESS_KEY, SECRET_KEY):
        try:
            found.append(secret(name))
        except Misconfigured as fault:
            faults += fault.faults
    if faults:
        raise Misconfigured(faults)
    return found[0], found[1]
