"""The examples in the documents are what the code takes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from gateway.domain.errors import Fault
from gateway.domain.evidence.reasons import catalogue, explain
from gateway.domain.transit.rules import faults_of
from gateway.trust.jwsheader import MEMBERS
from gateway.wire.envelopes import read_envelope_json, read_envelope_xml

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "envelope.md").read_text("utf-8")


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_smallest_letter_is_valid_and_the_same_in_both_syntaxes() -> None:
    from_json = read_envelope_json(examples("json")[0].encode())
    canonical = etree.tostring(etree.fromstring(examples("xml")[0]), method="c14n")
    assert read_envelope_xml(canonical) == from_json
    assert faults_of(from_json, from_json.hub, datetime(2030, 3, 4, 8, 16, tzinfo=UTC)) == ()


def test_the_header_shown_has_only_members_that_are_taken() -> None:
    header = json.loads(examples("json")[1])
    assert header["typ"] == "wasl-envelope+json"
    assert set(header) <= MEMBERS


def test_the_problem_shown_says_what_the_catalogue_says() -> None:
    shown = json.loads(examples("json")[2])
    (fault,) = shown["faults"]
    values = {"recipient": fault["found"]}
    text, remedy = explain(Fault(fault["code"], fault["where"], found=fault["found"], values=values), "en")
    assert (fault["text"], fault["remedy"]) == (text, remedy) == (shown["title"], shown["detail"])
    assert shown["status"] == catalogue()[shown["code"]].http
