"""From responses to grades: built-in verifiers here, claims in worker processes, each distinct claim once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from types import TracebackType

from verigrad.errors import ConfigError, GraderFailures
from verigrad.grading.pool import Verdict, WorkerPool
from verigrad.types import Grade, Problem, Status
from verigrad.verifiers import Blend, Claim, Outcome, Verifier, fail, mixed, scored

CACHE_SIZE = 100_000
"""Distinct claims whose verdicts are kept; the oldest go first."""


class Grader:
    """Grades responses, from any thread. A context manager: leaving it kills the workers.

    `workers` processes at most, none before the first claim; `time_limit` seconds of wall clock for one claim.
    Past it the grade is TIMEOUT with reason "limit"; a crash is ERROR with its cause. Both have reward 0 and are
    counted, so that a caller can tell them from wrong answers. `worker_command` replaces the worker
    (`worker.py` shows the protocol). An exception of `verify` itself is an ERROR too: no response may stop a run.
    """

    def __init__(
        self, verify: Verifier, *, workers: int, time_limit: float, worker_command: Sequence[str] | None = None
    ) -> None:
        if workers < 1:
            raise ConfigError(f"workers = {workers}: functions and scorers need a worker process; use 1 or more")
        if not 0 < time_limit < float("inf"):
            raise ConfigError(f"time_limit = {time_limit}: seconds for one answer; use a finite number above 0")
        self._verify = verify
        self._pool = WorkerPool(workers, time_limit, worker_command)
        self._verdicts: dict[tuple[str, ...], Future[Verdict]] = {}
        self._counts: Counter[Status] = Counter()
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, problem: Problem, text: str) -> Future[Grade]:
        """Grade one response. Waits for no process; the future always gets a grade and cannot be cancelled."""
        if self._closed:
            raise RuntimeError("the grader is closed; submit inside its `with` block")
        grade: Future[Grade] = Future()
        grade.set_running_or_notify_cancel()
        try:
            outcome = self._verify(problem, text)
        except Exception as error:  # a bug that a response has found
            outcome = Grade(0.0, 0.0, 0.0, Status.ERROR, reason=f"{type(error).__name__}: {error}")
        self._resolve(outcome, lambda found: self._deliver(grade, found))
        return grade

    def warm(self) -> None:
        """Start the workers now, so that the first claim does not wait for them."""
        self._pool.warm()

    def _resolve(self, outcome: Outcome, then: Callable[[Grade], None]) -> None:
        """Calls `then` with the grade of an outcome, now or when a worker has settled it."""
        if isinstance(outcome, Grade):
            then(outcome)
        elif isinstance(outcome, Claim):
            claim = outcome
            self._verdict(claim).add_done_callback(lambda done: then(_graded(claim, done.result())))
        else:
            _Gathering(outcome, then).start(self._resolve)

    def grade_all(self, pairs: Iterable[tuple[Problem, str]]) -> list[Grade]:
        """The grades of (problem, response) pairs, in their order."""
        grades = [self.submit(problem, text) for problem, text in pairs]
        return [grade.result() for grade in grades]

    @property
    def counts(self) -> Mapping[Status, int]:
        """Grades given so far, per status, each status present."""
        with self._lock:
            return {status: self._counts[status] for status in Status}

    @property
    def failures(self) -> Mapping[Status, int]:
        """Grades given so far that were the verifier's own failures: TIMEOUT and ERROR."""
        return {status: count for status, count in self.counts.items() if status.failed}

    def close(self) -> None:
        """Kill the workers; claims still open become ERROR. Idempotent."""
        self._closed = True
        self._pool.close()

    def _verdict(self, claim: Claim) -> Future[Verdict]:
        key = (claim.kind, claim.gold, claim.answer, claim.payload)
        with self._lock:
            verdict = self._verdicts.get(key)
            if verdict is not None:
                return verdict
            verdict = self._verdicts[key] = self._pool.submit(claim)
            if len(self._verdicts) > CACHE_SIZE:
                del self._verdicts[next(iter(self._verdicts))]
        verdict.add_done_callback(lambda done: self._forget_error(key, done.result()))
        return verdict

    def _forget_error(self, key: tuple[str, ...], verdict: Verdict) -> None:
        """An error may be the machine's, and pass; a timeout would only cost its limit again."""
        if verdict.status is Status.ERROR:
            with self._lock:
                self._verdicts.pop(key, None)

    def _deliver(self, future: Future[Grade], grade: Grade) -> None:
        with self._lock:
            self._counts[grade.status] += 1
        future.set_result(grade)


def check_failures(grades: Sequence[Grade], limit_share: float, where: str = "this step") -> None:
    """Raise GraderFailures if more than the share `limit_share` (0 to 1) of the grades are the verifier's failures."""
    failed = [grade for grade in grades if grade.status.failed]
    if len(failed) <= limit_share * len(grades):
        return
    (status, reason), count = Counter((grade.status, grade.reason) for grade in failed).most_common(1)[0]
    raise GraderFailures(
        f"verdicts of {where}: {len(failed)} of {len(grades)} ({len(failed) / len(grades):.1%}) are the verifier's own "
        f"failures, above the limit of {limit_share:.1%}; most often {status} ({reason}, {count} times); "
        f"raise the verifier's time limit or repair its cause: training on these would teach from false zeros"
    )


def _graded(claim: Claim, verdict: Verdict) -> Grade:
    if verdict.status.failed:
        return fail(claim, verdict.status, verdict.reason)
    grade = scored(claim, verdict.reward, verdict.status is Status.CORRECT, verdict.reason)
    return replace(
        grade,
        status=verdict.status,
        format_reward=min(claim.format_reward, verdict.format_reward),
        extracted=verdict.extracted or ("" if claim.kind == "function" else claim.answer),
    )


class _Gathering:
    """The parts of a blend, as they are graded; the last one hands the whole on."""

    def __init__(self, blend: Blend, then: Callable[[Grade], None]) -> None:
        self._blend, self._then = blend, then
        self._grades: dict[int, Grade] = {}
        self._lock = threading.Lock()

    def start(self, resolve: Callable[[Outcome, Callable[[Grade], None]], None]) -> None:
        for at, (_, _, outcome) in enumerate(self._blend.parts):
            resolve(outcome, partial(self._take, at))

    def _take(self, at: int, grade: Grade) -> None:
        with self._lock:
            self._grades[at] = grade
            complete = len(self._grades) == len(self._blend.parts)
        if complete:
            names, weights, _ = zip(*self._blend.parts, strict=True)
            self._then(mixed(names, weights, [self._grades[at] for at in range(len(names))]))
