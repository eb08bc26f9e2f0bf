"""The model card of an exported checkpoint: every number in it is one that the run itself wrote down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import tomli_w

from verigrad.data.hub import SCHEME, HubSource
from verigrad.data.sets import SETS
from verigrad.report.compare import interval_text, sentences
from verigrad.report.read import Record, RunLog, accuracy, number, step_of

ROW = ("select", "credit", "loss", "normalizer")
SIZES = ("steps", "questions_per_step", "rollouts_per_question", "epochs", "sequences_per_update")
QUESTION = "{question}"


def model_card(run: RunLog, step: int, name: str, license_id: str = "") -> str:
    """README.md of the checkpoint of `step`, to be called `name`. Without `license_id` the licence is left open."""
    lines = [
        *_metadata(run, step, name, license_id),
        f"# {name}",
        "",
        f"`{run.setting('model.path')}` trained by `{run.setting('algorithm.name')}` on `{run.setting('task.name')}`, "
        f"with rewards of the verifier `{run.setting('verifier.name')}`: step {step} of "
        f"{run.setting('algorithm.steps')}. Made by Verigrad{_version(run)}.",
        "",
        *_accuracy(run, step),
        *_use(run, step, name),
        *_training(run, step),
        *_versions(run),
        *_licence(run, license_id),
        "## Resolved config",
        "",
        "```toml",
        tomli_w.dumps(dict(run.config)).rstrip(),
        "```",
        "",
    ]
    return "\n".join(lines)


def _metadata(run: RunLog, step: int, name: str, license_id: str) -> Iterator[str]:
    """The card's head, in the hub's words. Values are JSON, which is YAML too."""
    algorithm = str(run.setting("algorithm.name"))
    yield "---"
    if license_id:
        yield f"license: {json.dumps(license_id)}"
    base = str(run.setting("model.path"))
    if _is_hub_id(base):
        yield f"base_model: {json.dumps(base)}"
        if not run.setting("model.lora.rank", 0):
            yield 'base_model_relation: "finetune"'
    yield 'library_name: "transformers"'
    yield 'pipeline_tag: "text-generation"'
    datasets = _hub_sets(run)
    if datasets:
        yield f"datasets: {json.dumps(datasets)}"
    yield f"tags: {json.dumps(['verigrad', algorithm.replace('_', '-'), 'reasoning', 'verifiable-rewards'])}"
    evaluated = _evaluated(run, step)
    share = number(evaluated[-1], "accuracy") if evaluated and step_of(evaluated[-1]) == step else None
    if share is not None:
        yield f"model-index: {json.dumps([_result(run, name, evaluated[-1], share)])}"
    yield "---"
    yield ""


def _result(run: RunLog, name: str, line: Record, share: float) -> Record:
    task = str(line.get("task") or run.setting("task.name"))
    data = {"type": next(iter(_hub_sets(run)), task), "name": task}
    metric = {
        "type": "accuracy",
        "name": f"accuracy, temperature {line.get('temperature')}",
        "value": round(100 * share, 2),
    }
    return {"name": name, "results": [{"task": {"type": "text-generation"}, "dataset": data, "metrics": [metric]}]}


def _evaluated(run: RunLog, step: int) -> list[Record]:
    """The evaluations up to the step."""
    return [line for line in run.evaluations if step_of(line) <= step]


def _accuracy(run: RunLog, step: int) -> Iterator[str]:
    evaluated = _evaluated(run, step)
    yield from ("## Accuracy", "")
    if not evaluated:
        yield from ("The run holds no evaluation up to this step, so that nothing is known of it.", "")
        return
    before, after = evaluated[0], evaluated[-1]
    shown = [before] if before is after else [before, after]
    yield from _table(
        ("step", "accuracy % [95 %]", "greedy % [95 %]", "format %", "mean tokens"),
        [
            (
                f"{step_of(line)}{' (before training)' if step_of(line) == 0 else ''}",
                interval_text(accuracy(line), unit=False),
                interval_text(accuracy(line, "greedy_"), unit=False),
                _percent(number(line, "format_rate")),
                _rounded(number(line, "mean_tokens")),
            )
            for line in shown
        ],
    )
    yield from ("", f"Measured on {_conditions(after)}.")
    if step_of(after) != step:
        yield f"**Step {step} itself was not evaluated**: the last line is of step {step_of(after)}."
    if before is not after:
        yield from sentences(replace(run, evaluations=tuple(evaluated)))
    yield ""


def _conditions(line: Record) -> str:
    """Under what an accuracy was measured."""
    samples = int(number(line, "samples") or 1)
    return (
        f"{int(number(line, 'n') or 0):,} validation problems of {line.get('task')}, "
        f"{samples} response{'s' if samples > 1 else ''} each, temperature {line.get('temperature')}, "
        f"top_p {line.get('top_p')}, at most {line.get('max_tokens')} tokens, template {line.get('template')}, "
        f"verifier {line.get('verifier')}"
    )


def _use(run: RunLog, step: int, name: str) -> Iterator[str]:
    template = _template(run, step)
    if not template:
        return
    stop = list(run.setting("sampler.stop", []))
    ending = f", stop_strings={json.dumps(stop)}, tokenizer=tokenizer" if stop else ""
    yield from ("## Use", "", "It was trained on, and measured with, this prompt:", "", "```python")
    yield "from transformers import AutoModelForCausalLM, AutoTokenizer"
    yield ""
    yield f"PROMPT = {template!r}"
    yield f"tokenizer = AutoTokenizer.from_pretrained({name!r})"
    yield f"model = AutoModelForCausalLM.from_pretrained({name!r})"
    yield f'inputs = tokenizer(PROMPT.replace({QUESTION!r}, "What is 3 + 4 - 2?"), return_tensors="pt")'
    yield f"output = model.generate(**inputs{ending})"
    yield 'print(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :]))'
    yield from ("```", "")
    yield "`generation_config.json` holds the temperature, top_p and token budget of the evaluation above."
    yield ""


def _template(run: RunLog, step: int) -> str:
    """The prompt with {question} in it, read back from a response; "" where none is on disk."""
    for evaluated in reversed([one for one in run.response_steps() if one <= step]):
        for row in run.responses(evaluated):
            prompt, question = str(row.get("prompt")), str(row.get("question"))
            if question and prompt.count(question) == 1:
                return prompt.replace(question, QUESTION)
    return ""


def _training(run: RunLog, step: int) -> Iterator[str]:
    yield from ("## Training", "")
    algorithm = [(f"`algorithm.{key}`", _code(run.setting(f"algorithm.{key}"))) for key in (*SIZES, *ROW)]
    optimizer = [(f"`optimizer.{key}`", _code(run.setting(f"optimizer.{key}"))) for key in ("lr", "betas", "clip_norm")]
    sampling = [
        (f"`sampler.{key}`", _code(run.setting(f"sampler.{key}")))
        for key in ("engine", "temperature", "top_p", "min_tokens", "max_tokens", "stop")
    ]
    lora = run.setting("model.lora.rank", 0)
    adapters = [("adapters (LoRA)", f"rank {lora}, alpha {run.setting('model.lora.alpha')}")] if lora else []
    precision = [(f"`model.{key}`", _code(run.setting(f"model.{key}"))) for key in ("dtype", "compute")]
    rows = [*algorithm, *optimizer, *sampling, *precision, *adapters, *_cost(run, step)]
    yield from _table(("", ""), rows)
    yield ""


def _cost(run: RunLog, step: int) -> Iterator[tuple[str, str]]:
    """What was spent up to the step."""
    done = [line for line in run.steps if step_of(line) <= step]
    if not done:
        return
    last = done[-1]
    for key, what in (("rollouts_seen", "rollouts seen"), ("tokens_seen", "tokens sampled"), ("update", "updates")):
        count = number(last, key)
        if count is not None:
            yield what, f"{int(count):,}"
    seconds = number(last, "seconds")
    if seconds is not None:
        yield "wall clock", _duration(seconds)


def _packages(run: RunLog) -> Record:
    packages = run.environment.get("packages")
    return packages if isinstance(packages, dict) else {}


def _version(run: RunLog) -> str:
    version = _packages(run).get("verigrad")
    return f" {version}" if version else ""


def _versions(run: RunLog) -> Iterator[str]:
    environment = run.environment
    named = {"python": environment.get("python"), **_packages(run)}
    machine = {key: environment.get(key) for key in ("gpu", "processor", "cpus", "threads", "git_commit", "started")}
    rows = [(key, str(value)) for key, value in {**named, **machine}.items() if value not in (None, "")]
    if rows:
        yield from ("## Versions and machine", "", *_table(("", ""), rows), "")


def _licence(run: RunLog, license_id: str) -> Iterator[str]:
    yield from ("## Licence", "")
    if license_id:
        yield f"`{license_id}`, as whoever exported it has said."
    else:
        yield f"Not stated. See those of `{run.setting('model.path')}` and of the training data."
    yield ""


def _is_hub_id(path: str) -> bool:
    return path.count("/") == 1 and path[0] not in "./~" and not Path(path).exists()


def _hub_sets(run: RunLog) -> list[str]:
    """Ids of the hub data sets that were trained on."""
    given, named = str(run.setting("task.path")), SETS.get(str(run.setting("task.name")))
    sources = [given or (named.train if named else ""), str(run.setting("task.demonstrations"))]
    if run.setting("algorithm.source") == "demonstrations" and sources[1] != "solutions":
        sources = sources[1:]
    return [HubSource.parse(source).repo for source in sources if source.startswith(SCHEME)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def _code(value: object) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`".replace("|", "\\|")


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{100 * share:.1f}"


def _rounded(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
