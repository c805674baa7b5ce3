"""Says what a JSON Schema validator found wrong in the words of the content model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema_rs

from gateway.domain.errors import Fault
from gateway.wire.lexical import expectation, known
from gateway.wire.models import Model
from gateway.wire.places import pointer_of, shape_at
from gateway.wire.xml_faults import CODE, shown

Path = list[str | int]


def json_faults(model: Model, errors: Iterable[jsonschema_rs.ValidationError]) -> Iterator[Fault]:
    """One fault for each place that is wrong, in the validator's order."""
    seen: set[str] = set()
    for error in errors:
        for fault in _faults(model, error):
            if fault.where not in seen:
                seen.add(fault.where or "")
                yield fault


def _faults(model: Model, error: jsonschema_rs.ValidationError) -> Iterator[Fault]:
    path, kind = list(error.instance_path), error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        yield _fault(model, [*path, kind.property], "nothing")
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.UnevaluatedProperties):
        expected = expected_at(model, path)
        for name in kind.unexpected:
            yield Fault(CODE, pointer_of([*path, name]), expected=expected, found=shown(name))
    else:
        yield _fault(model, path, _told(error.instance))


def _fault(model: Model, path: Path, found: str) -> Fault:
    return Fault(CODE, pointer_of(path), expected=expected_at(model, path), found=shown(found))


def expected_at(model: Model, path: Path) -> str:
    """What may stand at ``path`` of a document of ``model``."""
    shape, entry = shape_at(model.root, path)
    return known(model.root) if shape is None else expectation(shape, one=entry)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)} entries"
    return value if isinstance(value, str) else json.dumps(value)
