"""Names of files that any sender may have chosen and any system can store."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.folder_names import LONGEST, NameStyle, file_names, safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plan.pdf", "plan.pdf"),
        ("طلب رخصة البناء.pdf", "طلب رخصة البناء.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ("/absolute", "_absolute"),
        ("C:\\x.pdf", "C__x.pdf"),
        (".bashrc", "piece-1.bashrc"),
        ("-rf", "rf"),
        ("..", "piece-1"),
        (".", "piece-1"),
        ("   ", "piece-1"),
        ("///", "piece-1"),
        ("nom.pdf. . ", "nom.pdf"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("nul .pdf", "_nul.pdf"),
        ("com¹.pdf", "_com¹.pdf"),
        ("LPT9.tar.gz", "_LPT9.tar.gz"),
        ("console.txt", "console.txt"),
        ("facture‮fdp.exe", "facturefdp.exe"),
        ("⁧محضر⁩.pdf", "محضر.pdf"),
        ("a\u2028b\u00a0c.pdf", "a b c.pdf"),
        ("a\x00b\x1b[31mc.pdf", "ab[31mc.pdf"),
        ('a<b>|"?*.pdf', "a_b_____.pdf"),
        ("e\u0301te\u0301.pdf", "été.pdf"),
        (".pdf", "piece-1.pdf"),
        ("\ud800.pdf", "piece-1.pdf"),
    ],
    ids=ascii,
)
def test_name_loses_what_leads_elsewhere_hides_or_turns_round(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_long_name_keeps_its_ending() -> None:
    found = safe_name("م" * 300 + ".pdf")
    assert found.endswith("م.pdf")
    assert len(found.encode()) <= LONGEST


def test_ending_that_is_none_is_no_ending() -> None:
    found = safe_name("a" * 100 + "." + "b" * 200)
    assert len(found) == LONGEST


def test_same_names_become_different_ones_for_every_file_system() -> None:
    names = ["Plan.pdf", "plan.pdf", "PLAN.PDF", "plan-2.pdf", "ｐlan.pdf", "manifest.json"]
    chosen = file_names(names, NameStyle.KEPT, ["manifest.json", ""])
    assert chosen == [
        "Plan.pdf",
        "plan-2.pdf",
        "PLAN-3.PDF",
        "plan-2-2.pdf",
        "ｐlan-4.pdf",
        "manifest-2.json",
    ]


def test_same_long_names_stay_short() -> None:
    chosen = file_names(["x" * 300 + ".pdf"] * 12, NameStyle.KEPT)
    assert len(set(chosen)) == 12
    assert {len(name) for name in chosen} == {LONGEST}
    assert all(name.endswith(".pdf") for name in chosen)


def test_systems_without_unicode_get_ascii_or_numbers() -> None:
    names = ["Requête générale.PDF", "طلب.pdf", "sans fin"]
    assert file_names(names, NameStyle.ASCII) == ["Requete generale.PDF", "piece-2.pdf", "sans fin"]
    assert file_names(names, NameStyle.NUMBERED) == ["001.pdf", "002.pdf", "003"]


@given(st.lists(st.text(max_size=400), max_size=8), st.sampled_from(NameStyle))
def test_no_name_ever_harms(names: list[str], style: NameStyle) -> None:
    chosen = file_names(names, style, ["manifest.json"])
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in [*chosen, "manifest.json"]}) == (
        len(names) + 1
    )
    for name in chosen:
        assert 0 < len(name.encode()) <= LONGEST
        assert name not in (".", "..")
        assert not set(name) & set('/\\:*?"<>|')
        assert not any(unicodedata.category(sign)[0] == "C" for sign in name)
        assert name[0] not in ".-~ "
        assert name[-1] not in ". "
