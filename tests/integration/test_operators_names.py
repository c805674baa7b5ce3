"""Whoever changes the registry has a name that every database can keep, or is refused before it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import wasl
from gateway.domain.errors import Misconfigured
from tests.support.hub import COMMUNE_OFFICE
from tests.support.systems import Simulator, fresh_hub, route_of_commune

LONG = "x" * 121


@pytest.mark.parametrize("name", [LONG, " ", "a\nb", "a\u202eb"], ids=["long", "empty", "line", "bidi"])
@pytest.mark.parametrize(
    "words",
    [
        ("route", "pause", COMMUNE_OFFICE),
        ("office", "close", COMMUNE_OFFICE, "--from", "2027-01-01"),
        ("office", "reopen", COMMUNE_OFFICE),
        ("route", "approve", COMMUNE_OFFICE, "1"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_name_that_cannot_be_kept_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], name: str
) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    route_of_commune(hub, adapter="simulator", options={})
    monkeypatch.setenv("WASL_HOME", str(tmp_path))
    before = hub.gateway.registry.export()
    done = CliRunner().invoke(wasl, [*words, "--as", name], catch_exceptions=True)
    assert "1 to 120 characters" in done.output + str(done.exception), done.output
    assert done.exit_code != 0
    assert hub.gateway.registry.export() == before


def test_a_file_is_applied_by_somebody(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    table = hub.gateway.registry.export()
    office = {**table["office"][0], "document_types": {"request": "DEM"}}
    with pytest.raises(Misconfigured, match="1 to 120 characters"):
        hub.apply({"office": [office]}, LONG)
    assert hub.gateway.registry.export() == table
