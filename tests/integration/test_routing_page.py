"""What docs/routing-rules.md shows is taken by a hub, and does what the page says."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import routing
from gateway.domain.transit.envelope import Attachment, Priority
from gateway.domain.transit.persons import Assurance, Identification, Person, PersonKind, Sender
from gateway.domain.transit.routing_fields import OPERATORS, fields
from tests.support.hub import AGENCY, AGENCY_OFFICE, COMMUNE_OFFICE, PLATFORM, TEST_OFFICE, HubUnderTest
from tests.support.systems import Simulator, fresh_hub

PAGE = (Path(__file__).parents[2] / "docs" / "routing-rules.md").read_text("utf-8")
BLOCKS = [
    tomllib.loads(re.sub(r"^ {4}", "", block, flags=re.MULTILINE))["office"][0]
    for block in re.findall(r"(?:^ {4}\[\[office\]\]\n)(?:^(?: {4}.*)?\n)+", PAGE, re.MULTILINE)
]
RULES, HOURS, CONSENT, CLOSURE = BLOCKS
MONDAY_NOON = datetime(2026, 4, 6, 11, tzinfo=UTC)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("home"), Simulator())


def declare(hub: HubUnderTest, *blocks: dict[str, Any]) -> None:
    """Bring the registry to what blocks of the page say, and nothing of other blocks."""
    plain = ("rule", "serves", "closes_at", "successor")
    table = {one["id"]: one for one in hub.gateway.registry.export()["office"]}
    for one in table.values():
        for key in plain:
            one.pop(key, None)
    for block in blocks:
        table[block["id"]].update(block)
    hub.apply({"office": list(table.values())})


def goes(hub: HubUnderTest, at: datetime = MONDAY_NOON, **changes: Any) -> str:
    [found] = routing.explaining(hub.gateway).foretell(hub.envelope(**changes), at)
    return found.office


def test_the_page_speaks_of_the_offices_of_this_hub() -> None:
    assert {AGENCY_OFFICE, COMMUNE_OFFICE, TEST_OFFICE, AGENCY} <= set(re.findall(r"[AB]\d{7}-\w", PAGE))


def test_rules_lead_by_size_and_by_words_of_companies(hub: HubUnderTest) -> None:
    declare(hub, RULES, CONSENT)
    large = Attachment("a", "خطة.pdf", "application/pdf", 20_000_000, "0" * 64)
    company = Person(PersonKind.COMPANY, "شركة", Identification(Assurance.VERIFIED, PLATFORM))
    of_company = Sender(PLATFORM, on_behalf_of=company)
    assert goes(hub, attachments=(large,)) == TEST_OFFICE
    assert goes(hub, attachments=(replace(large, size=19_999_999),)) == AGENCY_OFFICE
    assert goes(hub, subject="طلبُ رُخصةِ البناء", sender=of_company) == COMMUNE_OFFICE
    assert goes(hub, subject="Un PERMIS de construire", sender=of_company) == COMMUNE_OFFICE
    assert goes(hub, subject="طلب رخصة البناء") == AGENCY_OFFICE


def test_hours_and_holidays(hub: HubUnderTest) -> None:
    declare(hub, HOURS)
    night, labour_day = datetime(2026, 4, 6, 16, tzinfo=UTC), datetime(2026, 5, 1, 11, tzinfo=UTC)
    assert goes(hub, priority=Priority.URGENT) == AGENCY_OFFICE
    assert goes(hub, night, priority=Priority.URGENT) == TEST_OFFICE
    assert goes(hub, night) == AGENCY_OFFICE
    assert goes(hub, labour_day) == TEST_OFFICE


def test_a_closure(hub: HubUnderTest) -> None:
    declare(hub, CLOSURE)
    assert goes(hub, datetime(2026, 12, 31, 22, 59, tzinfo=UTC)) == AGENCY_OFFICE
    assert goes(hub, datetime(2026, 12, 31, 23, 0, tzinfo=UTC)) == TEST_OFFICE


def test_every_field_and_question_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`((?:sender|attachments|time|recipient|confidentiality)\.[\w.]+)`", PAGE))
    assert len(named) > 8
    assert named <= set(fields())
    asked = {key for keys in OPERATORS.values() for key in keys}
    assert all(f"`{key}`" in PAGE for key in asked)
