"""Loads WSDL documents through the guarded client and keeps them for an hour."""

from __future__ import annotations

import hashlib
import io
import logging
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

import zeep
from lxml import etree
from zeep import wsdl as zeep_wsdl
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import ExternalReferenceForbidden

from adapters.contract import Context
from adapters.outcomes import Phase, fault_of_status, in_phase
from gateway.domain.errors import DeliveryError, Permanent, Temporary

LIFETIME = timedelta(hours=1)
_ROOT = "{http://schemas.xmlsoap.org/wsdl/}definitions"
_MOST_ELEMENTS = 50_000
_DEEPEST = 100
"""A WSDL beyond these was made to keep a reader busy, or is none."""
SETTINGS = zeep.Settings(forbid_external=True, forbid_dtd=True, forbid_entities=True, raw_response=True)
DOCUMENT: Any = zeep_wsdl.Document  # only half of it is annotated
# What zeep raises over documents and values that do not fit.
MISFITS = (
    ZeepError,
    etree.LxmlError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


class DeafTransport(zeep.Transport):
    """A transport that fetches nothing: every document and answer comes through the guarded client."""

    def __init__(self) -> None:
        # Not the parent's: it would open a session of its own.
        self.cache = None
        self.load_timeout = self.operation_timeout = 0
        self.logger = logging.getLogger("zeep.transports")
        self._close_session = False

    def load(self, url: str) -> NoReturn:
        """Refuse an import of any scheme; `forbid_external` covers http and https only."""
        forbidden: Any = ExternalReferenceForbidden
        raise forbidden(url)


@dataclass(frozen=True)
class Wsdl:
    """A parsed WSDL and where it came from; ``url`` is empty for one that stands in the options."""

    url: str
    sha256: str
    document: Any
    loaded_at: datetime


class WsdlCache:
    """WSDLs by address and pinned digest, shared by the threads of a process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Wsdl] = {}
        self._lock = threading.Lock()

    def inline(self, text: str, now: datetime) -> Wsdl:
        """The WSDL that stands in a route's options, parsed once.

        Raises:
            Permanent, Temporary: as `parsed`.
        """
        key = ("", hashlib.sha256(text.encode()).hexdigest())
        with self._lock:
            kept = self._kept.get(key)
        fresh = kept or parsed(text.encode(), "", now)
        with self._lock:
            self._kept[key] = fresh
        return fresh

    def get(self, url: str, pin: str, context: Context) -> Wsdl:
        """The WSDL at an address, fetched again when an hour has passed.

        Args:
            pin: the digest that it must have, or "".
            context: its client proves to the service who asks.

        Raises:
            Temporary: it cannot be had now.
            Permanent: it is not the pinned one, imports other documents, or the address is not allowed.
        """
        now = context.now()
        with self._lock:
            kept = self._kept.get((url, pin))
        if kept is not None and timedelta(0) <= now - kept.loaded_at < LIFETIME:
            return kept
        source = _fetched(url, context)
        digest = hashlib.sha256(source).hexdigest()
        if pin and digest != pin:
            raise Permanent("WASL-DLV-006", f"the WSDL at {url} has digest {digest}, not the pinned one")
        if kept is not None and kept.sha256 == digest:
            fresh = replace(kept, loaded_at=now)
        else:
            fresh = parsed(source, url, now)
        with self._lock:
            self._kept[url, pin] = fresh
        return fresh


def parsed(source: bytes, url: str, now: datetime) -> Wsdl:
    """A WSDL from its octets.

    Raises:
        Permanent: it imports other documents or has a DTD.
        Temporary: it is no WSDL that can be used; somebody may correct it.
    """
    # At DEBUG zeep writes what passes through it.
    logging.getLogger("zeep").setLevel(logging.WARNING)
    _check_bounds(source)
    try:
        document = DOCUMENT(io.BytesIO(source), DeafTransport(), base=url or None, settings=SETTINGS)
    except ExternalReferenceForbidden as trouble:
        detail = "the WSDL imports other documents: put one that holds everything into the option wsdl"
        raise Permanent("WASL-DLV-006", detail) from trouble
    except MISFITS as trouble:
        raise Temporary("WASL-DLV-008", f"no usable WSDL: {type(trouble).__name__}") from trouble
    return Wsdl(url, hashlib.sha256(source).hexdigest(), document, now)


def _check_bounds(source: bytes) -> None:
    """Judge the size before a library makes objects of it.

    Raises:
        Temporary: it is no XML, or too much of it.
    """
    elements = depth = 0
    options: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False}
    try:
        for event, element in etree.iterparse(io.BytesIO(source), events=("start", "end"), **options):
            if event == "end":
                depth -= 1
                element.clear()
                continue
            elements, depth = elements + 1, depth + 1
            if elements == 1 and element.tag != _ROOT:
                raise Temporary("WASL-DLV-008", f"no WSDL 1.1: the document is a {element.tag[:100]}")
            if elements > _MOST_ELEMENTS or depth > _DEEPEST:
                raise Temporary("WASL-DLV-008", "no usable WSDL: it has too many elements, or is too deep")
    except etree.LxmlError as trouble:
        raise Temporary("WASL-DLV-008", f"no usable WSDL: {type(trouble).__name__}") from trouble


def _fetched(url: str, context: Context) -> bytes:
    try:
        response = context.http.request("GET", url)
        fault = fault_of_status(response, context.now())
        if fault is not None:
            raise fault
    except DeliveryError as fault:
        raise in_phase(fault, Phase.BEFORE) from fault
    return response.body
