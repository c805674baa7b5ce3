"""One call of a REST recipe, read from a route's options."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace

from adapters.answers import Reads
from adapters.functions import Tables
from adapters.mapping import Expression, Mapping
from adapters.options import Options
from adapters.rules import Rule
from adapters.xml_body import XmlForm

PLACE = re.compile(r"\{(\w*)\}")
PLACES = frozenset({"deliveryId", "reference", "handle"})
FILE_PLACES = frozenset({"fileId", "fileName", "fileNumber", "fileSha256"})
METHODS = ("POST", "PUT", "PATCH")
JSON, XML, FORM, CONTENT = "json", "xml", "form", "content"
FORMATS = (JSON, XML, FORM, CONTENT)
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:; ?[\w-]+=[\w.-]+)*", re.ASCII)
OURS = frozenset(
    {"content-length", "content-type", "host", "connection", "transfer-encoding", "authorization"}
)


@dataclass(frozen=True)
class FormFiles:
    """Files of a form: the name of the form's field, and which."""

    field: str
    each: Expression


@dataclass(frozen=True)
class Form:
    """In what form a body is sent.

    Attributes:
        format: one of `FORMATS`.
        files: of ``form``.
        content: of ``content``, the expression for the file.
        types: media types of fields of ``form`` that are not plain text.
        media_type: of ``json`` and ``xml``, in place of the usual one.
    """

    format: str = JSON
    xml: XmlForm = XmlForm("")
    files: tuple[FormFiles, ...] = ()
    content: Expression | None = None
    types: Table[str, str] = field(default_factory=dict)
    media_type: str = ""


@dataclass(frozen=True)
class Step:
    """One call: where, with what body, when it succeeded, and what its answer says.

    Attributes:
        body: of ``form`` the fields; None where there is none, or the body is a file.
        when: over the letter and what was found so far; the call is left out where it is not true.
        required: everything that ``reads`` names must be found.
        absent_status: by which a look-up says that nothing is there.
    """

    name: str
    method: str
    path: str
    body: Mapping | None
    success: Expression | None
    reads: Reads
    rules: tuple[Rule, ...]
    form: Form = Form()
    query: Mapping | None = None
    headers: Mapping | None = None
    when: Expression | None = None
    required: bool = False
    absent_status: int = 0


@dataclass(frozen=True)
class StepReader:
    """Reads steps that share the route's code tables and rules.

    Attributes:
        keeps: whether a name of ``reads`` is wanted by another step.
        kept: names that steps may put into their paths.
    """

    tables: Tables
    rules: tuple[Rule, ...]
    keeps: Callable[[str], bool]
    kept: frozenset[str]

    def step(self, options: Options, name: str, method: str = "POST", usual: str = JSON) -> Step:
        """The step that the options describe; faults are noted there.

        Args:
            method: where the options name none; ``GET`` is the only one then.
            usual: the format where the options name none.
        """
        asks = method == "GET"
        chosen = options.choice("method", ("GET",) if asks else METHODS, method)
        step = self._step(options, name, chosen, usual)
        if not asks:
            step = replace(step, rules=(*self._rules(options), *self.rules))
        if name == "upload":
            step = replace(step, when=options.expression("when", self.tables))
        options.end()
        return step

    def named(self, options: Options, own_rules: bool) -> Step:
        """A step of ``before`` or ``steps``, with its name, its condition and any method.

        Args:
            own_rules: it comes before the letter, of which the route's rules speak.
        """
        name = options.text("name")
        if name and not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", name):
            options.fault("name", "is no name of small letters, digits, - and _")
        method = options.choice("method", ("GET", *METHODS), "POST")
        asks = method == "GET"
        step = replace(
            self._step(options, name, method, JSON),
            rules=(*self._rules(options), *(() if asks or own_rules else self.rules)),
            when=options.expression("when", self.tables),
            required=options.flag("required"),
            absent_status=options.number("absent_status", 0) if asks and own_rules else 0,
        )
        options.end()
        return step

    @staticmethod
    def _rules(options: Options) -> tuple[Rule, ...]:
        return tuple(map(Rule.read, options.sections("rules")))

    def _step(self, options: Options, name: str, method: str, usual: str) -> Step:
        form, body = (Form(), None) if method == "GET" else self._body(options, name, usual)
        return Step(
            name=name,
            method=method,
            path=self._path(options, FILE_PLACES if name == "upload" else frozenset()),
            body=body,
            success=options.expression("success"),
            reads=Reads.read(options.section("reads"), self.keeps),
            rules=(),
            form=form,
            query=options.mapping("query", self.tables),
            headers=self._headers(options),
        )

    def _body(self, options: Options, name: str, usual: str) -> tuple[Form, Mapping | None]:
        bare = options.is_text("body")
        if bare and options.text("body") != CONTENT:
            options.fault("body", f"is neither a table nor {CONTENT!r}")
        format_ = options.choice("format", FORMATS, CONTENT if bare else usual)
        if format_ == CONTENT:
            if not bare and "body" in options:
                options.fault("body", "stands beside format content, which sends a file alone")
            source = "file.content" if name == "upload" else "original.content"
            content = options.expression("content") or Expression.compile(source, options.path("content"))
            return Form(CONTENT, content=content), None
        fields = "fields" if name == "upload" and format_ == FORM else "body"
        body = None if bare else options.mapping(fields, self.tables)
        names = body.names() if body is not None else frozenset()
        return self._form(options, name, format_, names), body

    def _form(self, options: Options, name: str, format_: str, names: frozenset[str]) -> Form:
        if format_ == XML:
            if "xml" not in options:
                options.fault("xml", "is required: it names the root")
            return Form(
                XML,
                XmlForm.read(options.section("xml"), names),
                media_type=_media_type(options, "media_type"),
            )
        if format_ == FORM:
            files = () if name == "upload" else tuple(map(_files, options.sections("files")))
            types = options.texts("types")
            for field_name, media_type in types.items():
                if not _TYPE.fullmatch(media_type):
                    options.fault(f"types.{field_name}", "is no media type")
            return Form(FORM, files=files, types=types)
        return Form(media_type=_media_type(options, "media_type"))

    def _path(self, options: Options, more: frozenset[str]) -> str:
        path = options.text("path")
        known = PLACES | more | self.kept
        unknown = sorted(set(PLACE.findall(path)) - known)
        if unknown:
            options.fault("path", f"names {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        if path and not (path.startswith("/") and path.isprintable() and " " not in path):
            options.fault("path", "does not begin with / or has a space")
        return path

    def _headers(self, options: Options) -> Mapping | None:
        section = options.section("headers")
        for name in section.names() if section is not None else ():
            if not _HEADER.fullmatch(name) or name.lower() in OURS:
                options.fault(f"headers.{name}", "is no header that a step may set")
        return options.mapping("headers", self.tables)


def _files(options: Options) -> FormFiles:
    name, each = options.text("field", "file"), options.expression("each")
    options.end()
    return FormFiles(name, each or Expression.compile("files", options.path("each")))


def _media_type(options: Options, key: str) -> str:
    media_type = options.text(key, "")
    if media_type and not _TYPE.fullmatch(media_type):
        options.fault(key, "is no media type")
    return media_type
