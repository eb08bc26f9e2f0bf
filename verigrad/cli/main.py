"""`verigrad COMMAND …`: reads the words of the command line, and hands over. Heavy modules are loaded by the handlers.

Exit codes: 0 done; 2 bad usage or config; 3 a run stopped itself; 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from verigrad import __version__
from verigrad.cli import config_options, export_options, plan_options
from verigrad.errors import DataError, RunStopped, UsageError

DONE, BAD_USAGE, STOPPED, INTERRUPTED = 0, 2, 3, 130

SWEEP_HELP = """a sweep file (docs/sweeps.md):

  description = "Which learning rate?"   # heads the report
  base = "../tiny/grpo.toml"             # config that every run starts from, relative to this file
  seeds = [0, 1, 2]                      # run.seed of the replicates
  [sweep]
  dir = "runs/sweeps/lr"                 # default: runs/sweeps/<name of the file>
  target = 0.8                           # the accuracy to which steps and rollouts are counted
  [set]                                  # for every run, keys as on the command line
  "algorithm.steps" = 50
  [grid]                                 # every combination is a cell
  "optimizer.lr" = [1e-4, 3e-4, 1e-3]
  [[cell]]                               # beside or instead of the grid: settings that go together
  name = "rloo"
  set = { "algorithm.name" = "rloo" }

Finished runs are not run again; begun ones go on; one that stopped itself is a result. Ctrl-C saves."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. What was raised on purpose becomes one line on standard error."""
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except UsageError as error:
        return _complain(f"error: {error}", BAD_USAGE)
    except RunStopped as error:
        return _complain(f"stopped: {error}", STOPPED)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)


def _complain(message: str, code: int) -> int:
    print(f"verigrad: {' '.join(message.splitlines())}", file=sys.stderr)
    return code


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table of commands. `configured`: it takes CONFIG.toml and `--section.key value` overrides."""

    summary: str
    declare: Callable[[argparse.ArgumentParser], None]
    handle: Callable[[argparse.Namespace], int]
    configured: bool = False


class _Parser(argparse.ArgumentParser):
    """argparse's own, except that a fault is raised, so that there is one place that prints errors."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")


def _run(words: list[str]) -> int:
    parser, parsers = _parsers()
    name = words[0] if words else ""
    if not words:
        parser.print_help()
        return BAD_USAGE
    if not name.startswith("-") and name not in COMMANDS:
        raise UsageError(f"unknown command {name!r}: {_nearest(name, list(COMMANDS))}")
    overrides: list[str] = []
    configured = name in COMMANDS and COMMANDS[name].configured
    if configured:
        words, overrides = _split_overrides(words)
        if {"-h", "--help"} & set(words):
            from verigrad.cli.settings import help_text

            parsers[name].epilog = help_text()
    _check_options(words, parsers.get(name, parser), configured)
    namespace, unknown = parser.parse_known_args(words)
    if unknown:
        raise UsageError(f"{unknown[0]!r} is one word too many; see `verigrad {name} --help`")
    namespace.overrides = overrides
    return COMMANDS[name].handle(namespace)


