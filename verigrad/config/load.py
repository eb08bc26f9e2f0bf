"""From a TOML file and overrides to a `Config`, or to one clear line that says what is wrong."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args, get_origin

import tomli_w
from pydantic import BaseModel, ValidationError

from verigrad.config.files import laid_over, read_config
from verigrad.config.rows import CHOICES, ROWS
from verigrad.config.schema import Algorithm, Config
from verigrad.errors import ConfigError


def load(path: str | Path, overrides: Sequence[str] = (), overlays: Sequence[str | Path] = ()) -> Config:
    """The checked config of a TOML file. `overlays` are further files laid over it, later ones last; `overrides`,
    `--section.key value` words from the command line, win over all of them.
    """
    return load_with(path, parse_overrides(overrides), overlays)


def load_with(path: str | Path, values: Mapping[str, Any], overlays: Sequence[str | Path] = ()) -> Config:
    """The checked config of a TOML file, `values` ({"section.key": value}) in place of the files' own."""
    path = Path(path)
    tables = read_config(path, [Path(overlay) for overlay in overlays])
    for key, value in values.items():
        _set(tables, key, value)
    return build(tables, default_dir=f"runs/{path.stem}")


def build(tables: Mapping[str, Any], default_dir: str = "runs/run") -> Config:
    """The checked config of nested tables; settings that depend on others are filled in, then checked."""
    try:
        config = Config.model_validate(_resolved(tables, default_dir))
    except ValidationError as error:
        raise ConfigError(explain(error)) from None
    _check_across(config)
    return config


def parse_overrides(words: Sequence[str]) -> dict[str, Any]:
    """`--a.b value` and `--a.b=value` → {"a.b": value}; a value is read as TOML, and as plain text where it is none."""
    values: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or "." not in word:
            raise ConfigError(f"{word!r}: not an override; write --section.key value")
        key, equals, text = word[2:].partition("=")
        if not equals:
            if not rest:
                raise ConfigError(f"{word}: a value is missing; write {word} VALUE")
            text = rest.pop(0)
        values[key] = _value(text)
    return values


def dump(config: Config) -> str:
    """The resolved config as TOML; `load` of it gives an equal config."""
    return tomli_w.dumps(config.model_dump(mode="json"), multiline_strings=False)


def differences(old: Config, new: Config) -> list[str]:
    """The settings that differ, as "section.key: old → new". `run.dir` is where a run is and
    `run.max_minutes` when it rests, not what it is.
    """
    before, after = _flat(old.model_dump(mode="json")), _flat(new.model_dump(mode="json"))
    keys = sorted((before.keys() | after.keys()) - {"run.dir", "run.max_minutes"})
    return [f"{key}: {before.get(key)!r} → {after.get(key)!r}" for key in keys if before.get(key) != after.get(key)]


def settings() -> list[tuple[str, str, str, str]]:
    """Every setting as (key, type, default, description), in the schema's order, for `--help` and the docs."""
    rows: list[tuple[str, str, str, str]] = []

    def visit(model: type[BaseModel], prefix: str) -> None:
        for name, field in model.model_fields.items():
            annotation = cast(Any, field.annotation)
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                visit(annotation, f"{prefix}{name}.")
                continue
            default = "" if field.is_required() else repr(field.get_default(call_default_factory=True))
            kind = annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
            rows.append((f"{prefix}{name}", kind, default, field.description or ""))

    visit(Config, "")
    return rows


