"""What a registry file may say, read with every fault told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography import x509

from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.receipt import ReceiptKind
from gateway.domain.identifiers import is_directory_id
from gateway.domain.lines import is_line
from gateway.domain.registry.addresses import is_mail_address
from gateway.domain.registry.parties import PartyKind, RouteKind
from gateway.domain.registry.tables import table_faults, with_tables
from gateway.domain.registry.versions import misfits
from gateway.domain.transit.retry import RetrySchedule
from gateway.exchange.registry import declared_rules
from gateway.exchange.registry.declared_certificates import encryption_certificates, load_certificate
from gateway.trust.certificates import certificate_digest

Check = Callable[[Mapping[str, Any]], list[str]]
"""What is wrong with an adapter's options."""

_PARTY_KEYS = {
    "id",
    "kind",
    "names",
    "active",
    "may_represent",
    "test",
    "aliases",
    "certificate",
    "receipts",
    "letters_per_hour",
}
_RECEIPT_KEYS = {"adapter", "options", "kinds", "retry", "accepts_test"}
_OFFICE_KEYS = {
    "id",
    "party",
    "names",
    "active",
    "default",
    "route",
    "document_types",
    "readers",
    "reader_addresses",
    "encryption_certificate",
    *declared_rules.KEYS,
    "tables",
}
_ROUTE_KEYS = {
    "kind",
    "adapter",
    "options",
    "retry",
    "max_bytes",
    "accepts_test",
    "test_only",
    "concurrency",
    "per_minute",
    "fallback_seconds",
    "paused",
}
NO_ROUTE = {"kind": RouteKind.OFFICE.value}
"""An office without a route receives in the hub's own order office."""
_CERTIFICATE_KEYS = {"file", "pem", "exact", "active"}
_YEAR_S = 366 * 86_400
_RETRY_BOUNDS: Mapping[str, tuple[float, float]] = {
    "first": (0.01, 86_400),
    "factor": (1, 10),
    "cap": (0.01, 7 * 86_400),
    "jitter": (0, 1),
    "lifetime": (0, _YEAR_S),
}
"""As the settings have them; a wait of no time would call a system without pause."""
_RETRY_KEYS = set(RetrySchedule.__dataclass_fields__)
_LONGEST_NAME = 500
"""What a receipt takes."""


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_limit(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_count(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: Any, least: float, most: float) -> bool:
    # what is no number at all (TOML has nan) is in no range
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _is_code_table(value: Any) -> bool:
    return _is_table(value) and all(isinstance(entry, str) for entry in value.values())


_SWITCH = ("true or false", _is_switch)
_TABLE = ("a table", _is_table)
_TEXTS = ("a list of texts", _is_list)
_FORMS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "active": _SWITCH,
    "may_represent": _SWITCH,
    "test": _SWITCH,
    "default": _SWITCH,
    "exact": _SWITCH,
    "accepts_test": _SWITCH,
    "test_only": _SWITCH,
    "paused": _SWITCH,
    "max_bytes": ("a number of octets, at least 1", _is_limit),
    "concurrency": ("a number of letters, 1 to 1000", lambda value: _is_count(value, 1, 1000)),
    "per_minute": ("a number of letters, 0 to 1000000", lambda value: _is_count(value, 0, 1_000_000)),
    "letters_per_hour": (
        "a number of letters, 0 to 1000000000",
        lambda value: _is_count(value, 0, 1_000_000_000),
    ),
    "fallback_seconds": ("seconds, 0 to a year", lambda value: _is_number(value, 0, _YEAR_S)),
    "names": _TABLE,
    "retry": _TABLE,
    "options": _TABLE,
    "encryption_certificate": _TABLE,
    "aliases": _TEXTS,
    "readers": _TEXTS,
    "tables": _TABLE,
    "receipts": _TABLE,
    "kinds": ("a list of kinds of receipts", _is_list),
    "document_types": ("a table of codes", _is_code_table),
    "reader_addresses": ("a table of e-mail addresses by reader", _is_code_table),
}


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
    table: Mapping[str, Any],
    folder: Path,
    languages: tuple[str, ...],
    options: Mapping[str, Check],
    telling: Mapping[str, Check] = MappingProxyType({}),
) -> Declared:
    """The content of a registry file.

    Args:
        folder: against which certificate files are resolved.
        languages: in which every name must exist.
        options: the option check of each installed adapter.
        telling: that of each adapter which tells senders, for what it needs for that.

    Raises:
        Misconfigured: everything that is wrong, each with its place.
    """
    faults = [f"{key}: unknown table" for key in sorted(table.keys() - {"party", "office"})]
    parties = _tables(table, "party", faults)
    offices = _tables(table, "office", faults)
    for index, party in enumerate(parties):
        found = misfits(party) or _party_faults(party, languages, telling)
        faults.extend(_place(f"party[{index}]", found))
    for index, office in enumerate(offices):
        # rules and closures look at their own values themselves: days may stand there as TOML has them
        plain = {key: value for key, value in office.items() if key not in declared_rules.KEYS}
        found = misfits(plain) or _office_faults(office, languages, options)
        faults.extend(_place(f"office[{index}]", found))
    certificates = _certificates(parties, folder, faults)
    encryption = encryption_certificates(offices, folder, faults)
    faults.extend(_twice("party", [str(party.get("id")) for party in parties]))
    faults.extend(_twice("office", [str(office.get("id")) for office in offices]))
    faults.extend(_twice("certificate", [certificate_digest(one.certificate) for _, one in certificates]))
    if faults:
        raise Misconfigured(faults)
    rows = tuple(_office_row(office, der) for office, der in zip(offices, encryption, strict=True))
    return Declared(tuple(map(_party_row, parties)), rows, tuple(certificates))


