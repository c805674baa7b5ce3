"""Procedures of a country pack: those that ship, other ones, and every fault of a broken list."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway import assets
from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.receipt import DayKind, Silence
from gateway.domain.evidence.timelimit import ClockStart, LimitRule
from gateway.i18n import load_country

SHIPPED = assets.config_dir() / "countries"
INVENTED = Path(__file__).parents[2] / "assets" / "countries"


def test_the_bounds_of_law_55_19() -> None:
    procedures = load_country("ma", [SHIPPED]).procedures
    assert {one.rule.code: one.rule.days for one in procedures} == {
        "ma.55-19.administrative-act": 60,
        "ma.55-19.investment": 30,
    }
    for one in procedures:
        assert set(one.names) == {"ar", "fr", "en"}
        assert one.rule.silence is Silence.ACCEPTANCE
        assert one.rule.completion_request
        assert one.rule.extension_days is not None
    assert not load_country("ma", [SHIPPED]).confirmed


def test_the_invented_country_has_other_rules() -> None:
    permit, complaint = load_country("zo", [INVENTED]).procedures
    assert permit.rule == LimitRule(
        "zo.permiso",
        ClockStart.REGISTRATION,
        5,
        DayKind.WORKING,
        Silence.REFUSAL,
        completion_request=True,
        extension_days=None,
    )
    assert permit.document_types == {"permit"}
    assert (complaint.rule.extension_days, complaint.rule.counts_first_day) == (4, True)
    assert (complaint.rule.start, complaint.document_types) == (ClockStart.DEPOSIT, frozenset())


def test_a_pack_needs_no_procedures(tmp_path: Path) -> None:
    shutil.copytree(INVENTED / "zo", tmp_path / "zo")
    (tmp_path / "zo" / "procedures.toml").unlink()
    assert load_country("zo", [tmp_path]).procedures == ()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('code = "zo.permiso"', 'code = "per miso"', "procedure[0]: code: must be a code"),
        ('code = "zo.queja"', 'code = "zo.permiso"', "procedure[1]: code: zo.permiso is taken"),
        ('code = "zo.permiso"', "", "procedure[0]: code: must be a code"),
        ("days = 5", "days = 0", "procedure[0]: days: must be a whole number from 1 to 3660"),
        ("days = 5", "days = 3661", "procedure[0]: days: must be a whole number from 1 to 3660"),
        ("days = 5", 'days = "5"', "procedure[0]: days: must be a whole number from 1 to 3660"),
        ('counts = "working"', 'counts = "weeks"', "procedure[0]: counts: must be one of calendar, working"),
        ('starts = "deposit"', "", "procedure[1]: starts: must be one of deposit, registration"),
        (
            'silence = "refusal"',
            'silence = "no"',
            "procedure[0]: silence: must be one of acceptance, refusal, nothing",
        ),
        ("completion_request = true", "", "procedure[0]: completion_request: must be true or false"),
        (
            "extension_days = 4",
            "extension_days = -1",
            "procedure[1]: extension_days: must be a whole number to 3660, 0 for none",
        ),
        ("counts_first_day = true", "dies_a_quo = true", "procedure[1]: dies_a_quo: no such key"),
        (
            'code = "zo.queja"',
            'code = "zo.queja"\ndocument_types = ["permit"]',
            "procedure[1]: document_types: permit has a procedure already",
        ),
        ('["permit"]', '["a", "a"]', "procedure[0]: document_types: must be a list of different codes"),
        ('["permit"]', '"permit"', "procedure[0]: document_types: must be a list of different codes"),
        (
            'es = "Permiso", ',
            "",
            "procedure[0]: name: must be a table with a text in each language of the pack",
        ),
        ("[[procedure]]", "[[procedimiento]]", "procedimiento: no such key"),
    ],
)
def test_every_fault_is_told_with_its_place(tmp_path: Path, old: str, new: str, fault: str) -> None:
    shutil.copytree(INVENTED / "zo", tmp_path / "zo")
    path = tmp_path / "zo" / "procedures.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1) if "[[" not in old else text.replace(old, new), "utf-8")
    with pytest.raises(Misconfigured) as caught:
        load_country("zo", [tmp_path])
    assert caught.value.faults == (f"zo/procedures.toml: {fault}",)
