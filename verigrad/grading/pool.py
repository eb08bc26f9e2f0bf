"""A pool of workers that can be killed: each lane is one thread with one process, replaced after any failure.

The parent uses no signals and no fork, so the pool works from any thread and beside torch's threads.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from verigrad.grading.process import WorkerFailure, WorkerProcess, WorkerTimeout, worker_command
from verigrad.types import Status


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the pool says of a pair of answers: CORRECT or WRONG; TIMEOUT or ERROR where it failed."""

    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class _Item:
    gold: str
    answer: str
    verdict: Future[Verdict]


CLOSED = Verdict(Status.ERROR, "grader closed")


class WorkerPool:
    """Decides whether two answers are equivalent, in at most `workers` processes, each started when first needed.

    `time_limit` is wall-clock seconds for one pair, counted from when a ready worker is handed it; waiting for a free
    or a starting worker is not counted.
    """

    def __init__(self, workers: int, time_limit: float, command: Sequence[str] | None = None) -> None:
        self._workers = workers
        self._time_limit = time_limit
        self._command = list(command or worker_command(time_limit))
        self._lanes: list[_Lane] = []
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, gold: str, answer: str) -> Future[Verdict]:
        """Never blocks. The future always gets a verdict, never an exception, and cannot be cancelled."""
        verdict: Future[Verdict] = Future()
        verdict.set_running_or_notify_cancel()
        with self._lock:
            if not self._closed:
                self._items.put(_Item(gold, answer, verdict))
                if len(self._lanes) < self._workers:
                    self._lanes.append(_Lane(self._items, self._command, self._time_limit))
                return verdict
        verdict.set_result(CLOSED)
        return verdict

    def close(self) -> None:
        """Kill every worker; what is not yet decided gets an ERROR. Idempotent."""
        with self._lock:
            self._closed = True
        for lane in self._lanes:
            lane.stop()
        for _ in self._lanes:
            self._items.put(None)
        for lane in self._lanes:
            lane.join()
        self._lanes.clear()


class _Lane:
    """One thread, one worker process. Takes items until it meets None."""

    def __init__(self, items: queue.SimpleQueue[_Item | None], command: Sequence[str], time_limit: float) -> None:
        self._items, self._command, self._time_limit = items, command, time_limit
        self._worker: WorkerProcess | None = None
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="verigrad-grading", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """From another thread: start no worker any more, and kill the present one."""
        with self._lock:
            self._stopping = True
            if self._worker is not None:
                self._worker.kill()

    def join(self) -> None:
        self._thread.join()

    def _serve(self) -> None:
        while (item := self._items.get()) is not None:
            try:
                verdict = self._decide(item)
            except Exception as error:  # a lane that died would leave its callers waiting for ever
                self._discard()
                verdict = Verdict(Status.ERROR, f"{type(error).__name__}: {error}")
            item.verdict.set_result(verdict)
        self._discard()

    def _decide(self, item: _Item) -> Verdict:
        try:
            worker = self._ready_worker()
        except (WorkerFailure, OSError) as failure:
            self._discard()
            return CLOSED if self._stopping else Verdict(Status.ERROR, f"worker did not start: {failure}")
        try:
            reply = worker.ask({"gold": item.gold, "answer": item.answer}, self._time_limit)
        except WorkerTimeout:
            self._discard()
            return Verdict(Status.TIMEOUT, "limit")
        except WorkerFailure as failure:
            self._discard()
            return CLOSED if self._stopping else Verdict(Status.ERROR, str(failure))
        if "equal" not in reply:
            self._discard()  # after a MemoryError, for one, the process holds what it had taken
            return Verdict(Status.ERROR, str(reply.get("error", "worker answered nonsense")))
        return Verdict(Status.CORRECT, "symbolic") if reply["equal"] else Verdict(Status.WRONG, "mismatch")

    def _ready_worker(self) -> WorkerProcess:
        if self._worker is not None:
            return self._worker
        with self._lock:
            if self._stopping:
                raise WorkerFailure("grader closed")
            self._worker = WorkerProcess(self._command)
        self._worker.wait_until_ready()
        return self._worker

    def _discard(self) -> None:
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.dispose()
