"""A pool of workers that can be killed: each lane is one thread with one process, replaced after any failure.

The parent uses no signals and no fork, so the pool works from any thread and beside torch's threads.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from verigrad.grading.process import (
    START_LIMIT,
    WorkerDied,
    WorkerFailure,
    WorkerProcess,
    WorkerTimeout,
    worker_command,
)
from verigrad.types import Status
from verigrad.verifiers import Claim

ATTEMPTS = 2
"""Workers that may die over one claim: the first death may have come from outside."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the pool says of a claim: CORRECT or WRONG with its rewards; TIMEOUT or ERROR where it failed.

    `extracted` is what a user's function names as the answer, "" to leave it as it was found.
    """

    status: Status
    reason: str
    reward: float = 0.0
    format_reward: float = 1.0
    extracted: str = ""


@dataclass(frozen=True, slots=True)
class _Item:
    claim: Claim
    verdict: Future[Verdict]


CLOSED = Verdict(Status.ERROR, "grader closed")


class WorkerPool:
    """Settles claims in at most `workers` processes, each started when first needed.

    `time_limit` is wall-clock seconds for one claim, counted from when a ready worker is handed it; waiting for a free
    or a starting worker is not counted. While a claim is slow a successor is started beside its worker, so that a kill
    does not make the next claim wait.
    """

    def __init__(self, workers: int, time_limit: float, command: Sequence[str] | None = None) -> None:
        self._workers = workers
        self._time_limit = time_limit
        self._command = list(command or worker_command(time_limit))
        self._lanes: list[_Lane] = []
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, claim: Claim) -> Future[Verdict]:
        """Never blocks. The future always gets a verdict, never an exception, and cannot be cancelled."""
        verdict: Future[Verdict] = Future()
        verdict.set_running_or_notify_cancel()
        with self._lock:
            if not self._closed:
                self._items.put(_Item(claim, verdict))
                self._open_lane()
                return verdict
        verdict.set_result(CLOSED)
        return verdict

    def warm(self) -> None:
        """Start all workers now, without waiting for them."""
        with self._lock:
            while not self._closed and len(self._lanes) < self._workers:
                self._open_lane()
            for lane in self._lanes:
                lane.prepare()

    def _open_lane(self) -> None:
        if len(self._lanes) < self._workers:
            self._lanes.append(_Lane(self._items, self._command, self._time_limit))

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
    """One thread with one worker process, and at times its successor. Takes items until it meets None."""

    def __init__(self, items: queue.SimpleQueue[_Item | None], command: Sequence[str], time_limit: float) -> None:
        self._items, self._command, self._time_limit = items, command, time_limit
        self._worker: WorkerProcess | None = None
        self._successor: WorkerProcess | None = None
        self._loaded: set[str] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="verigrad-grading", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """From another thread: start no worker any more, and kill those that run."""
        with self._lock:
            self._stopping = True
            for worker in (self._worker, self._successor):
                if worker is not None:
                    worker.kill()

    def join(self) -> None:
        self._thread.join()

    def prepare(self) -> None:
        """Begin to start the worker that comes next, unless one is under way. Does not wait for it."""
        with self._lock:
            if self._successor is None and not self._stopping:
                with contextlib.suppress(OSError):  # told by the claim that needs it
                    self._successor = WorkerProcess(self._command)

    def _serve(self) -> None:
        while (item := self._items.get()) is not None:
            try:
                verdict = self._decide(item.claim)
            except Exception as error:  # a lane that died would leave its callers waiting for ever
                self._discard()
                verdict = Verdict(Status.ERROR, f"{type(error).__name__}: {error}")
            item.verdict.set_result(verdict)
        self._discard()
        self._worker, self._successor = self._successor, None
        self._discard()

    def _decide(self, claim: Claim) -> Verdict:
        verdict = CLOSED
        for _ in range(ATTEMPTS):
            try:
                worker = self._ready_worker()
            except (WorkerFailure, OSError) as failure:
                self._discard()
                return CLOSED if self._stopping else Verdict(Status.ERROR, f"worker did not start: {failure}")
            try:
                self._load(worker, claim)
                reply = worker.ask(_request(claim), self._time_limit, self.prepare)
            except WorkerTimeout:
                self._discard()
                return Verdict(Status.TIMEOUT, "limit")
            except WorkerFailure as failure:
                self._discard()
                verdict = CLOSED if self._stopping else Verdict(Status.ERROR, str(failure))
                if self._stopping or not isinstance(failure, WorkerDied):
                    return verdict
                continue
            if "error" in reply or not reply:
                self._discard()  # after a MemoryError, for one, the process holds what it had taken
            return _read(reply)
        return verdict

    def _load(self, worker: WorkerProcess, claim: Claim) -> None:
        """Has the worker import what the claim needs, once, outside the claim's time limit."""
        if claim.needs and claim.needs not in self._loaded:
            request = {"kind": "load", "gold": "", "answer": claim.needs, "payload": ""}
            worker.ask(request, START_LIMIT, lambda: None)  # what cannot be imported is told by the claim itself
            self._loaded.add(claim.needs)

    def _ready_worker(self) -> WorkerProcess:
        if self._worker is not None:
            return self._worker
        with self._lock:
            if self._stopping:
                raise WorkerFailure("grader closed")
            self._worker, self._successor = self._successor or WorkerProcess(self._command), None
        self._loaded.clear()
        self._worker.wait_until_ready()
        return self._worker

    def _discard(self) -> None:
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.dispose()


def _request(claim: Claim) -> dict[str, str]:
    return {"kind": claim.kind, "gold": claim.gold, "answer": claim.answer, "payload": claim.payload}


def _read(reply: Mapping[str, object]) -> Verdict:
    """The verdict of a worker's line: the score of a function, or an error."""
    if "status" in reply:
        return Verdict(
            Status(str(reply["status"])),
            str(reply.get("reason", "")),
            float(str(reply.get("reward", 0.0))),
            float(str(reply.get("format_reward", 1.0))),
            str(reply.get("extracted", "")),
        )
    return Verdict(Status.ERROR, str(reply.get("error", "worker answered nonsense")))