def nearest(word: str, known: Sequence[str]) -> str:
    """The remedy for a misspelt word: the closest known one, then all of them."""
    match = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    meant = f"did you mean {match[0]!r}? " if match else ""
    return f"{meant}known: {', '.join(known)}"


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _set(tables: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        tables = tables.setdefault(section, {})
        if not isinstance(tables, dict):
            raise ConfigError(f"{key}: {section} is a value, not a section")
    tables[last] = value


def _resolved(tables: Mapping[str, Any], default_dir: str) -> dict[str, Any]:
    """Fills in what depends on other settings: the row of the algorithm, the run directory, evaluation's budget."""
    resolved = {name: dict(table) if isinstance(table, Mapping) else table for name, table in tables.items()}
    for section in ("run", "algorithm", "eval", "sampler"):
        if not isinstance(resolved.setdefault(section, {}), dict):
            raise ConfigError(f"{section} = {resolved[section]!r}: a section is needed; write [{section}]")
    algorithm = resolved["algorithm"]
    name = algorithm.setdefault("name", "expert_iteration")
    if name not in ROWS:
        raise ConfigError(f"algorithm.name = {name!r}: {nearest(str(name), list(ROWS))}")
    resolved["algorithm"] = laid_over(ROWS[name], algorithm)
    resolved["run"].setdefault("dir", default_dir)
    if resolved["eval"].get("max_tokens") is None and "max_tokens" in resolved["sampler"]:
        resolved["eval"]["max_tokens"] = resolved["sampler"]["max_tokens"]
    resolved["eval"].setdefault("max_tokens", 1024)
    return resolved


def _check_across(config: Config) -> None:
    """Rules that no single key can hold."""
    sampler, optimizer, algorithm = config.sampler, config.optimizer, config.algorithm
    if algorithm.source == "policy":
        if sampler.temperature == 0:
            raise ConfigError("sampler.temperature = 0: greedy rollouts are all equal; use a temperature above 0")
        if sampler.top_p < 1 or sampler.top_k:
            raise ConfigError(
                f"sampler.top_p = {sampler.top_p}, sampler.top_k = {sampler.top_k}: training samples from the whole "
                "distribution, else its log-probs are not the trainer's; use top_p = 1 and top_k = 0"
            )
        if algorithm.questions_per_step == 0:
            raise ConfigError("algorithm.questions_per_step = 0: sampling needs 1 or more questions per step")
        if config.sampler.engine == "vllm" and config.algorithm.scored_rollouts == 0:
            raise ConfigError(
                "algorithm.scored_rollouts = 0 with sampler.engine = 'vllm': they show that the engine holds the "
                "trainer's weights; score 64 or more"
            )
    elif not config.task.demonstrations:
        raise ConfigError(
            "task.demonstrations is empty: sft needs a JSONL of responses; give its path, or 'solutions' for the "
            "training problems' own"
        )
    _check_algorithm(algorithm)
    if config.model.system_prompt and not config.model.chat_template:
        raise ConfigError(
            "model.system_prompt is for a chat template: set model.chat_template = true, or write it into task.template"
        )
    low, high = config.task.pass_rate
    if low > high or (not config.task.profile and (low, high) != (0.0, 1.0)):
        raise ConfigError(
            f"task.pass_rate = [{low:g}, {high:g}] needs low <= high, and task.profile, the path of a profile.jsonl "
            "that `verigrad evaluate CONFIG --profile` writes"
        )
    if sampler.min_tokens > sampler.max_tokens:
        raise ConfigError(
            f"sampler.min_tokens = {sampler.min_tokens} is above sampler.max_tokens = {sampler.max_tokens}; lower it"
        )
    if optimizer.schedule != "constant" and optimizer.schedule_updates <= optimizer.warmup_steps:
        raise ConfigError(
            f"optimizer.schedule = {optimizer.schedule!r} needs optimizer.schedule_updates above warmup_steps "
            f"= {optimizer.warmup_steps}; it is {optimizer.schedule_updates}"
        )


def _check_algorithm(algorithm: Algorithm) -> None:
    """Names that do not exist; combinations from which nothing, or something else than asked for, would be learnt."""
    for key, known in CHOICES.items():
        if getattr(algorithm, key) not in known:
            raise ConfigError(
                f"algorithm.{key} = {getattr(algorithm, key)!r}: {nearest(getattr(algorithm, key), list(known))}"
            )
    group, credit = algorithm.rollouts_per_question, CHOICES["credit"][algorithm.credit]
    if credit.group and group == 1:
        raise ConfigError(
            f"algorithm.rollouts_per_question = 1 makes every {algorithm.credit} advantage 0, so nothing would be "
            "learnt; use 2 or more, or algorithm.credit = 'reward'"
        )
    if credit.group and algorithm.selection.max_per_question == 1:
        raise ConfigError(
            f"algorithm.selection.max_per_question = 1 makes every {algorithm.credit} advantage 0, so nothing would be "
            "learnt; use 0 or 2 and more, or algorithm.credit = 'reward'"
        )
    if algorithm.select == "signal" and group == 1:
        raise ConfigError(
            "algorithm.select = 'signal' with rollouts_per_question = 1: no group of one has signal; use 2 or more"
        )
    if algorithm.selection.refills and algorithm.select != "signal":
        raise ConfigError(
            f"algorithm.selection.refills = {algorithm.selection.refills} needs algorithm.select = 'signal'; "
            f"it is {algorithm.select!r}"
        )
    if algorithm.source == "demonstrations" and (algorithm.loss != "nll" or algorithm.credit != "one"):
        raise ConfigError(
            f"algorithm.loss = {algorithm.loss!r}, credit = {algorithm.credit!r} on demonstrations: "
            "they were not sampled from the policy; use loss = 'nll' and credit = 'one', or source = 'policy'"
        )
    if algorithm.loss == "nll" and algorithm.credit != "one":
        raise ConfigError(
            f"algorithm.loss = 'nll' ignores the advantages of credit = {algorithm.credit!r}; "
            "use loss = 'policy_gradient', or credit = 'one'"
        )
    if algorithm.source == "demonstrations" and (algorithm.divergence.in_reward or algorithm.importance_limit):
        raise ConfigError("algorithm.divergence.in_reward and importance_limit need sampled responses; set them to 0")


def advice(config: Config) -> list[str]:
    """Settings that are valid but do nothing, or not what their names say; one line each."""
    algorithm = config.algorithm
    credit, loss = CHOICES["credit"][algorithm.credit], CHOICES["loss"][algorithm.loss]
    lines = []
    if config.model.chat_template and config.task.template in ("tiny", "r1_zero", "r1_zero_three_shot"):
        lines.append(
            f"task.template = {config.task.template!r} ends in the assistant's <think>, which model.chat_template puts "
            "into the user's turn; use question_only with verifier.name = 'boxed', or a template of your own"
        )
    if algorithm.one_update and loss.limits:
        lines.append(
            f"one update per batch of rollouts: the ratio is 1, so {algorithm.loss} limits nothing; "
            "set algorithm.epochs or algorithm.sequences_per_update for more updates"
        )
    if algorithm.select == "correct" and credit.centred:
        lines.append(
            f"select = 'correct' with credit = {algorithm.credit!r}: where every correct response has the same reward, "
            "every advantage is 0; use select = 'all' or 'signal'"
        )
    if algorithm.credit == "maxrl":
        lines += _advice_on_maxrl(algorithm)
    if algorithm.divergence.in_loss and algorithm.divergence.estimator == "k1":
        lines.append("algorithm.divergence: k1 in the loss has expected gradient 0; use k2, k3, or in_reward")
    if algorithm.gamma < 1 and algorithm.credit == "reward_to_go":
        lines.append("reward_to_go with gamma < 1 is the gradient of neither return: biased")
    if algorithm.gae_lambda < 1 and algorithm.credit == "value":
        lines.append(f"gae_lambda = {algorithm.gae_lambda:g}: below 1 the error of V biases the gradient")
    return lines


def _advice_on_maxrl(algorithm: Algorithm) -> list[str]:
    lines = []
    if algorithm.rollouts_per_question == 2:
        lines.append(
            "credit = 'maxrl' with rollouts_per_question = 2: the mean of a right and a wrong answer is always 1/2, so "
            "it is group_mean, doubled; use 3 or more"
        )
    if algorithm.overlong.buffer or algorithm.divergence.in_reward:
        lines.append(
            "credit = 'maxrl' divides by the mean reward of a question, which overlong.buffer and divergence.in_reward "
            "can bring to 0 or below: those questions are not trained on"
        )
    return lines


def explain(error: ValidationError, schema: type[BaseModel] = Config) -> str:
    """A clause per fault: key, value, rule; for an unknown key the nearest known one."""
    lines = []
    for fault in error.errors():
        where = [str(part) for part in fault["loc"]]
        key = ".".join(where)
        if fault["type"] == "extra_forbidden":
            lines.append(f"unknown key {key}: {nearest(where[-1], _keys(schema, where[:-1]))}")
        elif fault["type"] == "missing":
            lines.append(f"{key}: a value is missing")
        else:
            lines.append(f"{key} = {fault['input']!r}: {fault['msg'][:1].lower()}{fault['msg'][1:]}")
    return "; ".join(lines)


def _keys(model: type[BaseModel], sections: Sequence[str]) -> list[str]:
    for section in sections:
        if section.isdigit():  # a place in a list
            continue
        annotation = model.model_fields[section].annotation
        annotation = get_args(annotation)[0] if get_origin(annotation) in (tuple, list) else annotation
        assert isinstance(annotation, type) and issubclass(annotation, BaseModel)
        model = annotation
    return list(model.model_fields)


def _flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
