"""What a route of kind ``soap`` is told, read from its options."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as Table
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography import x509

from adapters.answers import Reads
from adapters.auth import IN_THE_MESSAGE, KINDS, Auth
from adapters.contract import Context
from adapters.functions import Tables
from adapters.mapping import Expression, Mapping
from adapters.options import Options
from adapters.patterns import Pattern
from adapters.soap_answer import SoapFault
from adapters.verdicts import Verdict
from gateway.domain.errors import Misconfigured, Temporary


@dataclass(frozen=True)
class FaultRule:
    """What a fault means whose code, text and detail fit."""

    code: Pattern
    text: Pattern
    detail: Pattern
    verdict: Verdict

    @classmethod
    def read(cls, options: Options) -> FaultRule:
        """The rule that the options describe; faults are noted there."""
        rule = cls(
            code=Pattern.read(options, "code"),
            text=Pattern.read(options, "text"),
            detail=Pattern.read(options, "detail"),
            verdict=Verdict.read(options, "ambiguous"),
        )
        if not {"code", "text", "detail"} & set(options.names()):
            options.fault("code", "is required where there is neither text nor detail")
        options.end()
        return rule

    def matches(self, fault: SoapFault) -> bool:
        """Whether this rule speaks of that fault."""
        right_code = not self.code or any(self.code.whole(code) for code in fault.codes)
        return right_code and self.text.within(fault.text) and self.detail.within(fault.detail)


@dataclass(frozen=True)
class Operation:
    """One operation: its request, and when its reply is a success."""

    name: str
    request: Mapping
    success: Expression | None
    reads: Reads


@dataclass(frozen=True)
class FindOperation:
    """The look-up of an earlier delivery."""

    operation: Operation
    found: Expression
    absent_fault: Pattern | None


@dataclass(frozen=True)
class Service:
    """Which service a route calls, and how it says who calls."""

    wsdl_url: str
    wsdl: str
    wsdl_sha256: str
    endpoint: str
    service: str
    port: str
    auth: Auth

    @classmethod
    def read(cls, options: Options) -> Service:
        """The service that the options name; faults are noted there."""
        service = cls(
            wsdl_url=options.url("wsdl_url", ""),
            wsdl=options.text("wsdl", ""),
            wsdl_sha256=options.text("wsdl_sha256", ""),
            endpoint=options.url("endpoint", ""),
            service=options.text("service", ""),
            port=options.text("port", ""),
            auth=Auth.read(options.section("auth"), (*KINDS, *IN_THE_MESSAGE)),
        )
        if bool(service.wsdl_url) == bool(service.wsdl):
            options.fault("wsdl_url", "exactly one of wsdl_url and wsdl is required")
        if service.wsdl_sha256 and not re.fullmatch("[0-9a-f]{64}", service.wsdl_sha256):
            options.fault("wsdl_sha256", "is no SHA-256 digest in lower-case hexadecimal")
        return service


@dataclass(frozen=True)
class SoapRoute:
    """All options of a route; see `adapters.soap`.

    ``max_bytes`` is None where attachments of any size go; ``reply_signers`` are certificates in PEM, by one
    of which every reply must be signed, or "" where signatures are not looked at.
    """

    service: Service
    reply_signers: str
    mtom: bool
    headers: Mapping | None
    header_names: frozenset[str]
    max_bytes: int | None
    deliver: Operation
    find: FindOperation | None
    faults: tuple[FaultRule, ...]

    @classmethod
    def read(cls, table: Table[str, Any]) -> SoapRoute:
        """The route that a table describes.

        Raises:
            Misconfigured: everything that is wrong with it.
        """
        options = Options(table)
        tables = options.code_tables()
        mtom = options.choice("attachments", ("base64", "mtom"), "base64") == "mtom"
        route = cls(
            service=Service.read(options),
            reply_signers=_signers(options),
            mtom=mtom,
            headers=options.mapping("headers", tables),
            header_names=frozenset(headers.names() if (headers := options.section("headers")) else ()),
            max_bytes=options.number("max_bytes", 1, minimum=1) if "max_bytes" in options else None,
            deliver=_operation(options, tables),
            find=_find(options.section("find"), tables),
            faults=tuple(map(FaultRule.read, options.sections("faults"))),
        )
        if route.service.wsdl and not route.service.endpoint:
            options.fault("endpoint", "is required beside wsdl")
        for key in ("poll", "report"):  # read by adapters.soap_poll and adapters.report
            options.section(key)
        options.end()
        options.check()
        return route


@lru_cache(maxsize=1000)
def _read(options: str) -> SoapRoute:
    """The route that options, as JSON text, describe: worked out once for all of its letters."""
    return SoapRoute.read(json.loads(options))


def route_of(context: Context) -> SoapRoute:
    """The route that a context's options describe.

    Raises:
        Temporary: they are wrong. Waiting costs nothing: an operator corrects them, and no letter fails.
    """
    try:
        return _read(json.dumps(context.options))
    except Misconfigured as wrong:
        raise Temporary("WASL-DLV-007", "; ".join(wrong.faults)) from wrong


def service_of(context: Context) -> Service:
    """The service that they name, whatever else is in them, or is not yet.

    Raises:
        Temporary: what they say of it is wrong.
    """
    options = Options(context.options)
    service = Service.read(options)
    try:
        options.check()
    except Misconfigured as wrong:
        raise Temporary("WASL-DLV-007", "; ".join(wrong.faults)) from wrong
    return service


def _signers(options: Options) -> str:
    pem = options.text("reply_signers", "")
    if "PRIVATE KEY" in pem:
        options.fault("reply_signers", "holds a private key: it must name certificates alone")
        return ""
    try:
        if pem:
            x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        options.fault("reply_signers", "holds no certificate in PEM")
    return pem


def _operation(options: Options, tables: Tables) -> Operation:
    request = options.mapping("request", tables)
    if "request" not in options:
        options.fault("request", "is required")
    return Operation(
        name=options.text("operation"),
        request=request or Mapping.compile({}),
        success=options.expression("success"),
        reads=Reads.read(options.section("reads")),
    )


def _find(options: Options | None, tables: Tables) -> FindOperation | None:
    if options is None:
        return None
    options.text("found")
    found = options.expression("found")
    if "success" not in options:
        options.fault("success", "is required: it tells an answer from anything else")
    absent = Pattern.read(options, "absent_fault")
    operation = _operation(options, tables)
    options.end()
    return None if found is None else FindOperation(operation, found, absent or None)