def _parsers() -> tuple[_Parser, dict[str, argparse.ArgumentParser]]:
    parser = _Parser(
        prog="verigrad",
        description="Train a language model to reason, on problems whose answers can be verified.",
        epilog="`verigrad COMMAND --help` explains a command. "
        "Exit codes: 0 done; 2 bad usage or config; 3 a run stopped itself; 130 interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"verigrad {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", parser_class=_Parser)
    parsers: dict[str, argparse.ArgumentParser] = {}
    for name, command in COMMANDS.items():
        parsers[name] = commands.add_parser(
            name,
            help=command.summary,
            description=command.summary,
            usage=f"verigrad {name} CONFIG.toml [--with FILE.toml] [--section.key value ...]"
            if command.configured
            else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.declare(parsers[name])
    return parser, parsers


def _split_overrides(words: list[str]) -> tuple[list[str], list[str]]:
    """`--section.key value` and `--section.key=value` apart from the other words: argparse does not know the keys."""
    rest: list[str] = []
    overrides: list[str] = []
    queue = iter(words)
    for word in queue:
        name, equals, _ = word.partition("=")
        if not (name.startswith("--") and "." in name):
            rest.append(word)
            continue
        overrides.append(word)
        if not equals:
            value = next(queue, "--")
            if value.startswith("--"):
                raise UsageError(f"{word}: a value is missing; write {word} VALUE")
            overrides.append(value)
    return rest, overrides


def _check_options(words: list[str], parser: argparse.ArgumentParser, configured: bool) -> None:
    """Refuses unknown options before argparse looks, which would name a missing argument first."""
    known = [name for name in parser._option_string_actions if name.startswith("--")]
    options = [word.partition("=")[0] for word in words if word.startswith("--") and " " not in word]
    for option in options:
        if option in known:
            continue
        if not configured:
            raise UsageError(f"unknown option {option}: {_nearest(option, known)}")
        from verigrad.config import settings

        last = {key.rpartition(".")[2]: key for key, *_ in settings()}
        close = difflib.get_close_matches(option.lstrip("-"), last, n=1)
        meant = f"did you mean --{last[close[0]]}? " if close else ""
        raise UsageError(f"unknown option {option}: {meant}`{parser.prog} --help` lists every setting")


def _nearest(word: str, known: Sequence[str]) -> str:
    from verigrad.config import nearest

    return nearest(word, known)


def _declare_plan(parser: argparse.ArgumentParser) -> None:
    config_options.declare(parser)
    plan_options.declare(parser)


def _declare_sweep(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("sweep", metavar="SWEEP.toml", help="what every run starts from, and what is varied")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="runs at a time (default: %(default)s)")
    parser.add_argument("--retry", action="store_true", help="also go on with runs that stopped themselves")
    parser.add_argument("--dry-run", action="store_true", help="list the runs and their settings; nothing runs")
    parser.epilog = SWEEP_HELP


def _declare_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dirs", metavar="DIR", nargs="+", type=Path, help="run directory, sweep, or directory of runs")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="where to write the page (default: report.html in DIR)"
    )
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="of one sweep: also its tables as Markdown")
    parser.add_argument("--plots", metavar="FOLDER", type=Path, help="of one sweep: also its figures as PNG and SVG")


def _declare_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="model directory, hub id, run directory, or embedded:chains")
    parser.add_argument("questions", metavar="QUESTION", nargs="+", help="a question, in quotes")
    parser.add_argument("--model", metavar="MODEL", action="append", default=[], dest="others", help="a further model")
    parser.add_argument("--template", default="tiny", help="prompt template, by name or path (default: %(default)s)")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 is greedy (default: %(default)s)")
    parser.add_argument("--n", metavar="N", type=int, default=1, help="responses per question (default: %(default)s)")
    parser.add_argument("--max-tokens", metavar="N", type=int, default=256, help="per response (default: %(default)s)")
    parser.add_argument(
        "--seed", metavar="N", type=int, default=0, help="the same seed, the same responses (default: 0)"
    )


def _declare_grade(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="IN", type=Path, help="JSON lines, CSV or Parquet of question, answer, response"
    )
    parser.add_argument("--out", metavar="OUT.jsonl", type=Path, required=True, help="the same rows, graded")
    for name in ("question", "answer", "response"):
        parser.add_argument(f"--{name}-column", metavar="NAME", default=name, help=f"its column (default: {name})")
    parser.add_argument("--verifier", metavar="NAME", default="r1_zero", help="verifier (default: %(default)s)")
    parser.add_argument("--function", metavar="MODULE:NAME", default="", help="with --verifier function: the reward")
    parser.add_argument(
        "--weight", metavar="NAME=W", action="append", default=[], help="with --verifier blend: a part; may be repeated"
    )
    parser.add_argument("--tolerance", metavar="T", type=float, default=1e-6, help="of numeric (default: 1e-6)")
    parser.add_argument("--jobs", metavar="N", type=int, default=0, help="processes that grade (default: one per core)")
    parser.add_argument("--workers", metavar="N", type=int, default=1, help="of each, for functions (default: 1)")
    parser.add_argument("--time-limit", metavar="S", type=float, default=1.0, help="seconds per answer (default: 1)")


