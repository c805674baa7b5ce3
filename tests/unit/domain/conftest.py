"""A letter that keeps every rule, to be spoilt by the tests."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.domain.identifiers import directory_id
from gateway.domain.transit.envelope import Envelope, Purpose, Recipient
from gateway.domain.transit.persons import Sender


@pytest.fixture
def letter() -> Envelope:
    return Envelope(
        version="1.0",
        hub="DEMO-HUB",
        message_id="0193f5a0-0000-7000-8000-000000000001",
        purpose=Purpose.LETTER,
        created_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        sender=Sender(party=directory_id("A", 1)),
        recipients=(Recipient(office=directory_id("B", 1)),),
        subject="Request for an extract (demonstration)",
        language="en",
        body="A fictitious request.",
    )
