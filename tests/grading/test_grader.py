"""The grader against a scripted worker; `test_chosen.py` has the real one."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from verigrad.errors import ConfigError, GraderFailures
from verigrad.grading import Grader, check_failures, pool, process
from verigrad.types import Grade, Problem, Status
from verigrad.verifiers import Claim

FAKE = Path(__file__).with_name("fake_worker.py")
PROBLEM = Problem("p", "", "gold")
LIMIT = 1.0


def always_claim(problem, response):
    return Claim(problem.answer, response, 1.0)


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "journal"
    path.touch()
    return path


@pytest.fixture
def open_grader(journal):
    graders = []

    def open_one(*startup, workers=1, verify=always_claim):
        command = [sys.executable, str(FAKE), str(journal), *startup]
        graders.append(Grader(verify, workers=workers, time_limit=LIMIT, worker_command=command))
        return graders[-1]

    yield open_one
    for grader in graders:
        grader.close()


def grade(grader, *answers):
    return grader.grade_all([(PROBLEM, answer) for answer in answers])


def test_claims_are_settled_by_the_worker(open_grader):
    right, wrong = grade(open_grader(), "right", "different")
    assert right == Grade(1.0, 1.0, 1.0, Status.CORRECT, "right", "function")
    assert wrong == Grade(0.0, 1.0, 0.0, Status.WRONG, "different", "function")


def test_grades_that_need_no_worker_start_none(open_grader, journal):
    decided = Grade(1.0, 1.0, 1.0, Status.CORRECT)
    grader = open_grader(verify=lambda problem, response: decided)
    future = grader.submit(PROBLEM, "x")
    assert future.done()
    assert future.result() is decided
    assert journal.read_text() == ""


def test_an_exception_of_the_verifier_is_an_error_that_is_counted(open_grader):
    grader = open_grader(verify=lambda problem, response: 1 / 0)
    (failed,) = grade(grader, "x")
    assert failed == Grade(0.0, 0.0, 0.0, Status.ERROR, reason="ZeroDivisionError: division by zero")
    assert grader.failures[Status.ERROR] == 1


def test_a_hanging_worker_is_killed_on_time_and_replaced(open_grader, journal):
    grader = open_grader()
    assert grade(grader, "right")[0].status is Status.CORRECT  # the worker is up: its start is not measured
    started = time.monotonic()
    hung = grade(grader, "hang")[0]
    assert LIMIT <= time.monotonic() - started < LIMIT + 1.0
    assert hung == Grade(0.0, 1.0, 0.0, Status.TIMEOUT, "hang", "limit")
    assert grade(grader, "different")[0].status is Status.WRONG
    assert journal.read_text().split() == ["start", "right", "hang", "start", "different"]


@pytest.mark.parametrize(
    ("answer", "reason", "workers"),
    [
        ("SIGKILL", "worker died: SIGKILL", 2),  # tried once more, since the first death may have come from outside
        ("SIGSEGV", "worker died: SIGSEGV", 2),
        ("exit", "worker ended: exit status 3", 1),
        ("memory", "MemoryError", 1),
        ("void", "worker answered nonsense", 1),
        ("nonsense", "worker answered nonsense: b'{\\n'", 1),
    ],
)
def test_a_failing_worker_is_an_error_and_the_next_item_works(open_grader, journal, answer, reason, workers):
    failed, fine = grade(open_grader(), answer, "right")
    assert failed == Grade(0.0, 1.0, 0.0, Status.ERROR, answer, reason)
    assert fine.status is Status.CORRECT
    assert journal.read_text().split().count("start") == workers + 1


def test_a_worker_that_closes_its_pipe_is_an_error(open_grader, monkeypatch):
    monkeypatch.setattr(process, "KILL_LIMIT", 0.2)
    assert grade(open_grader(), "close")[0].reason == "worker closed its pipe"


def test_a_worker_that_dies_between_two_items_is_replaced_and_the_item_tried_again(open_grader):
    grader = open_grader()
    grade(grader, "right")
    worker = grader._pool._lanes[0]._worker
    worker.kill()
    worker._process.wait()
    assert grade(grader, "right ")[0].status is Status.WRONG
    assert grader.failures == {Status.TIMEOUT: 0, Status.ERROR: 0}


def test_a_long_claim_passes_through_the_pipe_in_pieces(open_grader):
    assert grade(open_grader(), "x" * 1_000_000)[0].status is Status.WRONG


def test_a_worker_that_cannot_start_says_why(open_grader):
    grader = open_grader("ModuleNotFoundError: No module named 'rewards'")
    reason = "worker did not start: ModuleNotFoundError: No module named 'rewards'"
    assert [one.reason for one in grade(grader, "right", "different")] == [reason, reason]


def test_a_command_that_does_not_exist_is_an_error():
    with Grader(always_claim, workers=1, time_limit=1, worker_command=["/does/not/exist"]) as grader:
        (one,) = grade(grader, "right")
    assert one.status is Status.ERROR
    assert "No such file" in one.reason


def test_a_worker_that_never_gets_ready_is_given_up(open_grader, monkeypatch):
    monkeypatch.setattr(process.WorkerProcess.wait_until_ready, "__defaults__", (0.3,))
    assert grade(open_grader("hang"), "right")[0].reason == "worker did not start: no answer within 0.3 s"


def test_an_unforeseen_exception_in_a_lane_is_an_error(open_grader, monkeypatch):
    monkeypatch.setattr(process.WorkerProcess, "ask", lambda *_: 1 / 0)
    assert grade(open_grader(), "right")[0].reason == "ZeroDivisionError: division by zero"


def test_order_is_kept_whichever_worker_is_faster(open_grader):
    answers = ["slow", "right", "different", "slow", "hang", "right", "SIGKILL", "other"]
    grades = grade(open_grader(workers=2), *answers)
    assert [one.extracted for one in grades] == answers


def test_each_distinct_claim_is_asked_once(open_grader, journal):
    grader = open_grader(workers=2)
    grade(grader, "slow", "slow", "right", "right", "hang", "hang")
    grade(grader, "slow", "right", "hang")
    asked = journal.read_text().split()
    assert [asked.count(answer) for answer in ("slow", "right", "hang")] == [1, 1, 1]


def test_an_error_is_not_remembered(open_grader, journal):
    grader = open_grader()
    grade(grader, "memory")
    grade(grader, "memory")
    assert journal.read_text().split().count("memory") == 2


def test_the_cache_forgets_its_oldest_entry(open_grader, journal, monkeypatch):
    monkeypatch.setattr("verigrad.grading.grader.CACHE_SIZE", 2)
    grader = open_grader()
    grade(grader, "a", "b", "c", "a", "c")
    assert journal.read_text().split() == ["start", "a", "b", "c", "a"]


def test_verdicts_are_counted(open_grader):
    grader = open_grader()
    grade(grader, "right", "right", "other", "hang", "exit")
    counts = {Status.CORRECT: 2, Status.WRONG: 1, Status.UNPARSABLE: 0, Status.TIMEOUT: 1, Status.ERROR: 1}
    assert grader.counts == counts
    assert grader.failures == {Status.TIMEOUT: 1, Status.ERROR: 1}


def test_it_works_from_other_threads(open_grader):
    grader, statuses = open_grader(), []
    threads = [
        threading.Thread(target=lambda: statuses.extend(one.status for one in grade(grader, "right", "hang")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [Status.CORRECT, Status.CORRECT, Status.TIMEOUT, Status.TIMEOUT]


def test_submit_does_not_wait(open_grader):
    grader = open_grader()
    started = time.monotonic()
    future = grader.submit(PROBLEM, "hang")
    assert time.monotonic() - started < 0.5
    assert not future.done()
    assert not future.cancel()


def test_closing_kills_the_workers_and_answers_every_claim(open_grader):
    grader = open_grader(workers=2)
    grade(grader, "right", "different")
    futures = [grader.submit(PROBLEM, answer) for answer in ("hang", "hang ", "waiting")]
    worker = grader._pool._lanes[0]._worker
    started = time.monotonic()
    grader.close()
    assert time.monotonic() - started < LIMIT
    assert futures[-1].result().reason == "grader closed"
    assert worker._process.returncode is not None
    grader.close()
    with pytest.raises(RuntimeError, match="closed"):
        grader.submit(PROBLEM, "right")


def test_a_closed_pool_answers_at_once():
    closed = pool.WorkerPool(1, 1.0)
    closed.close()
    closed.warm()
    assert closed.submit(Claim("gold", "answer", 1.0)).result() == pool.CLOSED


@pytest.mark.parametrize(("workers", "time_limit"), [(0, 1.0), (1, 0.0), (1, float("inf")), (1, float("nan"))])
def test_impossible_settings_are_refused(workers, time_limit):
    with pytest.raises(ConfigError, match=r"use (1 or more|a finite number)"):
        Grader(always_claim, workers=workers, time_limit=time_limit)


def test_check_failures_names_share_limit_and_remedy():
    fine, failed = Grade(0.0, 1.0, 0.0, Status.WRONG), Grade(0.0, 1.0, 0.0, Status.TIMEOUT, reason="limit")
    check_failures([], 0.0)
    check_failures([fine, fine, fine, failed], 0.25)
    with pytest.raises(GraderFailures) as caught:
        check_failures([fine, failed, failed, failed], 0.25, where="step 12")
    for part in (
        "step 12",
        "3 of 4 (75.0%)",
        "limit of 25.0%",
        "timeout (limit, 3 times)",
        "raise the verifier's time limit",
    ):
        assert part in str(caught.value)


SCRIPT = """
from verigrad.grading import Grader
from verigrad.types import Problem
from verigrad.verifiers import VERIFIERS
import sys, threading
print("main")
with Grader(VERIFIERS["boxed"], workers=1, time_limit=20) as grader:
    print(grader.grade_all([(Problem("p", "", "7"), "\\\\boxed{7}")])[0].status, threading.active_count())
    print(grader.grade_all([(Problem("p", "", "x+1"), "\\\\boxed{1+x}")])[0].status, threading.active_count())
print([name for name in ("math_verify", "sympy", "torch", "antlr4") if name in sys.modules])
"""


def test_built_in_verifiers_start_nothing_and_load_nothing_heavy(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    ran = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, env=environment, timeout=120)
    assert ran.stdout.splitlines() == ["main", "correct 1", "correct 1", "[]"], ran.stderr
