"""The words of the command line: help that is quick and complete, errors of one line, exit codes."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
import types

import pytest

from verigrad.cli import main as cli
from verigrad.config import load, settings
from verigrad.errors import NonFiniteError

COMMANDS = ["evaluate", "train", "sweep", "report", "sample", "grade", "export", "plan", "config"]
HEAVY = ("torch", "transformers", "numpy", "scipy", "matplotlib", "pydantic", "rich")


@pytest.fixture
def run(capsys):
    """Runs a command line; gives (exit code, standard output, standard error)."""

    def run(*words: object) -> tuple[int, str, str]:
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as leaving:  # argparse's --help and --version
            code = leaving.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "first.toml"
    path.write_text("[run]\nseed = 3\n", encoding="utf-8")
    return path


def test_help_names_every_command_and_exit_code(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert all(f"\n    {command} " in out for command in COMMANDS)
    assert "2 bad usage or config" in " ".join(out.split())


def test_help_is_quick_and_loads_nothing_heavy():
    program = (
        "import sys\nfrom verigrad.cli.main import main\n"
        f"try: main(['--help'])\nfinally: print('loaded:', *sorted(set(sys.modules) & set({HEAVY!r})))"
    )
    seconds = []
    for _ in range(3):  # the best of three: the machine may be busy with something else
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
        seconds.append(time.perf_counter() - start)
        assert done.stdout.splitlines()[-1] == "loaded:"
    assert min(seconds) < 0.5


def test_no_command_shows_the_help_and_is_bad_usage(run):
    code, out, _ = run()
    assert code == 2
    assert "usage: verigrad" in out


def test_version(run):
    assert run("--version")[:2] == (0, "verigrad 0.1.0\n")


@pytest.mark.parametrize("command", ["train", "evaluate", "plan", "config"])
def test_help_lists_every_setting_with_default_and_description(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    flat = " ".join(out.split())
    for key, _, _, description in settings():
        assert f"--{key} " in flat
        assert " ".join(description.split()) in flat
    assert "--run.seed int (default: 0)" in flat
    assert '--model.dtype float32|bfloat16 (default: "float32")' in flat
    assert "--algorithm.steps int (default: by algorithm.name)" in flat


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert out.startswith(f"usage: verigrad {command} ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "unknown command 'trian': did you mean 'train'? known: evaluate, train, sweep, report"),
        (["--hlep"], "unknown option --hlep: did you mean '--help'?"),
        (["train"], "the following arguments are required: CONFIG.toml; see `verigrad train --help`"),
        (["train", "absent.toml"], "absent.toml: no such config file"),
        (["train", "a.toml", "b.toml"], "'b.toml' is one word too many; see `verigrad train --help`"),
        (["train", "a.toml", "--seed", "3"], "unknown option --seed: did you mean --run.seed?"),
        (["train", "a.toml", "--sed=3"], "unknown option --sed: did you mean --run.seed?"),
        (["train", "--zzzzzz", "a.toml"], "unknown option --zzzzzz: `verigrad train --help` lists every setting"),
        (["train", "a.toml", "--run.seed"], "--run.seed: a value is missing; write --run.seed VALUE"),
        (["train", "a.toml", "--run.seed", "--run.dir", "x"], "--run.seed: a value is missing"),
        (["train", "a.toml", "--with"], "argument --with: expected one argument; see `verigrad train --help`"),
        (["train", "a.toml", "--wiht", "b.toml"], "unknown option --wiht: "),
        (["grade", "in.jsonl"], "the following arguments are required: --out"),
        (["grade", "in.jsonl", "--ot", "x"], "unknown option --ot: did you mean '--out'?"),
        (["grade", "in.jsonl", "--out", "x", "--workers", "two"], "argument --workers: invalid int value: 'two'"),
        (["report", "absent"], "absent: no such directory; give a run directory"),
    ],
)
def test_bad_usage_is_one_clear_line_and_exit_code_2(run, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err.startswith("verigrad: error: ")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--run.sed", "4"], "unknown key run.sed: did you mean 'seed'?"),
        (["--rn.seed=4"], "unknown key rn: did you mean 'run'?"),
        (["--run.seed", "soon"], "run.seed = 'soon': input should be a valid integer"),
        (["--sampler.top_p", "0.5"], "use top_p = 1"),
    ],
)
def test_a_bad_setting_is_one_clear_line_and_exit_code_2(run, config_file, words, message):
    code, out, err = run("config", config_file, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_config_prints_the_resolved_config_which_loads_to_the_same(run, config_file, tmp_path):
    code, out, err = run("config", "--eval.problems", "9", config_file, "--optimizer.lr=1e-3")
    assert (code, err) == (0, "")
    tables = tomllib.loads(out)
    assert (tables["run"]["seed"], tables["run"]["dir"]) == (3, "runs/first")
    assert (tables["eval"]["problems"], tables["optimizer"]["lr"]) == (9, 1e-3)
    resolved = tmp_path / "resolved.toml"
    resolved.write_text(out, encoding="utf-8")
    assert load(resolved) == load(config_file, ["--eval.problems", "9", "--optimizer.lr=1e-3"])


def test_files_are_laid_over_the_config_and_options_over_them(run, config_file, tmp_path):
    for name, text in {"a": "[run]\nseed = 4\nthreads = 2", "b": "[run]\nseed = 5"}.items():
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    words = ["--with", tmp_path / "a.toml", "--with", tmp_path / "b.toml", "--run.threads", "3"]
    code, out, err = run("config", config_file, *words)
    assert (code, err) == (0, "")
    assert {key: tomllib.loads(out)["run"][key] for key in ("seed", "threads", "dir")} == {
        "seed": 5,
        "threads": 3,
        "dir": "runs/first",
    }
    code, out, err = run("config", config_file, "--with", tmp_path / "absent.toml")
    assert (code, out) == (2, "")
    assert "absent.toml: no such config file" in err


def test_config_loads_no_torch(config_file):
    program = f"import sys\nfrom verigrad.cli.main import main\nmain(['config', {str(config_file)!r}])\n"
    program += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, timeout=60).returncode == 0


def handler(monkeypatch, module: str, **functions: object) -> None:
    """Puts functions in the place of the module that a handler loads."""
    stand_in = types.ModuleType(f"verigrad.cli.{module}")
    vars(stand_in).update(functions)
    monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    monkeypatch.setattr(f"verigrad.cli.{module}", stand_in, raising=False)


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_run_gets_the_checked_config_and_its_exit_code_is_kept(run, config_file, monkeypatch, command):
    seen = []
    handler(monkeypatch, "runs", **{command: lambda config: seen.append(config) or 0})
    assert run(command, config_file, "--run.seed", "-4")[0] == 0
    assert seen[0].run.seed == -4


def raiser(error: BaseException):
    def raise_it(config):
        raise error

    return raise_it


def test_a_run_that_stops_itself_is_exit_code_3(run, config_file, monkeypatch):
    handler(monkeypatch, "runs", train=raiser(NonFiniteError("step 3: loss is nan\nlower optimizer.lr")))
    code, _, err = run("train", config_file)
    assert (code, err) == (3, "verigrad: stopped: step 3: loss is nan lower optimizer.lr\n")


def test_an_interrupted_run_is_exit_code_130(run, config_file, monkeypatch):
    handler(monkeypatch, "runs", train=raiser(KeyboardInterrupt()))
    assert run("train", config_file) == (130, "", "verigrad: interrupted\n")


def test_a_bug_keeps_its_traceback(config_file, monkeypatch):
    handler(monkeypatch, "runs", train=raiser(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["train", str(config_file)])


def test_sample_takes_several_models_and_questions(run, monkeypatch):
    seen = {}

    def sample(models, questions, **options):
        seen.update(options, models=models, questions=questions)
        return 0

    handler(monkeypatch, "sample", sample=sample)
    words = ["sample", "embedded:chains", "1 + 1?", "-- 2?", "--model", "runs/a", "--n", "2", "--temperature", "0"]
    assert run(*words) == (0, "", "")
    assert seen == {
        "models": ["embedded:chains", "runs/a"],
        "questions": ["1 + 1?", "-- 2?"],
        "template": "tiny",
        "temperature": 0.0,
        "samples": 2,
        "max_tokens": 256,
        "seed": 0,
    }


def test_report_shows_the_table_and_says_where_the_page_is(run, monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr("verigrad.report.print_table", lambda dirs, console: calls.append(dirs))
    monkeypatch.setattr("verigrad.report.write_report", lambda dirs, out: calls.append(out) or out)
    code, out, _ = run("report", tmp_path, "--out", tmp_path / "page.html")
    assert code == 0
    assert calls == [[tmp_path], tmp_path / "page.html"]
    assert out == f"report: {tmp_path / 'page.html'}\n"
