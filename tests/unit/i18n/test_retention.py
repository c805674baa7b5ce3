"""Rules of retention in country packs: as data, and every fault of a broken file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway import assets
from gateway.domain.errors import Misconfigured
from gateway.i18n import load_country

SHIPPED = assets.config_dir() / "countries"
INVENTED = Path(__file__).parents[2] / "assets" / "countries"

GOOD = """[[rule]]
code = "zo.wind"
document_types = ["wind"]
days = 30
confirmed = true
name = { es = "Viento", fr = "Vent" }
"""


def test_shipped_rules_are_proposals_until_an_archivist_confirms_them() -> None:
    rules = load_country("ma", [SHIPPED]).retention
    assert rules
    assert not any(rule.confirmed for rule in rules)


def test_the_invented_country_keeps_otherwise() -> None:
    by_code = {rule.code: rule for rule in load_country("zo", [INVENTED]).retention}
    assert {code: rule.days for code, rule in by_code.items()} == {"zo.permits": 9000, "zo.wind": 30}
    assert by_code["zo.permits"].document_types == {"permit", "permit-request"}
    assert by_code["zo.wind"].names["fr"] == "Vent"


def test_a_pack_without_rules_leaves_all_to_the_hub(tmp_path: Path) -> None:
    shutil.copytree(INVENTED / "zo", tmp_path / "zo")
    (tmp_path / "zo" / "retention.toml").unlink()
    assert load_country("zo", [tmp_path]).retention == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"zo.wind"', '"no code"', "rule[0]: code: must be a code"),
        ('"zo.wind"', '"default"', "rule[0]: code: default is taken"),
        ('["wind"]', "[]", "rule[0]: document_types: must be a list of different codes"),
        ('["wind"]', '["wind", "wind"]', "rule[0]: document_types: must be a list of different codes"),
        ('["wind"]', '"wind"', "rule[0]: document_types: must be a list of different codes"),
        ("days = 30", "days = 0", "rule[0]: days: must be a whole number from 1 to 36600"),
        ("days = 30", "days = 36601", "rule[0]: days: must be a whole number from 1 to 36600"),
        ("days = 30", "days = true", "rule[0]: days: must be a whole number from 1 to 36600"),
        ("confirmed = true\n", "", "rule[0]: confirmed: must be true or false"),
        ('es = "Viento", ', "", "rule[0]: name: must be a table with a text in each language of the pack"),
        ("days = 30", "days = 30\nmonths = 1", "rule[0]: months: no such key"),
        ("[[rule]]", "[rule]", "rule: must be a list of tables"),
        (GOOD, GOOD + GOOD, "rule[1]: code: zo.wind is taken"),
        (GOOD, GOOD + GOOD.replace("zo.wind", "zo.b"), "rule[1]: document_types: wind has a rule already"),
    ],
)
def test_every_fault_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    shutil.copytree(INVENTED / "zo", tmp_path / "zo")
    (tmp_path / "zo" / "retention.toml").write_text(GOOD.replace(old, new), "utf-8")
    with pytest.raises(Misconfigured) as caught:
        load_country("zo", [tmp_path])
    assert f"zo/retention.toml: {told}" in caught.value.faults