def _declare_lab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="fewer points and draws: seconds instead of a minute")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("lab"), help="for lab.json and lab.html (default: lab)"
    )


def _evaluate(args: argparse.Namespace) -> int:
    from verigrad.config import load

    config = load(args.config, args.overrides, args.overlays)
    from verigrad.cli import runs

    return runs.profile(config) if args.profile else runs.evaluate(config)


def _train(args: argparse.Namespace) -> int:
    from verigrad.config import load

    config = load(args.config, args.overrides, args.overlays)
    from verigrad.cli import runs

    return runs.train(config)


def _config(args: argparse.Namespace) -> int:
    from verigrad.config import dump, load

    sys.stdout.write(dump(load(args.config, args.overrides, args.overlays)))
    return DONE


def _sweep(args: argparse.Namespace) -> int:
    from verigrad.cli import sweep

    return sweep.sweep(args.sweep, jobs=args.jobs, retry=args.retry, dry_run=args.dry_run)


def _report(args: argparse.Namespace) -> int:
    for path in args.dirs:
        if not path.is_dir():
            raise DataError(f"{path}: no such directory; give a run directory, e.g. runs/expert_iteration")
    from rich.console import Console

    from verigrad import report

    console = Console()
    report.print_table(args.dirs, console)
    page = report.write_report(args.dirs, args.out)
    if args.markdown:
        report.write_markdown(args.dirs, args.markdown)
    if args.plots:
        report.save_plots(args.dirs, args.plots)
    console.print(f"report: {page}", soft_wrap=True, highlight=False, markup=False)
    return DONE


def _sample(args: argparse.Namespace) -> int:
    from verigrad.cli import sample

    return sample.sample(
        [args.model, *args.others],
        args.questions,
        template=args.template,
        temperature=args.temperature,
        samples=args.n,
        max_tokens=args.max_tokens,
        seed=args.seed,
    )


def _grade(args: argparse.Namespace) -> int:
    from verigrad.cli import grade

    chosen = {"name": args.verifier, "function": args.function, "weights": grade.weights(args.weight)}
    limits = {"tolerance": args.tolerance, "workers": args.workers, "time_limit": args.time_limit}
    columns = grade.Columns(args.question_column, args.answer_column, args.response_column)
    return grade.grade(args.source, args.out, grade.settings({**chosen, **limits}), jobs=args.jobs, columns=columns)


def _lab(args: argparse.Namespace) -> int:
    from rich.console import Console

    from verigrad import lab

    console = Console()
    results = lab.measure_all(args.quick)
    lab.print_results(results, console)
    page = lab.write(results, args.out)
    console.print(f"page: {page}", soft_wrap=True, highlight=False, markup=False)
    if results.surprises:
        raise RunStopped(f"theory and measurement disagree on {', '.join(results.surprises)}; see {args.out}/lab.json")
    return DONE


COMMANDS = {
    "evaluate": Command(
        "Measure a model or checkpoint on the validation problems.", config_options.declare_evaluate, _evaluate, True
    ),
    "train": Command("Train by any algorithm; a run that exists is continued.", config_options.declare, _train, True),
    "sweep": Command("Run a grid of settings × seeds, go on where it was, and report.", _declare_sweep, _sweep),
    "report": Command("Show runs as a table, and as one self-contained HTML page.", _declare_report, _report),
    "sample": Command("Put questions to one model, or to several side by side.", _declare_sample, _sample),
    "grade": Command("Grade rows of question, answer and response offline.", _declare_grade, _grade),
    "export": Command(
        "Write a checkpoint as a Hugging Face model with its card.", export_options.declare, export_options.export
    ),
    "lab": Command("Measure bias and variance of every estimator against the exact gradient.", _declare_lab, _lab),
    "plan": Command(
        "Say what memory and time a run takes on a GPU; no weights are read.", _declare_plan, plan_options.plan, True
    ),
    "config": Command("Check a config and print it, resolved; nothing runs.", config_options.declare, _config, True),
}


if __name__ == "__main__":
    sys.exit(main())
