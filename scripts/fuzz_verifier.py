"""Fuzzing of the answers' road: `python scripts/fuzz_verifier.py [SECONDS] [CORPUS]`.

Guided by coverage where atheris is installed (`pip install atheris`), else drawn at random from a fixed seed. Stops at
the first input that raises, that takes longer than SLOW seconds of processor time twice, or that is malformed and equal
to a gold answer. What it finds becomes a test.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    import atheris
except ImportError:
    atheris = None

if atheris is None:
    from verigrad.answers import compare, is_readable, lenient_answer
    from verigrad.verifiers import FORMATS
else:
    with atheris.instrument_imports(include=["verigrad.answers"]):
        from verigrad.answers import compare, is_readable, lenient_answer
        from verigrad.verifiers import FORMATS

SLOW = 0.05 if atheris is None else 0.5
"""Seconds; instrumentation makes the code about five times slower."""

LONGEST = 6000
"""Characters of an input."""

GOLDS = [
    *["42", "1/2", "x^2+1", "(1,2)", r"\{1,2\}", "[0,1)", "x=5", "3:4", r"\text{odd}", r"50\%", "2<x<3", r"\pm 3"],
    *[r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\sqrt{2}", "204_5", r"\sin x", "y=2x+1", "90^\\circ", "f(x)=x"],
]
PIECES = [
    *r"\frac \sqrt { } ( ) [ ] ^ _ ! % | = < \le , ; : x e i 1 2 10 999 0 . - + * / \pm \cup \in \text{ and or".split(),
    *r"cm e5 $ \begin{pmatrix} \end{pmatrix} & \\ \sin \log \binom \infty \pi f( \{ \} \overline{ \sum_{ \int".split(),
    *r"\circ ' ½ ² mod \pmod \choose \over million half twenty per squared U \boxed{ $ < \det f(x)=".split(),
    *["\u2212", "\u0661", "\ud800", " "],
]


AROUND = [
    *[
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        (r"\{", r"\}"),
        ("|", "|"),
        ("x^{", "}"),
        ("x_{", "}"),
        ("f(", ")"),
        ("-", ""),
    ],
    *[(r"\sqrt{", "}"), (r"\frac{", "}{2}"), (r"1+\frac{1}{", "}"), (r"\bar{", "}"), (r"\sum_{", "}"), (r"\sin{", "}")],
    *[
        (r"\log_{", "}2"),
        (r"\binom{", "}{2}"),
        (r"\lfloor ", r"\rfloor "),
        ("", "!"),
        ("", r"\cup [0,1)"),
        ("", " mod 7"),
    ],
    *[(r"\begin{pmatrix}", r"\end{pmatrix}"), (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", ""), ("", "+x"), ("2", "")],
]


def built(data: bytes) -> str:
    """One byte for each piece of the grammar; from 192 on, what stands there so far is repeated or put inside brackets,
    as often as the next byte says."""
    text, at = "", 0
    while at < len(data) and len(text) < LONGEST:
        byte = data[at]
        at += 1
        if byte < 192:
            text += PIECES[byte % len(PIECES)]
            continue
        times = data[at] if at < len(data) else 1
        at += 1
        if byte == 192:
            text = (text * times)[:LONGEST]
        else:
            before, after = AROUND[byte % len(AROUND)]
            text = before * times + text + after * times
    return text[:LONGEST]


def one_input(data: bytes) -> None:
    """Raw text, or a built one, against a gold answer."""
    gold = GOLDS[data[0] % len(GOLDS)] if data else GOLDS[0]
    raw = len(data) > 1 and data[1] % 4 == 0
    text = data[2:].decode("utf-8", "surrogateescape") if raw else built(data[2:])
    if _seconds(gold, text) > SLOW and _seconds(gold, text + " ") > SLOW:
        raise AssertionError(f"slow: {gold!r} against {text!r}")
    if compare(gold, text) and not is_readable(text):
        raise AssertionError(f"malformed, and equal: {gold!r} against {text!r}")


def _seconds(gold: str, text: str) -> float:
    started = time.process_time()
    compare(gold, text)
    compare(text, text + " + 0")
    spent = (time.process_time() - started) / 2
    for form in FORMATS.values():
        form.find(text)
    lenient_answer(text)
    return spent


def at_random(seconds: float) -> int:
    """Random inputs until the time is up; how many they were."""
    draw, ends, count = random.Random(0), time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        one_input(draw.randbytes(draw.choice([4, 8, 16, 32, 64, 200, 1000])))
        count += 1
    return count


def main(seconds: str = "600", *rest: str) -> None:
    if atheris is None:
        print(f"{at_random(float(seconds)):,} inputs drawn at random in {seconds} s; none failed")
        return
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=120", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", *rest], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
