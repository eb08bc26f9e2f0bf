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

from tests.hostile import (
    CASES,
    FILE,
    LIMIT,
    OWN,
    VERIFY,
    Graded,
    Row,
    claims,
    each_graded,
    file_rows,
    read,
)
from verigrad.grading import Grader
from verigrad.types import Problem
from verigrad.verifiers import FORMATS

ROOT = Path(__file__).parents[2]
GIGABYTE = 1024**3
LATEST = 2.0
"""Seconds until a verdict, from when a worker is ready."""


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


def check_times(graded: list[Graded]) -> None:
    assert [one for one in graded if one.seconds > LATEST] == []
    assert any(one.asked for one in graded)  # some went all the way


def check_peaks(peaks: list[tuple[int, int]]) -> None:
    assert peaks
    for peak, limit in peaks:
        assert peak < GIGABYTE
        assert limit == GIGABYTE or sys.platform != "linux"


def graded_here(rows: list[Row]) -> list[Graded]:
    graded, peaks = [], {}
    with Grader(VERIFY, workers=1, time_limit=LIMIT) as grader:
        grader.warm()
        graded.extend(each_graded(grader, rows, peaks))
    check_peaks(list(peaks.values()))
    return graded


def test_from_the_main_thread(rows):
    graded = graded_here(rows)
    check(graded, rows)
    check_times(graded)


def test_from_another_thread(rows):
    graded = []
    thread = threading.Thread(target=lambda: graded.extend(graded_here(rows)))
    thread.start()
    thread.join()
    check(graded, rows)
    check_times(graded)


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
    check_times(graded)
    check_peaks([tuple(pair) for pair in found["peaks"]])
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


def test_while_the_workers_are_killed(rows):
    """A verdict may be an error then, and is never wrongly right; afterwards the pool is whole again."""
    asked = claims(12)
    mixed = [*asked[:6], *rows, *asked[6:]]
    with Grader(VERIFY, workers=1, time_limit=LIMIT) as grader:
        killer = Killer(grader)
        grader.warm()
        killer.start()
        graded = list(each_graded(grader, mixed))
        assert killer.both.wait(30), killer.killed
        killer.stop()
        after = list(each_graded(grader, claims(2)))
    assert [one.row for one in graded] == mixed
    assert [one.row for one in graded if one.fooled] == []
    lost = [one for one in graded if one.row.expect == "accept" and not one.found]
    assert {one.status for one in lost} <= {"error"}
    assert all(one.asked for one in lost)
    assert [one.status for one in after] == ["wrong", "correct"]


AUDITED = """
import json, sys
from verigrad.types import Problem
from verigrad.verifiers import FORMATS, VERIFIERS, Claim, decide, equal, find_verifier

given = json.load(sys.stdin)
equal("x^2+1", "1+x·x"); equal("√2", "1.41421356"); equal("[0,1)", "0≤x<1")  # load all
forbidden = ("exec", "compile", "open", "import", "os.", "subprocess.", "socket.", "ctypes.", "shutil.", "marshal.")
seen = []
sys.addaudithook(lambda event, found: event.startswith(forbidden) and seen.append((event, str(found)[:200])))
verdicts = 0
for output, gold in given["outputs"]:
    for verify in VERIFIERS.values():
        verify(Problem("p", "", gold), output)
    for form in FORMATS.values():
        decide(gold, form.find(output) or "")
        verdicts += 1
for gold, answer in given["pairs"]:
    decide(gold, answer)
    verdicts += 1
noticed = len(seen)
try:
    eval("1 + 1")
except Exception:
    pass
print(json.dumps({"seen": seen[:noticed], "works": len(seen) > noticed, "verdicts": verdicts}))
"""


def test_tier_1_runs_no_code_opens_no_file_and_starts_no_process(rows, tmp_path):
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
