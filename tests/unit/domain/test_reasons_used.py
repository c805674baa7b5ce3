"""Every reason is used, every refusal has one, and the document says what the catalogue says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from gateway.domain.evidence.reasons import catalogue
from gateway.i18n.areas import AREAS, area_of
from gateway.i18n.reason_docs import document, main

ROOT = Path(__file__).resolve().parents[3]
CODE = re.compile(r"WASL-[A-Z]{3}-[0-9]{3}")
FIRST_ARGUMENT = {"because", "Fault", "Temporary", "Permanent", "Ambiguous", "StatedReason"}
"""Calls whose first argument is a reason's code."""

CARRIED = {"reason_of(verdict)", "values['reason']"}
"""Expressions that bring a code along, besides whatever is called ``code``."""

TS_102_640_2 = {
    "InvalidMessageFormat", "MalwareFound", "InvalidUserSignature", "UserCertExpiredOrRevoked",
    "PolicyViolation", "R_REMMD_Malfunction", "R_REMMD_Unreachable",
    "S_REMMD_ReceivedNoDeliveryInfoFromR_REMMD", "UnknownRecipient", "TechnicalMalfunction",
    "RecipientRejection",
}  # fmt: skip
"""Names of ETSI TS 102 640-2 V2.1.1, Annex D, that the catalogue uses."""


@dataclass(frozen=True)
class Module:
    """A module of the product, with the constants that its names stand for."""

    path: str
    tree: ast.Module

    @property
    def constants(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                found |= _pairs(node.targets[0], node.value)
        return found

    @property
    def imported(self) -> dict[str, tuple[str, str]]:
        return {
            alias.asname or alias.name: (f"{(node.module or '').replace('.', '/')}.py", alias.name)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }


def _pairs(target: ast.expr, value: ast.expr) -> dict[str, str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return {
            name: text
            for one, other in zip(target.elts, value.elts, strict=False)
            for name, text in _pairs(one, other).items()
        }
    if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
        return {target.id: value.value}
    return {}


@cache
def product() -> dict[str, Module]:
    paths = [path for folder in ("gateway", "adapters") for path in (ROOT / folder).rglob("*.py")]
    return {
        path.relative_to(ROOT).as_posix(): Module(
            path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))
        )
        for path in paths
    }


def mentioned() -> Iterator[tuple[str, str]]:
    """Each place that writes a code, and the code."""
    for module in product().values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                yield f"{module.path}:{node.lineno}", node.value


def uses() -> Iterator[tuple[Module, ast.expr]]:
    """Each expression that gives a refusal or a failed delivery its reason."""
    for module in product().values():
        for expression in codes_given(module):
            yield module, expression


def codes_given(module: Module) -> Iterator[ast.expr]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and node.args and not isinstance(node.args[0], ast.Starred):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in FIRST_ARGUMENT:
                yield node.args[0]


def values_of(module: Module, expression: ast.expr) -> list[str | None]:
    """The texts that an expression may stand for; None for one that only a run can tell."""
    if isinstance(expression, ast.IfExp):
        return values_of(module, expression.body) + values_of(module, expression.orelse)
    if isinstance(expression, ast.BoolOp):
        return [text for part in expression.values for text in values_of(module, part)]
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return [expression.value]
    if not isinstance(expression, ast.Name) or expression.id == "code":
        return [None] if not is_carried(expression) else []
    if expression.id in module.constants:
        return [module.constants[expression.id]]
    where, name = module.imported.get(expression.id, ("", ""))
    return [product()[where].constants.get(name) if where in product() else None]


def is_carried(expression: ast.expr) -> bool:
    """Whether the expression hands on a code that was made elsewhere, where this test sees it."""
    text = ast.unparse(expression)
    return text in CARRIED or re.fullmatch(r"code|[a-z_.]+\.(held_)?code|told\['code'\]", text) is not None


def test_every_code_that_the_product_writes_is_in_the_catalogue() -> None:
    assert [(place, code) for place, code in mentioned() if code not in catalogue()] == []


def test_every_reason_is_used() -> None:
    assert sorted(catalogue().keys() - {code for _, code in mentioned()}) == []


def test_every_refusal_has_a_reason_of_the_catalogue() -> None:
    found = [
        (f"{module.path}:{expression.lineno} {ast.unparse(expression)}", text)
        for module, expression in uses()
        for text in values_of(module, expression)
    ]
    assert len(found) > 100
    assert [place for place, text in found if text not in catalogue()] == []


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("A = 'WASL-REQ-005'\nNotFound.because(A)", ["WASL-REQ-005"]),
        ("A, B = 'x', 'y'\nFault(B, '/')", ["y"]),
        ("Temporary('p' if late else 'q', '')", ["p", "q"]),
        ("Refused.because(somewhere())", [None]),
        ("Refused.because(UNKNOWN)", [None]),
        ("Refused.because(f'WASL-{area}')", [None]),
        ("Refused.because(error.code)", []),
    ],
)
def test_the_search_for_reasons_sees_what_refusals_are_given(source: str, texts: list[str | None]) -> None:
    module = Module("a.py", ast.parse(source))
    found = [text for one in codes_given(module) for text in values_of(module, one)]
    assert found == texts


def test_every_reason_belongs_to_an_area_with_a_title() -> None:
    assert {area_of(reason) for reason in catalogue().values()} == set(AREAS)


def test_names_of_etsi_are_those_of_the_standard() -> None:
    assert {reason.etsi for reason in catalogue().values()} - {None} == TS_102_640_2


def test_the_document_is_up_to_date() -> None:
    written = (ROOT / "docs" / "reasons.md").read_text("utf-8")
    assert written == document(), "run python -m gateway.i18n.reason_docs docs/reasons.md"


@cache
def sections() -> dict[str, str]:
    """What the document says of each reason."""
    headed = re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", document(), re.DOTALL | re.MULTILINE)
    assert len(headed) == len(dict(headed))
    return dict(headed)


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_the_document_has_every_reason_in_every_language(code: str) -> None:
    reason, section = catalogue()[code], sections()[code]
    plain = re.sub(r"\\(.)", r"\1", section)
    assert all(text in plain for text in (*reason.texts.values(), *reason.remedies.values()))
    assert ("HTTP" in section) is (reason.http is not None)
    assert 'lang="ar" dir="rtl"' in section


def test_the_document_is_written_where_one_says(tmp_path: Path) -> None:
    assert main([str(tmp_path / "r.md")]) == 0
    assert (tmp_path / "r.md").read_text("utf-8") == document()
    assert main([]) == 2
