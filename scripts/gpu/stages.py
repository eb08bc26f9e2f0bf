"""The stages, most valuable first: what each shows, its command, its limit, and its sizes on a GPU and in a dry run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts.gpu.kit import ROOT

NAMES = (
    "tests", "embedded", "smollm2-ei", "smollm2-grpo", "step", "training", "rollout", "scoring", "profile", "machine"
)  # fmt: skip
HERE = "scripts/gpu"


@dataclass(frozen=True, slots=True)
class Setup:
    """Where a run of the stages reads and writes. `model` is the SmolLM2 file, "" where there is none."""

    python: str
    tiny: bool
    lines: Path
    work: Path
    model: str
    problems: tuple[Path, Path] | None

    @property
    def device(self) -> str:
        return "cpu" if self.tiny else "cuda"


@dataclass(frozen=True, slots=True)
class Stage:
    """`tables`: what the command prints is for the report. `summary` reads what a run has written, also after it was
    killed. `skip`: why it cannot run here.
    """

    name: str
    shows: str
    seconds: int
    command: tuple[str, ...]
    summary: tuple[str, ...] = ()
    tables: bool = True
    skip: str = ""


def make_stages(setup: Setup) -> list[Stage]:
    """All stages, in the order of NAMES."""
    return [_tests(setup), _embedded(setup), *_smollm2(setup), *_benchmarks(setup)]


def _tests(setup: Setup) -> Stage:
    """Only files that have such tests: collecting all others would take most of the time."""
    marked = sorted(
        str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py") if "mark.gpu" in path.read_text()
    )
    if setup.tiny:
        marked = [path for path in marked if path.endswith("test_cuda.py")]
    command = (setup.python, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", *marked)
    return Stage("tests", "the tests that need a GPU", 80, command)


def _train(
    setup: Setup, name: str, config: str, settings: dict[str, object]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(command of a run, command that sums it up)"""
    folder = str(setup.work / name)
    words: list[str] = []
    for key, value in ({"run.dir": folder, "model.device": setup.device} | settings).items():
        words += [f"--{key}", str(value)]
    return (setup.python, "-m", "verigrad.cli.main", "train", config, *words), _summary(setup, name, folder)


def _summary(setup: Setup, name: str, folder: str) -> tuple[str, ...]:
    return (setup.python, "-m", "scripts.gpu.summary", folder, "--name", name, "--json", str(setup.lines))


TINY: dict[str, object] = {
    "algorithm.steps": 1,
    "algorithm.questions_per_step": 4,
    "algorithm.rollouts_per_question": 2,
    "sampler.max_tokens": 8,
    "eval.problems": 4,
}


def _embedded(setup: Setup) -> Stage:
    settings = TINY if setup.tiny else {}
    command, summary = _train(setup, "embedded", "configs/tiny/expert_iteration.toml", settings)
    return Stage("embedded", "expert iteration on the embedded model", 120, command, summary, tables=False)


def _smollm2(setup: Setup) -> list[Stage]:
    """A dry run without the model takes the embedded one, so that settings and summary are tried all the same."""
    skip = "" if setup.model or setup.tiny else "the model's file is not here: send all of its pieces"
    if setup.problems is None:
        skip = "there are no word problems: make the kit with --data"
    train, validation = setup.problems or (Path(), Path())
    common = {
        "model.path": "embedded:chains" if setup.tiny else setup.model,
        "task.path": train,
        "task.validation_path": validation,
    }
    stages = []
    for name, seconds, shows in (
        ("ei", 150, "as it is, then after 5 steps of expert iteration"),
        ("grpo", 120, "as it is, then after 40 steps of GRPO"),
    ):
        settings = common | (TINY if setup.tiny else {})
        command, summary = _train(setup, f"smollm2-{name}", f"{HERE}/smollm2_{name}.toml", settings)
        what = f"SmolLM2-135M on word problems: {shows}"
        stages.append(Stage(f"smollm2-{name}", what, seconds, command, summary, tables=False, skip=skip))
    return stages


# name: (what it shows, limit in seconds, arguments on a GPU, arguments of a dry run)
BENCHMARKS = {
    "step": (
        "a co-located step of 256 rollouts of 1,024 tokens, Qwen2.5-1.5B's shape, memory beside the plan",
        150,
        "benchmarks.step --shape qwen2.5-1.5b-long --steps 1 --pairs 1",
        "benchmarks.step --shape smoke --steps 1 --pairs 1 --quick",
    ),
    "training": (
        "an update on 64 responses of 1,024 tokens: share of the measured product rate",
        60,
        "benchmarks.training --shape qwen2.5-1.5b --pairs 2 --quick",
        "benchmarks.training --shape smoke --sequences 16 --quick",
    ),
    "rollout": (
        "1,024 rollouts of 128 tokens beside transformers' generate",
        100,
        "benchmarks.rollout --shape qwen2.5-1.5b --quick --pairs 2 --tokens 128 --batches 512,1024 --stops-by",
        "benchmarks.rollout --shape smoke --quick --tokens 4 --stops-by",
    ),
    "scoring": (
        "log-probs of 4,096 tokens at a vocabulary of 151,936 beside whole logits",
        90,
        "benchmarks.scoring --shape qwen2.5-1.5b --dtype bfloat16 --pairs 1",
        "benchmarks.scoring --shape smoke --quick",
    ),
    "profile": (
        "kernels, launches and waiting of a decode step and an update",
        75,
        "benchmarks.profiling --shape qwen2.5-1.5b",
        "benchmarks.profiling --shape smoke --tokens 2",
    ),
    "machine": (
        "matrix products and memory reads",
        40,
        "benchmarks.machine --shape qwen2.5-1.5b",
        "benchmarks.machine --shape smoke --quick",
    ),
}


def _benchmarks(setup: Setup) -> list[Stage]:
    stages = []
    for name, (shows, seconds, full, tiny) in BENCHMARKS.items():
        words = (tiny if setup.tiny else full).split()
        if words[-1] == "--stops-by":
            words.append("end token")
        command = (setup.python, "-m", *words, "--device", setup.device, "--json", str(setup.lines))
        summary: tuple[str, ...] = ()
        if name == "step":  # says nothing of itself before its end
            command += ("--keep", str(setup.work / name))
            summary = _summary(setup, name, str(setup.work / name / "run"))
        stages.append(Stage(name, shows, seconds, command, summary))
    return stages
