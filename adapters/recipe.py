"""The calls that hand a letter to a REST system, as a route's options describe them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from adapters.answers import LONGEST, OPTIONS
from adapters.auth import Auth
from adapters.mapping import Expression
from adapters.options import Options
from adapters.outcomes import Phase
from adapters.rules import Rule
from adapters.steps import CONTENT, FILE_PLACES, FORM, METHODS, PLACE, PLACES, Step, StepReader
from gateway.domain.errors import Ambiguous, Permanent

__all__ = ["METHODS", "Find", "Recipe", "Rule", "Step", "Upload", "plain_headers"]

_STEPS = ("create", "confirm", "upload")
_TAKEN_NAMES = frozenset({*OPTIONS, *PLACES, *FILE_PLACES, "targetReference", "registerNumber"})
_MOST_STEPS = 20


@dataclass(frozen=True)
class Upload:
    """The call repeated for each file, as multipart/form-data with the file as its last part by default."""

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

    def earlier(self, answer: Any, delivery_id: str, reference: str) -> Any:
        """What the answer says of the earlier delivery; null or empty where it is not there."""
        source = _of(self.found.source, delivery_id, reference)
        found = self.found if source == self.found.source else Expression.compile(source, self.found.path)
        return found.over_answer(answer)


def _of(source: str, delivery_id: str, reference: str) -> str:
    """An expression with the letter's own names in place of ``{deliveryId}`` and ``{reference}``.

    Both are of letters, digits and hyphens alone.
    """
    return source.replace("{deliveryId}", delivery_id).replace("{reference}", reference)


@dataclass(frozen=True)
class Recipe:
    """All calls of a route and the limits they keep."""

    base_url: str
    auth: Auth
    headers: Table[str, str]
    idempotency_header: str
    max_inline_bytes: int
    draft_until_confirm: bool
    before: tuple[Step, ...]
    create: Step
    upload: Upload | None
    steps: tuple[Step, ...]
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
        reader = _reader(options, table)
        recipe = cls(
            base_url=options.url("base_url").rstrip("/"),
            auth=Auth.read(options.section("auth")),
            headers=plain_headers(options),
            idempotency_header=options.text("idempotency_header", ""),
            max_inline_bytes=options.number("max_inline_bytes", 10 * 1024**2),
            draft_until_confirm=options.flag("draft_until_confirm"),
            before=tuple(reader.named(one, own_rules=True) for one in options.sections("before")),
            create=reader.step(_required(options, "create"), "create"),
            upload=_upload(reader, options.section("upload")),
            steps=tuple(reader.named(one, own_rules=False) for one in options.sections("steps")),
            confirm=_optional(reader, options.section("confirm"), "confirm"),
            find=_find(reader, options.section("find")),
            probe=_optional(reader, options.section("probe"), "probe", "GET"),
        )
        for key in ("poll", "report"):  # read by adapters.rest_poll and adapters.report
            options.section(key)
        recipe.check(options)
        return recipe

    def check(self, options: Options) -> None:
        """Check what concerns several keys, then raise everything found."""
        if self.draft_until_confirm and self.confirm is None:
            options.fault("draft_until_confirm", "needs a confirm step")
        for step in (*self.before, self.create):
            if "{handle}" in step.path:
                options.fault(
                    f"{step.name}.path", "cannot name {handle}, which only the answer to create gives"
                )
        self._check_named(options)
        options.end()
        options.check()

    def _check_named(self, options: Options) -> None:
        for step in self.before:
            for name in step.reads.expressions:
                options.fault(f"before.{step.name}.reads.{name}", "is only found once a letter is created")
        names = [step.name for step in (*self.before, *self.steps)]
        for name in dict.fromkeys(names):
            if names.count(name) > 1 or name in (*_STEPS, "find", "probe"):
                options.fault("steps", f"the name {name!r} stands twice")
        if len(names) > _MOST_STEPS:
            options.fault("steps", f"more than {_MOST_STEPS} with those before")

    def phase(self, step: Step) -> Phase:
        """What a failure of that step leaves at the target."""
        if any(step is one for one in self.before):
            return Phase.BEFORE
        if step is self.create:
            return Phase.BEFORE if self.draft_until_confirm else Phase.TAKING
        if not self.draft_until_confirm:
            return Phase.TAKEN
        return Phase.TAKING if step is self.confirm else Phase.BEFORE

    def url(self, step: Step, values: Table[str, str]) -> str:
        """Where a step's call goes, without its query.

        Raises:
            Ambiguous: the target's handle cannot stand in a path.
            Permanent: another value cannot, or no answer gave it.
        """
        if values.get("handle") in (".", ".."):
            raise Ambiguous("WASL-DLV-008", "the target's handle cannot stand in a path")
        for name in PLACE.findall(step.path):
            if name not in values:
                raise Permanent("WASL-DLV-077", f"{step.name}.path: no answer gave {{{name}}}")
            if (
                values[name] in (".", "..")
                or len(values[name]) > LONGEST
                or (name != "handle" and not values[name])
            ):
                raise Permanent("WASL-DLV-076", f"{step.name}.path: {{{name}}} cannot stand in a path")
        return self.base_url + PLACE.sub(
            lambda place: quote(values[place[1]], safe="", errors="replace"), step.path
        )


def _reader(options: Options, table: Table[str, Any]) -> StepReader:
    kept = frozenset(_kept(table))
    words = json.dumps(table, default=str)
    return StepReader(
        options.code_tables(),
        tuple(map(Rule.read, options.sections("rules"))),
        # a name that nobody asks for again is a known one misspelt
        lambda name: name in kept and (f"target.{name}" in words or f"{{{name}}}" in words),
        kept,
    )


def _kept(table: Table[str, Any]) -> Iterator[str]:
    """Every name under which a step keeps what its answer says."""
    tables = [table.get(name) for name in _STEPS]
    lists = [table.get(name) for name in ("before", "steps")]
    for step in (*tables, *(one for found in lists if isinstance(found, (list, tuple)) for one in found)):
        reads = step.get("reads") if isinstance(step, Table) else None
        for name in reads if isinstance(reads, Table) else ():
            if re.fullmatch(r"[a-z][A-Za-z0-9_]{0,39}", name) and name not in _TAKEN_NAMES:
                yield name


def _upload(reader: StepReader, options: Options | None) -> Upload | None:
    if options is None:
        return None
    each = options.text("each", "files")
    field, digest = options.text("field", "file"), options.expression("digest")
    chosen = options.expression("each") if each != "files" else Expression.compile("files", "upload.each")
    if chosen is None:
        return None
    return Upload(reader.step(options, "upload", usual=FORM), chosen, field, digest)


def _find(reader: StepReader, options: Options | None) -> Find | None:
    if options is None:
        return None
    absent_status = options.number("absent_status", 0)
    options.text("found")
    found = options.expression("found")
    if "success" not in options:
        # Without it, an error page in JSON would read as "not there", and the letter would go twice.
        options.fault("success", "is required: it tells an answer from anything else")
    step = reader.step(options, "find", "GET")
    return None if found is None else Find(step, found, absent_status)


def _optional(reader: StepReader, options: Options | None, name: str, method: str = "POST") -> Step | None:
    return None if options is None else reader.step(options, name, method)


def _required(options: Options, key: str) -> Options:
    section = options.section(key)
    if section is None:
        options.fault(key, "is required")
        return Options({"path": "/", "reads": {}})
    if "body" not in section and section.plain("format") not in (FORM, CONTENT):
        section.fault("body", "is required")
    return section


def plain_headers(options: Options) -> dict[str, str]:
    """The fixed headers of a route; faults are noted in its options."""
    headers = options.texts("headers")
    for name, value in headers.items():
        if not (re.fullmatch(r"[A-Za-z0-9-]+", name) and value.isprintable() and value.isascii()):
            options.fault(f"headers.{name}", "is no header that can be sent")
    return headers
