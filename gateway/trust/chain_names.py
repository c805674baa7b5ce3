"""Name constraints: which names an authority may certify (RFC 5280 4.2.1.10)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from cryptography import x509
from cryptography.x509.oid import NameOID

SUPPORTED = (x509.DirectoryName, x509.DNSName, x509.RFC822Name, x509.IPAddress)
"""Kinds of names whose constraints are understood; a constraint on any other kind permits nothing."""


def within_constraints(certificate: x509.Certificate, constraints: x509.NameConstraints) -> bool:
    """Whether every name of ``certificate`` keeps ``constraints``; when in doubt, it does not.

    Raises:
        ValueError: the certificate's extensions cannot be read.
    """
    permitted = tuple(constraints.permitted_subtrees or ())
    excluded = tuple(constraints.excluded_subtrees or ())
    if not all(isinstance(subtree, SUPPORTED) for subtree in (*permitted, *excluded)):
        return False
    return all(_keeps(name, permitted, excluded) for name in _names(certificate))


def _names(certificate: x509.Certificate) -> Iterable[x509.GeneralName]:
    if len(certificate.subject.rdns):
        yield x509.DirectoryName(certificate.subject)
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
        yield x509.RFC822Name(str(attribute.value))
    try:
        yield from certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return


def _keeps(
    name: x509.GeneralName, permitted: tuple[x509.GeneralName, ...], excluded: tuple[x509.GeneralName, ...]
) -> bool:
    if any(_covers(subtree, name) for subtree in excluded):
        return False
    of_its_kind = [subtree for subtree in permitted if type(subtree) is type(name)]
    return not of_its_kind or any(_covers(subtree, name) for subtree in of_its_kind)


def _covers(subtree: x509.GeneralName, name: x509.GeneralName) -> bool:
    if isinstance(subtree, x509.DirectoryName) and isinstance(name, x509.DirectoryName):
        above, below = _folded(subtree.value), _folded(name.value)
        return below[: len(above)] == above
    if isinstance(subtree, x509.DNSName) and isinstance(name, x509.DNSName):
        return _covers_host(subtree.value, name.value)
    if isinstance(subtree, x509.RFC822Name) and isinstance(name, x509.RFC822Name):
        return _covers_mailbox(subtree.value, name.value)
    if isinstance(subtree, x509.IPAddress) and isinstance(name, x509.IPAddress):
        network = subtree.value
        return isinstance(network, IPv4Network | IPv6Network) and name.value in network
    return False


def _covers_host(subtree: str, host: str) -> bool:
    domain, host = subtree.lower().lstrip("."), host.lower()
    return not domain or host == domain or host.endswith("." + domain)


def _covers_mailbox(subtree: str, mailbox: str) -> bool:
    subtree, host = subtree.lower(), mailbox.lower().rpartition("@")[2]
    if "@" in subtree:
        return subtree == mailbox.lower()
    return host.endswith(subtree) if subtree.startswith(".") else host == subtree


def _folded(name: x509.Name) -> list[frozenset[tuple[str, str]]]:
    # RFC 5280 7.1: neither case nor white space distinguishes names.
    return [
        frozenset((attribute.oid.dotted_string, _fold(str(attribute.value))) for attribute in rdn)
        for rdn in name.rdns
    ]


def _fold(value: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
