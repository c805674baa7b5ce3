"""Schemas are compiled by whichever thread needs them first, be it several at once."""

from __future__ import annotations

import subprocess
import sys
import threading

from gateway.wire.xsd import compiled

_CHILDREN = 24
_AT_ONCE = f"""
import os, sys, threading
import lxml.etree, gateway.assets

def compile_at_once():
    from gateway.wire.xsd import read
    start, good = threading.Barrier(8), []
    def run():
        document = read("envelope-1.0.xsd")
        start.wait()
        good.append(lxml.etree.XMLSchema(document))
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return len(good) == 8

assert "gateway.wire.xsd" not in sys.modules
wrong = 0
for _ in range({_CHILDREN}):  # one after the other, so that each has all cores; no schema was compiled yet
    child = os.fork()
    if not child:
        os._exit(0 if compile_at_once() else 1)
    wrong += os.waitpid(child, 0)[1] != 0
sys.exit(wrong)
"""


def test_threads_that_need_the_first_schema_at_the_same_time_all_get_it() -> None:
    ended = subprocess.run([sys.executable, "-c", _AT_ONCE], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, f"{ended.returncode} of {_CHILDREN}: {ended.stderr[-1000:]}"


def test_a_schema_is_compiled_once_in_each_thread() -> None:
    found = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: found.append(compiled("receipt-1.0")))
        thread.start()
        thread.join()
    assert found[0] is not found[1]
    assert compiled("receipt-1.0") is compiled("receipt-1.0")
