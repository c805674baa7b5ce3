"""The embedded worker: APScheduler tells when to look, a thread pool delivers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, wraps
from threading import Event, Semaphore

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from gateway.domain.errors import GatewayFault
from gateway.exchange.transit.dispatch import Dispatch
from gateway.exchange.transit.sweep import Sweep
from gateway.store.leader import Lead
from gateway.workers.pulse import Pulse

_BEATS_PER_LEASE = 4

_log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """Something to run every so many seconds, beside delivering.

    Attributes:
        alone: only by the one worker of all that leads.
    """

    run: Callable[[], object]
    seconds: float
    alone: bool = False


class Worker:
    """Delivers with a fixed number of threads until it is told to stop."""

    def __init__(
        self,
        dispatch: Dispatch,
        sweep: Sweep,
        threads: int,
        poll_seconds: float,
        jobs: Sequence[Job] = (),
        lead: Lead | None = None,
    ) -> None:
        self._lead = lead
        self._dispatch = dispatch
        self._jobs = (
            Job(self._claim, poll_seconds),
            Job(dispatch.give_up_held, 60),
            Job(sweep.run, 3600, alone=True),
            *jobs,
        )
        self._threads = threads
        self._free = Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="delivery")
        self._stopping = Event()

    def run(self) -> None:
        """Work until `stop`; deliveries under way are finished before this returns."""
        scheduler = BackgroundScheduler(timezone="UTC")
        seconds = {"trigger": "interval", "coalesce": True, "max_instances": 1}
        first = datetime.now(UTC)
        for job in self._jobs:
            scheduler.add_job(_contained(self._led(job)), seconds=job.seconds, next_run_time=first, **seconds)
        claims = self._dispatch.claims
        # a long transfer needs its lease to its end, also while the worker is stopping
        with Pulse(claims.heartbeat.beat, claims.lease.total_seconds() / _BEATS_PER_LEASE):
            scheduler.start()
            self._stopping.wait()
            claims.drain()
            scheduler.shutdown(wait=True)
            if self._lead is not None:
                self._lead.resign()
            self._pool.shutdown(wait=True)

    def stop(self) -> None:
        """Let `run` return: what is being sent is finished, what is not yet sent is left to others.

        May be called from a signal handler.
        """
        self._stopping.set()

    def _led(self, job: Job) -> Callable[[], object]:
        """A job that only the leader runs, and who leads is asked each time: the lead may be lost."""
        lead = self._lead
        if lead is None or not job.alone:
            return job.run

        @wraps(job.run)
        def run() -> None:
            if lead.leads():
                job.run()

        return run

    def _claim(self) -> None:
        """Claim as many deliveries as threads are free, as long as there are any."""
        while not self._stopping.is_set():
            slots, claimed = self._take_slots(), []
            try:
                claimed = self._dispatch.claims.claim(slots) if slots else []
            finally:
                for _ in range(slots - len(claimed)):
                    self._free.release()
            for delivery in claimed:
                done = partial(self._done, delivery)
                self._pool.submit(self._dispatch.work, delivery).add_done_callback(done)
            if not claimed:
                return

    def _take_slots(self) -> int:
        taken = 0
        while taken < self._threads and self._free.acquire(blocking=False):
            taken += 1
        return taken

    def _done(self, delivery: str, future: Future[None]) -> None:
        self._dispatch.claims.leases.release(delivery)
        self._free.release()
        error = future.exception()
        if error is not None:
            _log.error("delivery failed inside the hub", exc_info=error)


def _contained(job: Callable[[], object]) -> Callable[[], None]:
    """A job whose failure for now is logged; the next run tries again."""

    def run() -> None:
        try:
            job()
        except GatewayFault as fault:
            _log.warning("job interrupted", job=job.__name__, cause=str(fault))
        except Exception:  # noqa: BLE001 - decides nothing; the scheduler would log its very words
            _log.exception("job failed", job=job.__name__)

    return run
