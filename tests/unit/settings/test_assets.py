"""Data folders are found in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import assets
from gateway.domain.errors import Misconfigured


def test_the_checkout_has_every_folder() -> None:
    found = [assets.xsd_dir(), assets.config_dir(), assets.certs_dir(), assets.examples_dir()]
    assert [folder.name for folder in found] == ["xsd", "config", "certs", "examples"]
    assert (assets.config_dir() / "gateway.toml").is_file()
    assert assets.guides_dir().parts[-2:] == ("docs", "guides")


def test_a_wheel_carries_them_in_wasl_data(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "wasl_data" / "config").mkdir(parents=True)
    assert assets.find("config", tmp_path) == tmp_path / "wasl_data" / "config"


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="'xsd' is missing"):
        assets.find("xsd", tmp_path)