def _tables(table: Mapping[str, Any], key: str, faults: list[str]) -> list[Mapping[str, Any]]:
    found = table.get(key, [])
    if isinstance(found, list) and all(isinstance(entry, Mapping) for entry in found):
        return found
    faults.append(f"{key}: tables, each under [[{key}]]")
    return []


def _certificates(
    parties: list[Mapping[str, Any]], folder: Path, faults: list[str]
) -> list[tuple[str, DeclaredCertificate]]:
    found: list[tuple[str, DeclaredCertificate]] = []
    for index, party in enumerate(parties):
        where = f"party[{index}].certificate"
        for number, entry in enumerate(_tables(party, "certificate", faults)):
            try:
                found.append((party.get("id", ""), _certificate(entry, folder)))
            except (ValueError, OSError) as error:
                faults.append(f"{where}[{number}]: {error}")
    return found


def _twice(what: str, keys: list[str]) -> Iterator[str]:
    # of two declarations of one thing, each application would undo the other
    yield from (f"{what} {key}: declared twice" for key in dict.fromkeys(keys) if keys.count(key) > 1)


def _place(where: str, faults: Iterable[str]) -> Iterator[str]:
    for fault in faults:
        yield f"{where}.{fault}"


def _party_faults(
    party: Mapping[str, Any], languages: tuple[str, ...], telling: Mapping[str, Check]
) -> Iterator[str]:
    yield from _unknown(party, _PARTY_KEYS)
    yield from _identifier(party, "id")
    if party.get("kind") not in {kind.value for kind in PartyKind}:
        yield f"kind: one of {', '.join(kind.value for kind in PartyKind)}"
    yield from _names(party, languages)
    if isinstance(party.get("receipts"), Mapping):
        yield from _place("receipts", _receipt_faults(party["receipts"], telling))


def _receipt_faults(receipts: Mapping[str, Any], telling: Mapping[str, Check]) -> Iterator[str]:
    yield from _unknown(receipts, _RECEIPT_KEYS)
    yield from _retry_faults(receipts)
    known = [kind.value for kind in ReceiptKind]
    kinds = receipts.get("kinds", known)
    if not kinds or (_is_list(kinds) and not set(kinds) <= set(known)):
        yield f"kinds: one or more of {', '.join(known)}"
    yield from _adapter_faults(receipts, telling)


def _office_faults(
    office: Mapping[str, Any], languages: tuple[str, ...], options: Mapping[str, Check]
) -> Iterator[str]:
    yield from _unknown(office, _OFFICE_KEYS)
    yield from _identifier(office, "id")
    yield from _identifier(office, "party")
    yield from _names(office, languages)
    yield from declared_rules.rule_faults(office, partial(_names, languages=languages))
    route = office.get("route", NO_ROUTE)
    if not isinstance(route, Mapping):
        yield "route: a table with kind = adapter, inbox or office"
        return
    tables = _table(office, "tables")
    yield from _place("tables", table_faults(tables))
    yield from _place("route", _route_faults(route, options, tables))
    readers = office.get("readers", [])
    if route.get("kind") == RouteKind.OFFICE.value and (not isinstance(readers, list) or len(readers) < 2):
        yield "readers: an office served by the hub names two readers"
    yield from _place("reader_addresses", _address_faults(office))


