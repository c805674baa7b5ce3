"""Regular expressions of operators: no pattern and no answer holds a worker up."""

from __future__ import annotations

import time
from typing import Any

import pytest

from adapters.options import Options
from adapters.patterns import Pattern
from adapters.soap import SoapAdapter
from adapters.soap_answer import SoapFault
from adapters.soap_options import FaultRule
from gateway.domain.errors import Misconfigured

CATASTROPHES = ["(a+)+$", "(a|aa)+$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)*x", "a{0,100}a{0,100}$"]


def read(source: Any) -> Pattern:
    options = Options({"text": source})
    found = Pattern.read(options, "text")
    options.end()
    options.check()
    return found


@pytest.mark.parametrize("source", CATASTROPHES)
@pytest.mark.parametrize("tail", ["!", "aB", ""])
def test_a_pattern_that_tries_again_and_again_takes_no_time(source: str, tail: str) -> None:
    pattern, text = read(source), "a" * 100_000 + tail
    began = time.process_time()
    pattern.within(text)
    pattern.whole(text)
    assert time.process_time() - began < 1


def test_a_fault_of_a_system_is_judged_in_no_time() -> None:
    rule = FaultRule.read(
        Options({"code": "(.+)+x", "text": "(a+)+$", "detail": "(a|a)*$", "outcome": "permanent"})
    )
    fault = SoapFault(("a" * 100_000,), "a" * 100_000 + "!", "a" * 100_000)
    began = time.process_time()
    assert not rule.matches(fault)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "source",
    ["(", "(?=a)b", "(?<!a)b", r"(a)\1", "a{1001}", "((a{100}){100}){100}", "a" * 1001],
    ids=["open", "ahead", "behind", "back", "repeats", "grows", "long"],
)
def test_what_cannot_be_bounded_is_refused_with_its_key(
    source: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Misconfigured, match=r"text: is (no|a) regular expression"):
        read(source)
    assert capfd.readouterr().err == ""
    rules = [{"text": source, "outcome": "permanent"}]
    assert any("text" in one for one in SoapAdapter().check_options({"faults": rules}))


def test_letters_of_any_script_and_lone_surrogates_are_matched() -> None:
    assert read("رقم.*مكرر").within("خطأ: رقم الطلب مكرر")
    assert read(r"\p{L}+ \p{N}+").whole("déjà ٤٢")
    assert read("(?i)ERREUR").within("Une erreur")
    assert not read("erreur").whole("Une erreur")
    assert read("a.b").whole("a\ud800b")
    assert not read("")
    assert read("").within("anything")
    assert read("").whole("anything")
