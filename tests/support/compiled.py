"""The compiler of C, where there is one with the headers that a program needs."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache


@cache
def has_header(name: str) -> bool:
    """Whether gcc finds ``<name>``."""
    if shutil.which("gcc") is None:
        return False
    words = ["gcc", "-fsyntax-only", "-include", name, "-x", "c", "-"]
    return subprocess.run(words, input=b"", capture_output=True, timeout=60, check=False).returncode == 0
