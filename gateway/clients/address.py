"""Which addresses the hub may call: decided on the address itself, never on its name alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from gateway.domain.errors import Misconfigured, Permanent

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_ALLOWED = "WASL-DLV-006"
DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})?(\.[a-z0-9_]([a-z0-9_-]{0,62})?)*")
_NUMERIC_END = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)")
_PLAIN = re.compile(r"[!-\[\]-~]+")  # printable ASCII without space and backslash

_LOCAL = tuple(
    ip_network(block)
    for block in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
        "100.64.0.0/10",  # RFC 6598
        "fc00::/7",  # RFC 4193
    )
)  # fmt: skip
"""An operator opens these by a network or by the name of a host that lies in them."""

_NEVER_BY_NAME = tuple(
    ip_network(block)
    for block in (
        # Metadata services of hosting platforms, wherever they hide.
        "169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
        "fd00:ec2::/32", "fd20:ce::/32",
        # This host and this link, everybody, nobody.
        "0.0.0.0/8", "::/128", "fe80::/10", "fec0::/10", "224.0.0.0/4", "ff00::/8", "240.0.0.0/4",
        # IPv6 addresses that stand for an IPv4 address: they would pass by the rules for that one.
        "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16",
    )
)  # fmt: skip
"""An operator opens these by a network only: a name that leads here is an attack or a mistake."""


@dataclass(frozen=True)
class Target:
    """An address to call, taken from a URL; ``host`` is in lower case, ``path`` has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them (RFC 9110 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def literal(self) -> Address | None:
        """The address, when the URL has one instead of a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


def parse_target(url: str) -> Target:
    """Where a URL leads.

    Raises:
        Permanent: it is no absolute http or https URL, carries credentials, or writes an address in a
            form other than the usual one.
    """
    try:
        parts = urlsplit(url if _PLAIN.fullmatch(url) else _with_ascii_host(url))
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
    except ValueError as error:
        raise Permanent(NOT_ALLOWED, "the URL cannot be read") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise Permanent(NOT_ALLOWED, "the URL's scheme is neither http nor https")
    if "@" in parts.netloc:
        raise Permanent(NOT_ALLOWED, "the URL carries credentials")
    _check_host(host, bracketed="[" in parts.netloc)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, DEFAULT_PORTS[parts.scheme] if port is None else port, path)


def _with_ascii_host(url: str) -> str:
    """The URL with an internationalised host name encoded; everything else must be ASCII already."""
    start = url.find("://") + 3
    host = re.match(r"[^/?#:@\[\]\\\s]*", url[start:])
    name = host.group() if host and start > 2 else ""
    encoded = url[:start] + name.encode("idna").decode("ascii") + url[start + len(name) :]
    if not _PLAIN.fullmatch(encoded):
        raise ValueError("characters that no URL has")
    return encoded


def _check_host(host: str, bracketed: bool) -> None:
    try:
        address: Address | None = ip_address(host)
    except ValueError:
        address = None
    if address is not None and bracketed is (address.version == 6) and "%" not in host:
        return
    # Decimal, octal, hexadecimal and shortened IPv4 forms: resolvers take them, people do not.
    if address is not None or bracketed or _NUMERIC_END.fullmatch(host) or not _HOST_NAME.fullmatch(host):
        raise Permanent(NOT_ALLOWED, "the URL's host is neither a name nor an address in its usual form")


class AddressRules:
    """The operator's allow-list over the built-in rules.

    Public addresses are open. Private and loopback ones are open to an entry that is their network
    (CIDR), or the very host name of the URL. Link-local, multicast, metadata and translated addresses
    are open to a network entry only.

    Raises:
        Misconfigured: an entry is neither a network nor a host name.
    """

    def __init__(self, allow: Iterable[str]) -> None:
        self._networks: list[Network] = []
        self._names: set[str] = set()
        faults = [fault for entry in allow if (fault := self._take(entry.strip().lower().rstrip(".")))]
        if faults:
            raise Misconfigured(faults)

    def _take(self, entry: str) -> str | None:
        try:
            self._networks.append(ip_network(entry))
        except ValueError:
            if not _HOST_NAME.fullmatch(entry) or _NUMERIC_END.fullmatch(entry):
                return f"allow: {entry!r} is neither a network nor a host name"
            self._names.add(entry)
        return None

    def permitted(self, host: str, addresses: Iterable[str], listed: bool = False) -> list[Address]:
        """Those of the host's addresses that may be called, in their order.

        Args:
            listed: only those that an entry of the list opens.

        Raises:
            Permanent: none of them.
        """
        found = [_plain(ip_address(text.partition("%")[0])) for text in addresses]
        good = [address for address in found if self._permits(host, address)]
        if listed and host not in self._names:
            good = [address for address in good if _within(address, self._networks)]
        if not good:
            raise Permanent(NOT_ALLOWED, f"{host} leads to no address that the hub may call")
        return good

    def _permits(self, host: str, address: Address) -> bool:
        if _within(address, self._networks):
            return True
        if address.is_loopback:  # first, for ::1 lies in a block of the other table
            return host in self._names
        if _within(address, _NEVER_BY_NAME):
            return False
        if _within(address, _LOCAL):
            return host in self._names
        return address.is_global


def _plain(address: Address) -> Address:
    """An IPv4 address in its IPv6 dress without it: the kernel would connect to the IPv4 one."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
