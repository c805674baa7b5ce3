"""What a process may take of memory."""

import ctypes
import subprocess
import sys

import pytest

from gateway.workers import bounds

MANY_THREADS = """
import ctypes, sys, threading
from gateway.workers.bounds import keep_few_heaps

if sys.argv[1] == "few":
    keep_few_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
all_there = threading.Barrier(12)

def take():
    libc.malloc(4096)
    all_there.wait()

threads = [threading.Thread(target=take) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
into = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, into)
libc.fclose(into)
"""


def heaps(how: str) -> int:
    told = subprocess.run(
        [sys.executable, "-c", MANY_THREADS, how], capture_output=True, text=True, timeout=60, check=True
    )
    return told.stdout.count("<heap ")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="the C library has no such heaps")
def test_threads_share_few_of_the_c_librarys_heaps() -> None:
    assert heaps("few") <= 2 < heaps("each")


def test_a_c_library_without_such_heaps_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds.ctypes, "CDLL", lambda _: object())
    bounds.keep_few_heaps()
