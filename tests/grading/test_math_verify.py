"""The grader with the real Math-Verify worker."""

import subprocess
import sys
import threading
import time

import pytest

from verigrad.grading import Grader
from verigrad.grading.worker import equivalent
from verigrad.types import Problem, Status
from verigrad.verifiers import VERIFIERS

LIMIT = 4.0


@pytest.fixture(scope="module")
def grader():
    with Grader(VERIFIERS["boxed"], workers=1, time_limit=LIMIT) as one:
        yield one


@pytest.mark.parametrize(
    ("gold", "answer", "status"),
    [
        ("x + 1", "1 + x", Status.CORRECT),
        ("x + 1", "x + 2", Status.WRONG),
        (r"\frac{1}{12}", "0.0833333333", Status.CORRECT),
        ("18", r"18\text{ cm}", Status.CORRECT),
        ("3", "3, 4", Status.WRONG),
        ("x", "$", Status.WRONG),
        (r"\text{odd}", "odd", Status.CORRECT),
        ("42", "4\ud800", Status.WRONG),
    ],
)
def test_claims_are_settled(grader, gold, answer, status):
    (grade,) = grader.grade_all([(Problem("p", "", gold), rf"\boxed{{{answer}}}")])
    assert grade.status is status


@pytest.mark.parametrize(
    "answer",
    [
        r"\operatorname{eye}(20000)",
        "9^{9^{9^9}}",
        "9**9**9**9",
        r"\prod_{k=1}^{99999999} k",
        r"\frac{1}{1+" * 200 + "1" + "}" * 200,
        "{" * 2000 + "1" + "}" * 2000,
        r"\frac" * 1500,
        "__import__('os').system('touch PWNED')",
        "-" * 5000 + "1",
    ],
)
def test_hostile_answers_come_back_within_the_limit(grader, answer):
    started = time.monotonic()
    (grade,) = grader.grade_all([(Problem("p", "", r"\sqrt{2}"), rf"\boxed{{{answer}}}")])
    assert time.monotonic() - started < LIMIT + 10  # the worker's start comes on top
    assert grade.reward == 0.0
    assert grade.status in (Status.WRONG, Status.TIMEOUT, Status.ERROR)
    (after,) = grader.grade_all([(Problem("p", "", "y + 1"), rf"\boxed{{1 + y + {len(answer)} - {len(answer)}}}")])
    assert after.status is Status.CORRECT


def test_it_works_outside_the_main_thread(grader):
    statuses = []
    pair = (Problem("p", "", "a + b"), r"\boxed{b + a}")
    thread = threading.Thread(target=lambda: statuses.extend(one.status for one in grader.grade_all([pair])))
    thread.start()
    thread.join()
    assert statuses == [Status.CORRECT]


def test_equivalent_is_total():
    assert equivalent(r"\frac{1}{2}", "0.5")
    assert equivalent("5", "$5$")
    assert not equivalent("x", "")
    assert not equivalent("", "")


def test_a_broken_math_verify_is_an_error_and_not_a_wrong_answer(tmp_path, monkeypatch):
    (tmp_path / "math_verify.py").write_text("def parse(*_, **__): return []\nverify = parse")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Grader(VERIFIERS["boxed"], workers=1, time_limit=LIMIT) as grader:
        (grade,) = grader.grade_all([(Problem("p", "", "1/2"), r"\boxed{\int_0^1 x dx}")])
    assert grade.status is Status.ERROR
    assert "reinstall 'math-verify" in grade.reason


SCRIPT = """
from verigrad.grading import Grader
from verigrad.types import Problem
from verigrad.verifiers import VERIFIERS
import sys, threading
print("main")
with Grader(VERIFIERS["boxed"], workers=1, time_limit=20) as grader:
    print(grader.grade_all([(Problem("p", "", "7"), "\\\\boxed{7}")])[0].status, threading.active_count())
    print(grader.grade_all([(Problem("p", "", "x+1"), "\\\\boxed{1+x}")])[0].status)
print([name for name in ("math_verify", "sympy", "torch") if name in sys.modules])
"""


def test_a_script_without_a_main_guard_runs_once_and_loads_nothing_heavy(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    ran = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, env=environment, timeout=120)
    assert ran.stdout.splitlines() == ["main", "correct 1", "correct", "[]"], ran.stderr


def test_the_worker_loads_no_torch():
    code = "import sys, math_verify; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
