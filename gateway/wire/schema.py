"""Validates documents against the published schemas, each compiled once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs
from lxml import etree

from gateway.assets import xsd_dir
from gateway.domain.errors import Fault
from gateway.wire.json_faults import json_faults
from gateway.wire.models import Model
from gateway.wire.xml_faults import CODE, has_stranger, shown, xml_faults
from gateway.wire.xsd import compiled

MOST_FAULTS = 50
"""How many faults of one document are told."""


def faults_of_xml(model: Model, root: etree._Element) -> tuple[Fault, ...]:
    """What is wrong with a parsed document, at most `MOST_FAULTS`; empty when it is valid."""
    schema = compiled(model.stem)
    if schema.validate(root) and not has_stranger(root):
        return ()
    return _first(xml_faults(model, root)) or _first(_untold(schema))


def faults_of_json(model: Model, value: Any) -> tuple[Fault, ...]:
    """What is wrong with a parsed JSON value, at most `MOST_FAULTS`; empty when it is valid."""
    validator = _json_schema(model)
    if validator.is_valid(value):
        return ()
    return _first(json_faults(model, validator.iter_errors(value)))


def _first(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(islice(faults, MOST_FAULTS))


def _untold(schema: etree.XMLSchema) -> Iterable[Fault]:
    """The processor's own words, for what the walk by the declarations does not name."""
    log: Any = schema.error_log
    for entry in log:
        yield Fault(CODE, entry.path, entry.line, expected=shown(entry.message, 300))


@cache
def _json_schema(model: Model) -> jsonschema_rs.Draft202012Validator:
    schema = json.loads((xsd_dir() / f"{model.stem}.schema.json").read_bytes())
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, offline=True)
