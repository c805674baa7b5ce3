"""The pages on mapping and on the kind ``rest`` say what is so: their examples are run."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from adapters.mapping import Expression
from adapters.rest import RestAdapter
from adapters.view import letter_view
from gateway.domain.evidence.reasons import catalogue
from gateway.domain.registry.tables import table_faults
from gateway.domain.transit.grounds import GROUNDS
from tests.unit.adapters.doubles import attachment, context, envelope, letter

DOCS = Path(__file__).parents[3] / "docs"
MAPPING, REST = ((DOCS / name).read_text("utf-8") for name in ("mapping.md", "kind-rest.md"))


def blocks(text: str, kind: str) -> list[str]:
    """The fenced blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


[LETTER] = [json.loads(one) for one in blocks(MAPPING, "json letter")]
[REGISTRY] = [tomllib.loads(one) for one in blocks(MAPPING, "toml registry")]
TABLES = REGISTRY["office"][0]["tables"]
EXPRESSIONS = [
    tuple(part.strip() for part in line.split(" => "))
    for line in blocks(MAPPING, "expressions")[0].splitlines()
]
ROUTES = blocks(REST, "toml route")
CALLS = blocks(REST, "calls")


def the_letter() -> Any:
    changes = {
        "subject": LETTER["subject"],
        "language": LETTER["language"],
        "document_type": LETTER["documentType"],
        "priority": LETTER["priority"],
        "attachments": (attachment(b"%PDF-1.7 abc", name="plan.pdf"),),
    }
    return letter({"a1": b"%PDF-1.7 abc"}, envelope=envelope(**changes))


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS, ids=[one for one, _ in EXPRESSIONS])
def test_an_expression_gives_what_the_page_says(expression: str, value: str) -> None:
    view = letter_view(the_letter()) | {"target": {}}
    assert Expression.compile(expression, "page", TABLES).over(view) == json.loads(value)


def test_the_tables_of_the_page_may_be_declared() -> None:
    assert list(table_faults(TABLES)) == []


@pytest.mark.parametrize("number", range(len(ROUTES)))
def test_a_route_of_the_page_makes_the_calls_that_it_shows(number: int) -> None:
    options = tomllib.loads(ROUTES[number])
    assert RestAdapter().check_options(options) == []
    shown = RestAdapter().preview(the_letter(), context(options))
    assert [f"{call.method} {call.url}" for call in shown] == CALLS[number].splitlines()


def test_the_fault_table_of_the_page_is_one() -> None:
    [rules] = blocks(MAPPING, "toml rules")
    assert RestAdapter().check_options({**tomllib.loads(ROUTES[0]), **tomllib.loads(rules)}) == []


def test_the_pages_name_reasons_that_exist_and_every_ground() -> None:
    codes = set(re.findall(r"WASL-[A-Z]{3}-\d{3}", MAPPING + REST))
    assert len(codes) > 5
    assert codes <= set(catalogue())
    assert {f"WASL-DLV-{number}" for number in re.findall(r"`(?:WASL-DLV-)?(03\d)`", MAPPING)} == GROUNDS


def test_every_option_of_a_call_is_on_the_page() -> None:
    source = (DOCS.parent / "adapters/steps.py").read_text("utf-8")
    named = set(
        re.findall(
            r'options\.(?:text|flag|choice|number|expression|mapping|section|sections)\(\s*"(\w+)"', source
        )
    )
    assert len(named) > 10
    assert {name for name in named if f"`{name}`" not in REST and f"`{name} " not in REST} == set()
