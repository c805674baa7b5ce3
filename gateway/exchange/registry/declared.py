"""What a registry file may say, read with every fault told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509

from gateway.domain.errors import Misconfigured
from gateway.domain.identifiers import is_directory_id
from gateway.domain.registry.parties import PartyKind, RouteKind
from gateway.domain.transit.retry import RetrySchedule

Check = Callable[[Mapping[str, Any]], list[str]]
"""What is wrong with an adapter's options."""

_PARTY_KEYS = {"id", "kind", "names", "active", "may_represent", "test", "aliases", "certificate"}
_OFFICE_KEYS = {
    "id",
    "party",
    "names",
    "active",
    "default",
    "route",
    "document_types",
    "readers",
}
_ROUTE_KEYS = {"kind", "adapter", "options", "retry", "max_bytes", "accepts_test"}
_CERTIFICATE_KEYS = {"file", "pem", "exact", "active"}
_RETRY_KEYS = set(RetrySchedule.__dataclass_fields__)


@dataclass(frozen=True)
class DeclaredCertificate:
    """A certificate as a file declares it."""

    certificate: x509.Certificate
    exact: bool = True
    active: bool = True


@dataclass(frozen=True)
class Declared:
    """A registry file's content: rows ready to be compared with the store."""

    parties: tuple[Mapping[str, Any], ...]
    offices: tuple[Mapping[str, Any], ...]
    certificates: tuple[tuple[str, DeclaredCertificate], ...]


def read_declared(
    table: Mapping[str, Any], folder: Path, languages: tuple[str, ...], options: Mapping[str, Check]
) -> Declared:
    """The content of a registry file.

    Args:
        folder: against which certificate files are resolved.
        languages: in which every name must exist.
        options: the option check of each installed adapter.

    Raises:
        Misconfigured: everything that is wrong, each with its place.
    """
    faults = [f"{key}: unknown table" for key in table.keys() - {"party", "office"}]
    parties = list(table.get("party", []))
    offices = list(table.get("office", []))
    for index, party in enumerate(parties):
        faults.extend(_place(f"party[{index}]", _party_faults(party, languages)))
    for index, office in enumerate(offices):
        faults.extend(_place(f"office[{index}]", _office_faults(office, languages, options)))
    certificates: list[tuple[str, DeclaredCertificate]] = []
    for index, party in enumerate(parties):
        for number, entry in enumerate(party.get("certificate", [])):
            try:
                certificates.append((party.get("id", ""), _certificate(entry, folder)))
            except (ValueError, OSError) as error:
                faults.append(f"party[{index}].certificate[{number}]: {error}")
    if faults:
        raise Misconfigured(faults)
    return Declared(tuple(map(_party_row, parties)), tuple(map(_office_row, offices)), tuple(certificates))


def _place(where: str, faults: Iterator[str]) -> Iterator[str]:
    for fault in faults:
        yield f"{where}.{fault}"


def _party_faults(party: Mapping[str, Any], languages: tuple[str, ...]) -> Iterator[str]:
    yield from _unknown(party, _PARTY_KEYS)
    yield from _identifier(party, "id")
    if party.get("kind") not in {kind.value for kind in PartyKind}:
        yield f"kind: one of {', '.join(kind.value for kind in PartyKind)}"
    yield from _names(party, languages)


def _office_faults(
    office: Mapping[str, Any], languages: tuple[str, ...], options: Mapping[str, Check]
) -> Iterator[str]:
    yield from _unknown(office, _OFFICE_KEYS)
    yield from _identifier(office, "id")
    yield from _identifier(office, "party")
    yield from _names(office, languages)
    route = office.get("route")
    if not isinstance(route, Mapping):
        yield "route: a table with kind = adapter, inbox or office"
        return
    yield from _place("route", _route_faults(route, options))
    if route.get("kind") == RouteKind.OFFICE.value and len(office.get("readers", [])) < 2:
        yield "readers: an office served by the hub names two readers"


def _route_faults(route: Mapping[str, Any], options: Mapping[str, Check]) -> Iterator[str]:
    yield from _unknown(route, _ROUTE_KEYS)
    kind = route.get("kind")
    if kind not in {kind.value for kind in RouteKind}:
        yield f"kind: one of {', '.join(kind.value for kind in RouteKind)}"
    retry = route.get("retry", {})
    yield from (f"retry.{key}: unknown key" for key in sorted(set(retry) - _RETRY_KEYS))
    for key in sorted(set(retry) & _RETRY_KEYS):
        if not isinstance(retry[key], int | float) or retry[key] < 0:
            yield f"retry.{key}: a number of at least 0"
    if kind != RouteKind.ADAPTER.value:
        return
    check = options.get(route.get("adapter", ""))
    if check is None:
        yield f"adapter: one of {', '.join(sorted(options))}"
        return
    yield from (f"options: {fault}" for fault in check(route.get("options", {})))


def _unknown(table: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    yield from (f"{key}: unknown key" for key in sorted(set(table) - known))


def _identifier(table: Mapping[str, Any], key: str) -> Iterator[str]:
    if not is_directory_id(str(table.get(key, ""))):
        yield f"{key}: a directory identifier such as A0001234-F"


def _names(table: Mapping[str, Any], languages: tuple[str, ...]) -> Iterator[str]:
    names = table.get("names", {})
    missing = [language for language in languages if not names.get(language)]
    if missing:
        yield f"names: missing in {', '.join(missing)}"


def _certificate(entry: Mapping[str, Any], folder: Path) -> DeclaredCertificate:
    unknown = sorted(set(entry) - _CERTIFICATE_KEYS)
    if unknown:
        raise ValueError(f"{unknown[0]}: unknown key")
    pem = entry["pem"].encode() if "pem" in entry else (folder / entry.get("file", "")).read_bytes()
    certificate = x509.load_pem_x509_certificate(pem)
    return DeclaredCertificate(certificate, entry.get("exact", True), entry.get("active", True))


def _party_row(party: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": party["id"],
        "kind": party["kind"],
        "names": dict(party["names"]),
        "active": party.get("active", True),
        "may_represent": party.get("may_represent", False),
        "test": party.get("test", False),
        "aliases": list(party.get("aliases", [])),
    }


def _office_row(office: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": office["id"],
        "party": office["party"],
        "names": dict(office["names"]),
        "active": office.get("active", True),
        "default": office.get("default", False),
        "route": dict(office["route"]),
        "document_types": dict(office.get("document_types", {})),
        "readers": list(office.get("readers", [])),
    }
