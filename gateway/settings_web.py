"""The options of the HTTP server and of the SOAP door."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.settings_values import option

_DAY = 86_400


@dataclass(frozen=True)
class Web:
    """The HTTP server."""

    host: str = option("127.0.0.1", pattern=r"\S+", expected="an address or host name")
    port: int = option(8080, least=0, most=65_535)
    processes: int = option(2, least=1, most=256)
    threads: int = option(2, least=1, most=64)
    request_seconds: int = option(300, least=1, most=_DAY)
    tls_certificate: str = option("", pattern=r"(/.+)?", expected="empty or an absolute path")
    tls_key: str = option("", pattern=r"(/.+)?", expected="empty or an absolute path")
    tls_clients: bool = option(False)
    client_certificate_header: str = option(
        "", pattern=r"([A-Za-z0-9-]{1,80})?", expected="empty or a header's name of letters, digits and -"
    )
    trusted_proxies: tuple[str, ...] = option(
        (), pattern=r"[0-9A-Fa-f.:]+(/\d{1,3})?", expected="addresses or nets"
    )
    operations_host: str = option("127.0.0.1", pattern=r"\S+", expected="an address or host name")
    operations_port: int = option(0, least=0, most=65_535)


@dataclass(frozen=True)
class Soap:
    """The SOAP door."""

    inline_bytes: int = option(8 * 1024**2, least=1024, most=64 * 1024**2)
    timestamp_seconds: int = option(300, least=10, most=3600)