def _address_faults(office: Mapping[str, Any]) -> Iterator[str]:
    readers = office.get("readers", [])
    for role, address in _table(office, "reader_addresses").items():
        if not isinstance(readers, list) or role not in readers:
            yield f"{role}: one of the readers"
        if not is_mail_address(address):
            yield f"{role}: an e-mail address such as order-office@example.org"


def _route_faults(
    route: Mapping[str, Any], options: Mapping[str, Check], tables: Mapping[str, Any]
) -> Iterator[str]:
    yield from _unknown(route, _ROUTE_KEYS)
    kind = route.get("kind")
    if kind not in {kind.value for kind in RouteKind}:
        yield f"kind: one of {', '.join(kind.value for kind in RouteKind)}"
    yield from _retry_faults(route)
    if kind == RouteKind.ADAPTER.value:
        yield from _adapter_faults(route, options, tables)
    elif route.get("paused"):
        yield "paused: only a route with kind = adapter is paused"


def _retry_faults(route: Mapping[str, Any]) -> Iterator[str]:
    retry = _table(route, "retry")
    yield from (f"retry.{key}: unknown key" for key in sorted(set(retry) - _RETRY_KEYS))
    for key in sorted(set(retry) & _RETRY_KEYS):
        least, most = _RETRY_BOUNDS[key]
        if not _is_number(retry[key], least, most):
            yield f"retry.{key}: a number from {least:g} to {most:g}"


def _adapter_faults(
    route: Mapping[str, Any], options: Mapping[str, Check], tables: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[str]:
    check = options.get(str(route.get("adapter", "")))
    if check is None:
        yield f"adapter: one of {', '.join(sorted(options))}"
        return
    whole = with_tables(_table(route, "options"), {} if any(table_faults(tables)) else tables)
    yield from (f"options: {fault}" for fault in check(whole))


def _unknown(table: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    yield from (f"{key}: unknown key" for key in sorted(set(table) - known))
    for key in sorted(set(table) & known & _FORMS.keys()):
        words, fits = _FORMS[key]
        if not fits(table[key]):
            yield f"{key}: {words}"


def _table(above: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = above.get(key, {})
    return found if isinstance(found, Mapping) else {}


def _identifier(table: Mapping[str, Any], key: str) -> Iterator[str]:
    if not is_directory_id(str(table.get(key, ""))):
        yield f"{key}: a directory identifier such as A0001234-F"


def _names(table: Mapping[str, Any], languages: tuple[str, ...]) -> Iterator[str]:
    names = _table(table, "names")
    missing = [language for language in languages if not names.get(language)]
    if missing:
        yield f"names: missing in {', '.join(missing)}"
    for language in sorted(names):
        if not _is_line(names[language]):
            yield f"names.{language}: one line of at most {_LONGEST_NAME} characters"


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and is_line(value)


def _certificate(entry: Mapping[str, Any], folder: Path) -> DeclaredCertificate:
    wrong = "; ".join(_unknown(entry, _CERTIFICATE_KEYS))
    if wrong:
        raise ValueError(wrong)
    certificate = load_certificate(entry, folder)
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
        "receipts": dict(party["receipts"]) if "receipts" in party else None,
        "letters_per_hour": party.get("letters_per_hour"),
    }


def _office_row(office: Mapping[str, Any], encryption: bytes | None) -> dict[str, Any]:
    return {
        "id": office["id"],
        "party": office["party"],
        "names": dict(office["names"]),
        "active": office.get("active", True),
        "default": office.get("default", False),
        "route": dict(office.get("route", NO_ROUTE)),
        "document_types": dict(office.get("document_types", {})),
        "readers": list(office.get("readers", [])),
        "reader_addresses": dict(office.get("reader_addresses", {})) or None,
        "encryption_certificate": encryption,
        "rules": declared_rules.rule_rows(office),
        **declared_rules.closing_row(office),
        "tables": {name: dict(entries) for name, entries in office.get("tables", {}).items()} or None,
    }
