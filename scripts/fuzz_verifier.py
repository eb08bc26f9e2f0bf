"""Coverage-guided fuzzing of tier 1: `python scripts/fuzz_verifier.py [SECONDS] [CORPUS]`. Needs `pip install atheris`.

Stops at the first input that raises, or that takes longer than SLOW seconds twice. What it finds becomes a test.
"""

from __future__ import annotations

import sys
import time

import atheris

with atheris.instrument_imports(include=["verigrad.verifiers"]):
    from verigrad.verifiers import decide, lenient_answer
    from verigrad.verifiers.rules import FORMATS

SLOW = 0.5
"""Seconds under instrumentation, which makes the code about five times slower."""

LONGEST = 6000
"""Characters of an input."""

GOLDS = [
    *["42", "1/2", "x^2+1", "(1,2)", r"\{1,2\}", "[0,1)", "x=5", "3:4", r"\text{odd}", r"50\%", "2<x<3", r"\pm 3"],
    *[r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\sqrt{2}", "204_5", r"\sin x", "y=2x+1", "90^\\circ", "f(x)=x"],
]
PIECES = [
    *r"\frac \sqrt { } ( ) [ ] ^ _ ! % | = < \le , ; : x e i 1 2 10 999 0 . - + * / \pm \cup \in \text{ and or".split(),
    *r"cm e5 $ \begin{pmatrix} \end{pmatrix} & \\ \sin \log \binom \infty \pi f( \{ \} \overline{ \sum_{ \int".split(),
    *r"\circ ' ½ ² mod \boxed{".split(),
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
    provider = atheris.FuzzedDataProvider(data)
    gold = GOLDS[provider.ConsumeIntInRange(0, len(GOLDS) - 1)]
    raw = provider.ConsumeBool()
    text = provider.ConsumeUnicode(sys.maxsize) if raw else built(provider.ConsumeBytes(sys.maxsize))
    if _seconds(gold, text) > SLOW and _seconds(gold, text + " ") > SLOW:
        raise AssertionError(f"slow: {gold!r} against {text!r}")


def _seconds(gold: str, text: str) -> float:
    started = time.process_time()
    for form in FORMATS.values():
        form.find(text)
    lenient_answer(text)
    decide(gold, text)
    decide(text, text + " + 0")
    return time.process_time() - started


def main(seconds: str = "600", *rest: str) -> None:
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=120",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, *rest], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
