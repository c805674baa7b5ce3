"""The guides for those who connect a system are followed literally, on a hub that they start themselves."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.acceptance.test_deploy_doc import ROOT, environment, run
from tests.support.compiled import has_header

_BLOCK = re.compile(r"<!-- run([^>]*) -->\n```sh\n(.*?)```", re.DOTALL)
_BEFORE = "set -eux\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
GUIDES = {
    # what must have been said in the end, whatever program was there to say it
    "for-document-systems.md": [r"wasl-answered|HANDED_OVER", "REGISTERED  under 2026/4712"],
    "connect-a-document-system.md": [
        r"authentication  FAILED",
        r"WASL-DLV-074",
        r"HANDED_OVER  registered under C-\d\d-00001",
        r"WASL-DLV-013",
        r"> X-Api-Key: ‹masked›",
        r"HANDED_OVER  registered under [^CP]",
        r"Deposer",
        r"HANDED_OVER  registered under PHP-\d+",
        r"registered under 7/2026",
        r"\+ URBANISME",
        r"version 1 of B0000921-P is active",
    ],
    "adapters.md": [r"23 kept, 0 BROKEN, 5 not checked", "TX-2 twice", "HANDED_OVER"],
    "for-platforms.md": ["accepted ", "refused: WASL-RTE-001", "HANDED_OVER", "2026/1", "acceptance"],
}


def blocks(guide: str) -> list[tuple[list[str], str]]:
    """Each block that is run, with the programs and headers that it needs besides a shell and curl."""
    text = (ROOT / "docs" / guide).read_text("utf-8")
    return [(needs.split(), block) for needs, block in _BLOCK.findall(text)]


def lacking(guide: str) -> list[str]:
    return sorted({name for needs, _ in blocks(guide) for name in needs if not here(name)})


def here(name: str) -> bool:
    if name.endswith(".h"):
        return has_header(name)
    path = os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))  # where servers are, for anybody
    return shutil.which(name, path=path) is not None


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_followed_literally_leads_to_delivered_letters(guide: str, tmp_path: Path) -> None:
    absent = lacking(guide)
    script = [block for needs, block in blocks(guide) if not set(needs) & set(absent)]
    status, said = run(_BEFORE + "\n".join(script), environment(tmp_path / "home"))
    assert status == 0, said
    assert "Traceback" not in said
    for expected in GUIDES[guide]:
        assert re.search(expected, said), said
    exchanges = [block for block in script if "examples/clients/" in block]
    assert len(re.findall(r"^acknowledged \S+: HANDED_OVER$", said, re.MULTILINE)) == len(exchanges)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_program_that_a_guide_needs_is_here(guide: str) -> None:
    if lacking(guide):
        pytest.skip(f"not followed, for want of {', '.join(lacking(guide))}: part of docs/{guide}")


@pytest.mark.parametrize("guide", GUIDES)
def test_every_block_of_commands_is_run(guide: str) -> None:
    text = (ROOT / "docs" / guide).read_text("utf-8")
    assert text.count("```sh\n") == len(blocks(guide)) >= 3
