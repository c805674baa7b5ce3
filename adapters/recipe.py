"""The calls that hand a letter to a REST system, as a route's options describe them."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from adapters.answers import Reads
from adapters.auth import Auth
from adapters.functions import Tables
from adapters.mapping import Expression, Mapping
from adapters.options import Options
from adapters.outcomes import Outcome, Phase
from gateway.domain.errors import Ambiguous

_PLACE = re.compile(r"\{(\w*)\}")
_PLACES = frozenset({"deliveryId", "reference", "handle"})
METHODS = ("POST", "PUT", "PATCH")


@dataclass(frozen=True)
class Rule:
    """Overrides what an answer means: by its status, by an expression over it, or by both."""

    status: int
    when: Expression | None
    outcome: Outcome
    retry_after: int

    @classmethod
    def read(cls, options: Options) -> Rule:
        """The rule that the options describe; faults are noted there."""
        rule = cls(
            status=options.number("status", 0),
            when=options.expression("when"),
            outcome=_outcome(options),
            retry_after=options.number("retry_after", 0),
        )
        if not rule.status and rule.when is None:
            options.fault("when", "is required where there is no status")
        options.end()
        return rule

    def matches(self, status: int, answer: Any) -> bool:
        """Whether this rule speaks of that answer."""
        right_status = not self.status or self.status == status
        return right_status and (self.when is None or bool(self.when.over_answer(answer)))


@dataclass(frozen=True)
class Step:
    """One call: where, with what body, when it succeeded, and what its answer says."""

    name: str
    method: str
    path: str
    body: Mapping | None
    success: Expression | None
    reads: Reads
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Upload:
    """The call repeated for each file, as multipart/form-data with the file as its last part."""

    step: Step
    each: Expression
    field: str
    digest: Expression | None


@dataclass(frozen=True)
class Find:
    """The question whether an earlier delivery arrived."""

    step: Step
    found: Expression
    absent_status: int


@dataclass(frozen=True)
class Recipe:
    """All calls of a route and the limits they keep."""

    base_url: str
    auth: Auth
    headers: Table[str, str]
    idempotency_header: str
    max_inline_bytes: int
    draft_until_confirm: bool
    create: Step
    upload: Upload | None
    confirm: Step | None
    find: Find | None
    probe: Step | None

    @classmethod
    def read(cls, table: Table[str, Any]) -> Recipe:
        """The recipe of a route.

        Raises:
            Misconfigured: everything that is wrong with the options.
        """
        options = Options(table)
        reader = _StepReader(options.code_tables(), tuple(map(Rule.read, options.sections("rules"))))
        recipe = cls(
            base_url=options.url("base_url").rstrip("/"),
            auth=Auth.read(options.section("auth")),
            headers=plain_headers(options),
            idempotency_header=options.text("idempotency_header", ""),
            max_inline_bytes=options.number("max_inline_bytes", 10 * 1024**2),
            draft_until_confirm=options.flag("draft_until_confirm"),
            create=reader.step(_required(options, "create"), "create"),
            upload=reader.upload(options.section("upload")),
            confirm=reader.confirm(options.section("confirm")),
            find=reader.find(options.section("find")),
            probe=reader.probe(options.section("probe")),
        )
        for key in ("poll", "report"):  # read by adapters.rest_poll and adapters.report
            options.section(key)
        recipe.check(options)
        return recipe

    def check(self, options: Options) -> None:
        """Check what concerns several keys, then raise everything found."""
        if self.draft_until_confirm and self.confirm is None:
            options.fault("draft_until_confirm", "needs a confirm step")
        if "{handle}" in self.create.path:
            options.fault("create.path", "cannot name {handle}, which only its answer gives")
        options.end()
        options.check()

    def phase(self, step: Step) -> Phase:
        """What a failure of that step leaves at the target."""
        if step is self.create:
            return Phase.BEFORE if self.draft_until_confirm else Phase.TAKING
        if not self.draft_until_confirm:
            return Phase.TAKEN
        return Phase.TAKING if step is self.confirm else Phase.BEFORE

    def url(self, step: Step, values: Table[str, str]) -> str:
        """Where a step's call goes.

        Raises:
            Ambiguous: the target's handle cannot stand in a path.
        """
        if values.get("handle") in (".", ".."):
            raise Ambiguous("WASL-DLV-008", "the target's handle cannot stand in a path")
        return self.base_url + _PLACE.sub(lambda place: quote(values[place[1]], safe=""), step.path)


class _StepReader:
    """Reads steps that share the route's code tables and rules."""

    def __init__(self, tables: Tables, rules: tuple[Rule, ...]) -> None:
        self._tables = tables
        self._rules = rules

    def step(self, options: Options, name: str, method: str = "POST", body: str = "body") -> Step:
        asks = method == "GET"
        step = Step(
            name=name,
            method=options.choice("method", ("GET",) if asks else METHODS, method),
            path=self._path(options),
            body=None if asks else options.mapping(body, self._tables),
            success=options.expression("success"),
            reads=Reads.read(options.section("reads")),
            rules=() if asks else self._rules,
        )
        options.end()
        return step

    def upload(self, options: Options | None) -> Upload | None:
        if options is None:
            return None
        each = options.text("each", "files")
        field, digest = options.text("field", "file"), options.expression("digest")
        chosen = options.expression("each") if each != "files" else Expression.compile("files", "upload.each")
        if chosen is None:
            return None
        return Upload(self.step(options, "upload", body="fields"), chosen, field, digest)

    def confirm(self, options: Options | None) -> Step | None:
        return None if options is None else self.step(options, "confirm")

    def find(self, options: Options | None) -> Find | None:
        if options is None:
            return None
        absent_status = options.number("absent_status", 0)
        options.text("found")
        found = options.expression("found")
        if "success" not in options:
            # Without it, an error page in JSON would read as "not there", and the letter would go twice.
            options.fault("success", "is required: it tells an answer from anything else")
        step = self.step(options, "find", "GET")
        return None if found is None else Find(step, found, absent_status)

    def probe(self, options: Options | None) -> Step | None:
        return None if options is None else self.step(options, "probe", "GET")

    @staticmethod
    def _path(options: Options) -> str:
        path = options.text("path")
        unknown = sorted(set(_PLACE.findall(path)) - _PLACES)
        if unknown:
            options.fault("path", f"names {', '.join(unknown)}; known are {', '.join(sorted(_PLACES))}")
        if path and not (path.startswith("/") and path.isprintable() and " " not in path):
            options.fault("path", "does not begin with / or has a space")
        return path


def _outcome(options: Options) -> Outcome:
    word = options.choice("outcome", [outcome.value for outcome in Outcome])
    return Outcome(word) if word in {outcome.value for outcome in Outcome} else Outcome.AMBIGUOUS


def _required(options: Options, key: str) -> Options:
    section = options.section(key)
    if section is None:
        options.fault(key, "is required")
        return Options({"path": "/", "reads": {}})
    if "body" not in section:
        section.fault("body", "is required")
    return section


def plain_headers(options: Options) -> dict[str, str]:
    """The fixed headers of a route; faults are noted in its options."""
    headers = options.texts("headers")
    for name, value in headers.items():
        if not (re.fullmatch(r"[A-Za-z0-9-]+", name) and value.isprintable() and value.isascii()):
            options.fault(f"headers.{name}", "is no header that can be sent")
    return headers
