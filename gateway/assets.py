"""Finds the data folders that live outside the packages, in a checkout and in an installed wheel."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from gateway.domain.errors import Misconfigured

_BESIDE_THE_PACKAGES = Path(__file__).resolve().parent.parent


def xsd_dir() -> Path:
    """Schemas and service descriptions of the outward contract.

    Raises:
        Misconfigured: the installation lacks them.
    """
    return find("xsd", _BESIDE_THE_PACKAGES)


def config_dir() -> Path:
    """``gateway.toml``, the country packs and the demonstration's definitions.

    Raises:
        Misconfigured: the installation lacks them.
    """
    return find("config", _BESIDE_THE_PACKAGES)


def certs_dir() -> Path:
    """How the test keys and certificates are made.

    Raises:
        Misconfigured: the installation lacks them.
    """
    return find("certs", _BESIDE_THE_PACKAGES)


def examples_dir() -> Path:
    """The demonstration's foreign document systems, and clients to copy.

    Raises:
        Misconfigured: the installation lacks them.
    """
    return find("examples", _BESIDE_THE_PACKAGES)


def guides_dir() -> Path:
    """The guides that the pages below ``/docs/`` show, in every language.

    Raises:
        Misconfigured: the installation lacks them.
    """
    return find("guides", _BESIDE_THE_PACKAGES)


@cache
def find(name: str, root: Path) -> Path:
    """Data folder ``name`` of an installation whose packages lie in ``root``.

    A wheel carries it as ``wasl_data/<name>`` beside the packages. That place is looked at first: a
    folder called ``config`` or ``examples`` among installed packages may be anybody's.

    Raises:
        Misconfigured: it is in neither place.
    """
    for folder in (root / "wasl_data" / name, root / name, root / "docs" / name):
        if folder.is_dir():
            return folder
    raise Misconfigured([f"the data folder {name!r} is missing from the installation in {root}"])


def testpki() -> ModuleType:
    """The module that builds the test PKI; it lies outside the packages, with its documentation."""
    name = "wasl_testpki"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, certs_dir() / "testpki.py")
        if spec is None or spec.loader is None:
            raise ImportError("certs/testpki.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
