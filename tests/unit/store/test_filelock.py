from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from gateway.store.filelock import FileLock, LockBroken, LockTimeout


def hold_until_told(pipe: Any, path: Path) -> None:
    with FileLock(path, 5).hold():
        pipe.send("held")
        pipe.recv()
    pipe.send("released")


def try_to_take(pipe: Any, lock: FileLock) -> None:
    try:
        lock.acquire(0.05).release()
    except LockTimeout:
        pipe.send("busy")
    else:
        pipe.send("taken")


def wait_for_end(pipe: Any) -> None:
    pipe.send("ready")
    pipe.recv()


def test_a_lock_held_by_another_process_times_out(tmp_path: Path, other_process: Any) -> None:
    path = tmp_path / "lock"
    _, pipe = other_process(hold_until_told, path)
    pipe.recv()
    with pytest.raises(LockTimeout), FileLock(path, 0.05).hold():
        pytest.fail("two holders")
    pipe.send("end")


def test_no_wait_means_now_or_not_at_all(tmp_path: Path, other_process: Any) -> None:
    path = tmp_path / "lock"
    _, pipe = other_process(hold_until_told, path)
    pipe.recv()
    lock = FileLock(path)
    with pytest.raises(LockTimeout):
        lock.acquire(0)
    pipe.send("end")
    assert pipe.recv() == "released"
    lock.acquire(0).release()


def test_a_waiter_gets_the_lock_when_the_other_process_lets_go(tmp_path: Path, other_process: Any) -> None:
    path = tmp_path / "lock"
    _, pipe = other_process(hold_until_told, path)
    pipe.recv()
    threading.Timer(0.05, pipe.send, ("end",)).start()
    FileLock(path).acquire(10).release()
    assert pipe.recv() == "released"


def test_a_wait_given_up_leaves_the_lock_usable(tmp_path: Path, other_process: Any) -> None:
    path = tmp_path / "lock"
    _, pipe = other_process(hold_until_told, path)
    pipe.recv()
    lock = FileLock(path)
    for _ in range(3):  # the first leaves the thread in the kernel's queue, the others wait behind it
        with pytest.raises(LockTimeout):
            lock.acquire(0.03)
    [waiting] = waiting_for("lock")
    pipe.send("end")
    lock.acquire(10).release()
    assert waiting_for("lock") == [waiting]
    del lock
    waiting.join(10)
    assert not waiting.is_alive()


def waiting_for(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"lock {name}"]


def test_one_thread_waits_for_all_who_wait_in_turn(tmp_path: Path, other_process: Any) -> None:
    path = tmp_path / "often"
    lock = FileLock(path)
    seen = set()
    for _ in range(3):
        _, pipe = other_process(hold_until_told, path)
        pipe.recv()
        threading.Timer(0.03, pipe.send, ("end",)).start()
        lock.acquire(10).release()
        seen.update(waiting_for("often"))
    assert len(seen) == 1


def test_without_a_thread_to_wait_the_lock_is_said_to_be_broken(
    tmp_path: Path, other_process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    path = tmp_path / "lock"
    _, pipe = other_process(hold_until_told, path)
    pipe.recv()
    lock = FileLock(path)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        for _ in range(2):
            with pytest.raises(LockBroken):
                lock.acquire(1)
    pipe.send("end")
    lock.acquire(10).release()


def test_a_killed_holder_leaves_the_lock_free(tmp_path: Path, other_process: Any) -> None:
    path = tmp_path / "lock"
    process, pipe = other_process(hold_until_told, path)
    pipe.recv()
    process.kill()
    FileLock(path).acquire(10).release()


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    lock, inside, seen = FileLock(tmp_path / "lock", 10), [], []

    def work() -> None:
        for _ in range(50):
            with lock.hold():
                inside.append(1)
                seen.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 200


def test_the_same_thread_may_not_take_it_twice(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock", 0.05)
    with lock.hold(), pytest.raises(RuntimeError, match="held by this thread"):
        lock.acquire(0.05)
    lock.acquire(0).release()


def test_a_forked_process_competes_instead_of_inheriting(tmp_path: Path, other_process: Any) -> None:
    lock = FileLock(tmp_path / "lock")
    with lock.hold():
        _, pipe = other_process(try_to_take, lock)
        assert pipe.recv() == "busy"
    _, pipe = other_process(try_to_take, lock)
    assert pipe.recv() == "taken"


def test_release_frees_it_although_a_fork_shares_the_open_file(tmp_path: Path, other_process: Any) -> None:
    lock = FileLock(tmp_path / "lock")
    held = lock.acquire(0)
    _, pipe = other_process(wait_for_end)
    pipe.recv()
    held.release()
    lock.acquire(0).release()
    pipe.send("end")


def test_a_second_release_does_not_free_the_next_holder(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    first = lock.acquire(0)
    first.release()
    second = lock.acquire(0)
    first.release()
    with pytest.raises(LockTimeout):
        FileLock(tmp_path / "lock").acquire(0)
    second.release()


def test_a_lock_file_that_cannot_be_made_is_reported_each_time(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "missing" / "lock")
    for _ in range(2):
        with pytest.raises(LockBroken):
            lock.acquire(0.05)


@pytest.mark.parametrize("waits", [False, True])
def test_a_file_system_without_locks_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    def flock(_descriptor: int, operation: int) -> None:
        if waits and operation & 4:  # LOCK_NB: somebody else has it
            raise BlockingIOError
        raise OSError(37, "no locks available")

    monkeypatch.setattr("gateway.store.filelock.fcntl.flock", flock)
    lock = FileLock(tmp_path / "lock")
    for _ in range(2):
        with pytest.raises(LockBroken) as caught:
            lock.acquire(1)
        assert isinstance(caught.value.__cause__, OSError)
