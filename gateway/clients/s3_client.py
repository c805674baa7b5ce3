"""How an object store is called: where, with which credentials, within which bounds."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from gateway.clients.address import Target, parse_target
from gateway.domain.errors import Misconfigured, Permanent

_CONNECTIONS = 64


@dataclass(frozen=True)
class S3Settings:
    """Which bucket, and how it is called.

    Attributes:
        endpoint: URL of the service; buckets stand in its path.
        allow: host names and networks to which plain http may be spoken.
        ca_file: authorities of its TLS certificate in PEM; None for those of the operating system.
        connect_s, read_s: seconds for a connection, and of silence.
        attempts: how often one call is tried altogether.
    """

    endpoint: str
    bucket: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    allow: tuple[str, ...] = ()
    ca_file: Path | None = None
    connect_s: float = 5.0
    read_s: float = 30.0
    attempts: int = 3


def client_for(settings: S3Settings) -> Any:
    """A client that calls nothing yet; several threads may use it.

    Raises:
        Misconfigured: the endpoint is no address, or would be spoken to without TLS and is not allowed.
    """
    _check_endpoint(settings)
    here = botocore.session.Session(
        # What stands in somebody's home or environment must not decide where letters go.
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    config = Config(
        signature_version="s3v4",
        connect_timeout=settings.connect_s,
        read_timeout=settings.read_s,
        retries={"total_max_attempts": settings.attempts, "mode": "standard"},
        max_pool_connections=_CONNECTIONS,
        proxies={},
        tcp_keepalive=True,
        # Not every store knows the newer checksums; the signed digest protects each part on its way.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path", "payload_signing_enabled": True},
    )
    return boto3.session.Session(botocore_session=here).client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        verify=_authorities(settings.ca_file),
        config=config,
    )


def _authorities(ca_file: Path | None) -> str | bool:
    return str(ca_file) if ca_file else ssl.get_default_verify_paths().cafile or True


def _check_endpoint(settings: S3Settings) -> None:
    try:
        target = parse_target(settings.endpoint)
    except Permanent as error:
        raise Misconfigured([f"payloads.s3_endpoint: {error.detail}"]) from error
    if target.scheme != "https" and not any(_opens(entry, target) for entry in settings.allow):
        raise Misconfigured(
            ["payloads.s3_endpoint: must begin with https://, or its host must stand in outgoing.allow"]
        )


def _opens(entry: str, target: Target) -> bool:
    entry = entry.strip().lower().rstrip(".")
    if target.literal is None:
        return entry == target.host
    try:
        return target.literal in ip_network(entry)
    except ValueError:
        return False
