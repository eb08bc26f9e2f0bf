"""Hostile responses through the real grader, from anywhere: none hangs it, fools it, fills the memory or runs code."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.hostile import CASES, FILE, OWN, VERIFY, Graded, Row, each_graded, file_rows, read
from verigrad.grading import Grader, by_import_path
from verigrad.types import Problem, Status
from verigrad.verifiers import FORMATS

ROOT = Path(__file__).parents[2]
GIGABYTE = 1024**3
LATEST = 0.5
"""Seconds of processor time of a verdict on any of them; coverage makes the code several times slower."""


@pytest.fixture(params=["own", "file"])
def rows(request) -> list[Row]:
    if request.param == "file" and not FILE.exists():
        pytest.skip("adversarial responses not at hand: ../shared/data/graders/adversarial.jsonl.gz")
    return OWN if request.param == "own" else file_rows()


def check(graded: list[Graded], rows: list[Row]) -> None:
    assert [one.row for one in graded] == rows
    assert [one.row for one in graded if one.fooled] == []
    expected = [one for one in graded if one.row.expect == "accept"]
    assert sum(one.found for one in expected) >= 0.95 * len(expected) > 0


def test_from_the_main_thread(rows):
    graded = list(each_graded(rows))
    check(graded, rows)
    assert [one for one in graded if one.seconds > LATEST] == []


def test_from_another_thread(rows):
    graded = []
    thread = threading.Thread(target=lambda: graded.extend(each_graded(rows)))
    thread.start()
    thread.join()
    check(graded, rows)


def run_child(code: str, cwd: Path, given: object) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter with another working directory, a session of its own and nothing of this process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,
        timeout=120,
        check=False,
    )


def test_from_a_thread_of_a_child_process_elsewhere(rows, tmp_path):
    """As Ray's workers are: spawned, not daemonic, the work outside the main thread."""
    ran = run_child("from tests.hostile import main; main()", tmp_path, [vars(row) for row in rows])
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    graded = [Graded(**{**one, "row": Row(**one["row"])}) for one in found["graded"]]
    check(graded, rows)
    assert found["own_peak"] < GIGABYTE
    assert list(tmp_path.iterdir()) == []  # nothing was written, by whatever the responses ask for


class Killer(threading.Thread):
    """Kills the workers of a grader at random moments, ready or not, with the two signals in turn."""

    def __init__(self, grader: Grader) -> None:
        super().__init__(daemon=True)
        self._grader, self._draw, self._over = grader, random.Random(0), threading.Event()
        self.killed = {signal.SIGSEGV: 0, signal.SIGKILL: 0}
        self.both = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._draw.uniform(0.05, 0.8)):
            alive = [
                worker
                for lane in list(self._grader._pool._lanes)
                for worker in (lane._worker, lane._successor)
                if worker is not None and worker._process.poll() is None
            ]
            if alive:
                chosen = min(self.killed, key=lambda number: self.killed[number])
                self._draw.choice(alive)._process.send_signal(chosen)
                self.killed[chosen] += 1
                if all(self.killed.values()):
                    self.both.set()

    def stop(self) -> None:
        self._over.set()
        self.join()


def test_while_the_workers_are_killed(tmp_path, monkeypatch):
    """A verdict may be an error then, and is never another one; afterwards the pool is whole again."""
    reward = "import time\ndef reward(problem, response):\n    time.sleep(0.05)\n    return float(response)\n"
    (tmp_path / "killed_rewards.py").write_text(reward, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    problem = Problem("p", "", "1")
    with Grader(by_import_path("killed_rewards:reward"), workers=1, time_limit=20.0) as grader:
        killer = Killer(grader)
        grader.warm()
        killer.start()
        grades = []
        while not (killer.both.is_set() and len(grades) >= 20):
            grades += grader.grade_all([(problem, f"{len(grades) % 2}.{len(grades):09d}")])
            assert len(grades) < 2000, killer.killed
        killer.stop()
        after = grader.grade_all([(problem, "1"), (problem, "0")])
    for at, grade in enumerate(grades):
        expected = Status.CORRECT if at % 2 else Status.WRONG
        assert grade.status in (expected, Status.ERROR)
    assert [grade.status for grade in after] == [Status.CORRECT, Status.WRONG]


AUDITED = """
import json, sys
from verigrad.types import Problem
from verigrad.answers import compare
from verigrad.verifiers import FORMATS, VERIFIERS

given = json.load(sys.stdin)
compare("x^2+1", "1+x·x"); compare("√2", "1.41421356"); compare("[0,1)", "0≤x<1")  # load all
forbidden = ("exec", "compile", "open", "import", "os.", "subprocess.", "socket.", "ctypes.", "shutil.", "marshal.")
seen = []
sys.addaudithook(lambda event, found: event.startswith(forbidden) and seen.append((event, str(found)[:200])))
verdicts = 0
for output, gold in given["outputs"]:
    for verify in VERIFIERS.values():
        verify(Problem("p", "", gold), output)
    for form in FORMATS.values():
        compare(gold, form.find(output) or "")
        verdicts += 1
for gold, answer in given["pairs"]:
    compare(gold, answer)
    verdicts += 1
noticed = len(seen)
try:
    eval("1 + 1")
except Exception:
    pass
print(json.dumps({"seen": seen[:noticed], "works": len(seen) > noticed, "verdicts": verdicts}))
"""


def test_comparing_runs_no_code_opens_no_file_and_starts_no_process(rows, tmp_path):
    pairs = [(row.gold, row.output) for row in OWN]
    if CASES.exists() and rows is not OWN:
        pairs += [(case["gold"], case["answer"]) for case in read(CASES)]
    ran = run_child(AUDITED, tmp_path, {"outputs": [(row.output, row.gold) for row in rows], "pairs": pairs})
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["seen"] == []
    assert found["works"]  # the hook does see what it is there for
    assert found["verdicts"] == len(FORMATS) * len(rows) + len(pairs)
    assert list(tmp_path.iterdir()) == []


def test_own_rows_expect_what_a_reader_would():
    assert {row.expect for row in OWN} == {"accept", "reject"}
    right = [row for row in OWN if row.expect == "accept"]
    assert len(right) >= 15
    assert VERIFY(Problem("p", "", "3"), OWN[0].output).reward == 0.0
