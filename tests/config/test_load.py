"""From TOML and overrides to a config; every fault is one line with value, rule and remedy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigrad.config import ROWS, build, differences, dump, load, nearest, parse_overrides, settings
from verigrad.errors import ConfigError, DataError


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "first.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_an_empty_file_is_the_default_run(write):
    config = load(write(""))
    assert config.run.dir == "runs/first"
    assert config.algorithm.name == "expert_iteration"
    assert (config.algorithm.steps, config.algorithm.rollouts_per_question) == (5, 8)
    assert config.eval.max_tokens == config.sampler.max_tokens == 1024


def test_overrides_win_over_the_file_and_the_file_over_the_row(write):
    path = write("[algorithm]\nsteps = 7\nepochs = 2\n[run]\nseed = 1")
    config = load(path, ["--algorithm.steps", "9", "--sampler.temperature=0.5", "--model.path", "my/model"])
    assert (config.algorithm.steps, config.algorithm.epochs, config.run.seed) == (9, 2, 1)
    assert config.algorithm.rollouts_per_question == ROWS["expert_iteration"]["rollouts_per_question"]
    assert (config.sampler.temperature, config.model.path) == (0.5, "my/model")


def test_an_override_may_open_a_new_table_and_reach_into_params(write):
    config = load(write("[task.params]\nmin_terms = 2"), ["--task.params.max_terms", "4", "--eval.problems", "8"])
    assert config.task.params == {"min_terms": 2, "max_terms": 4}
    assert config.eval.problems == 8


def test_the_token_budget_of_evaluation_follows_the_samplers():
    assert build({"sampler": {"max_tokens": 64}}).eval.max_tokens == 64
    assert build({"sampler": {"max_tokens": 64}, "eval": {"max_tokens": 32}}).eval.max_tokens == 32


def test_building_does_not_change_what_it_is_given():
    tables = {"run": {"seed": 1}}
    build(tables)
    assert tables == {"run": {"seed": 1}}


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["--run.seed", "3"], {"run.seed": 3}),
        (["--run.seed=3"], {"run.seed": 3}),
        (["--optimizer.lr", "1e-5"], {"optimizer.lr": 1e-5}),
        (["--eval.greedy", "false"], {"eval.greedy": False}),
        (["--sampler.stop", '["</answer>", "END"]'], {"sampler.stop": ["</answer>", "END"]}),
        (["--model.path", "Qwen/Qwen2.5-Math-1.5B"], {"model.path": "Qwen/Qwen2.5-Math-1.5B"}),
        (["--task.path=a=b.jsonl"], {"task.path": "a=b.jsonl"}),
        (["--run.seed", "1", "--run.seed", "2"], {"run.seed": 2}),
        ([], {}),
    ],
)
def test_override_words(words, values):
    assert parse_overrides(words) == values


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run.seed", "3"], "'run.seed': not an override; write --section.key value"),
        (["--seed", "3"], "'--seed': not an override; write --section.key value"),
        (["--run.seed"], "--run.seed: a value is missing; write --run.seed VALUE"),
    ],
)
def test_words_that_are_no_overrides(words, message):
    with pytest.raises(ConfigError) as caught:
        parse_overrides(words)
    assert str(caught.value) == message


def test_files_that_are_no_configs(write, tmp_path):
    with pytest.raises(DataError, match=r"absent\.toml: no such config file; give the path of a TOML file"):
        load(tmp_path / "absent.toml")
    with pytest.raises(DataError, match="cannot be read as text"):
        load(tmp_path)
    with pytest.raises(ConfigError, match=r"first\.toml: not valid TOML: "):
        load(write("run = {"))


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"run": {"sed": 1}}, "unknown key run.sed: did you mean 'seed'? known: dir, seed, "),
        ({"samplr": {}}, "unknown key samplr: did you mean 'sampler'? known: run, model, task, "),
        (
            {"algorithm": {"selection": {"duplicate": "drop"}}},
            "unknown key algorithm.selection.duplicate: did you mean",
        ),
        ({"run": {"seed": "x"}}, "run.seed = 'x': input should be a valid integer"),
        ({"run": {"checkpoint_every": 0}}, "run.checkpoint_every = 0: input should be greater than or equal to 1"),
        ({"optimizer": {"lr": float("nan")}}, "optimizer.lr = nan: input should be a finite number"),
        ({"model": {"dtype": "float16"}}, "model.dtype = 'float16': input should be 'float32' or 'bfloat16'"),
        ({"run": 3}, "run = 3: a section is needed; write [run]"),
        ({"algorithm": {"name": "expert_iterations"}}, "did you mean 'expert_iteration'? known: sft, expert_iteration"),
        ({"algorithm": {"name": "zzz"}}, "algorithm.name = 'zzz': known: sft, expert_iteration"),
        ({"run": {"sed": 1, "seed": "x"}}, "; "),
    ],
)
def test_faults_name_key_value_and_rule_in_one_line(tables, message):
    with pytest.raises(ConfigError) as caught:
        build(tables)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_value_is_named(monkeypatch):
    monkeypatch.setitem(ROWS, "bare", {"steps": 1})
    with pytest.raises(ConfigError, match="algorithm.rollouts_per_question: a value is missing"):
        build({"algorithm": {"name": "bare"}})


def test_an_override_cannot_reach_below_a_value(write):
    with pytest.raises(ConfigError, match="model.path.x: path is a value, not a section"):
        load(write('[model]\npath = "a"'), ["--model.path.x", "1"])


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"sampler": {"temperature": 0}}, "sampler.temperature = 0: greedy rollouts are all equal; use a temperature"),
        ({"sampler": {"top_p": 0.9}}, "sampler.top_p = 0.9, sampler.top_k = 0: training samples from the whole"),
        ({"sampler": {"top_k": 40}}, "use top_p = 1 and top_k = 0"),
        ({"algorithm": {"questions_per_step": 0}}, "algorithm.questions_per_step = 0: sampling needs 1 or more"),
        (
            {"algorithm": {"scored_rollouts": 0}, "sampler": {"engine": "vllm"}},
            "algorithm.scored_rollouts = 0 with sampler.engine = 'vllm': they show that the engine holds the trainer's",
        ),
        ({"algorithm": {"name": "sft"}}, "task.demonstrations is empty: sft needs a JSONL of responses"),
        ({"sampler": {"min_tokens": 9, "max_tokens": 8}}, "sampler.min_tokens = 9 is above sampler.max_tokens = 8"),
        ({"optimizer": {"schedule": "cosine"}}, "needs optimizer.schedule_updates above warmup_steps = 0; it is 0"),
    ],
)
def test_rules_across_keys(tables, message):
    with pytest.raises(ConfigError) as caught:
        build(tables)
    assert message in str(caught.value)


def test_rules_across_keys_leave_the_valid_neighbours_alone():
    sft = {"algorithm": {"name": "sft", "questions_per_step": 0}, "task": {"demonstrations": "d.jsonl"}}
    assert build({**sft, "sampler": {"temperature": 0, "top_p": 0.9}}).algorithm.source == "demonstrations"
    engine = {"sampler": {"engine": "vllm"}}
    assert build({**engine, "algorithm": {"scored_rollouts": 64}}).algorithm.scored_rollouts == 64
    assert build({"sampler": {"min_tokens": 8, "max_tokens": 8}}).sampler.min_tokens == 8
    cosine = {"optimizer": {"schedule": "cosine", "warmup_steps": 5, "schedule_updates": 6}}
    assert build(cosine).optimizer.schedule_updates == 6


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "run": st.fixed_dictionaries({"seed": st.integers(-(2**62), 2**62), "dir": st.text(min_size=1)}),
            "task": st.fixed_dictionaries({"params": st.dictionaries(st.text(), st.integers(0, 9) | st.text())}),
            "optimizer": st.fixed_dictionaries({"lr": st.floats(1e-9, 1.0), "betas": st.just((0.9, 0.99))}),
            "sampler": st.fixed_dictionaries({"stop": st.lists(st.text(min_size=1), max_size=3)}),
        },
    )
)
def test_what_is_dumped_loads_to_an_equal_config(tmp_path_factory, tables):
    config = build(tables)
    path = tmp_path_factory.mktemp("dump") / "config.toml"
    path.write_text(dump(config), encoding="utf-8", newline="")
    assert load(path) == config
    assert differences(config, load(path)) == []


def test_differences_are_named_by_key_old_and_new():
    old = build({"run": {"dir": "runs/a", "seed": 0}, "task": {"params": {"max_terms": 3}}})
    new = build({"run": {"dir": "runs/b", "seed": 1}, "task": {"params": {"min_terms": 2}}})
    assert differences(old, new) == [
        "run.seed: 0 → 1",
        "task.params.max_terms: 3 → None",
        "task.params.min_terms: None → 2",
    ]


def test_nearest_gives_the_closest_word_then_all():
    assert nearest("tempature", ["temperature", "top_p"]) == "did you mean 'temperature'? known: temperature, top_p"
    assert nearest("zzz", ["temperature", "top_p"]) == "known: temperature, top_p"


def test_every_setting_is_described_and_in_the_resolved_config():
    config = build({}).model_dump()
    rows = settings()
    assert len({key for key, *_ in rows}) == len(rows)
    for key, kind, _, description in rows:
        assert kind
        assert description.endswith("."), f"{key}: a description is a sentence"
        value = config
        for part in key.split("."):
            value = value[part]
        assert value is not None


# Files over other files


def test_a_file_is_laid_over_its_base_table_by_table(write):
    write("[run]\nseed = 3\n[task.params]\nmin_terms = 2\n[sampler]\nstop = ['a', 'b']\nmax_tokens = 9", "low.toml")
    path = write("base = 'low.toml'\n[task.params]\nmax_terms = 4\n[sampler]\nstop = ['c']", "first.toml")
    config = load(path, ["--run.seed", "5"])
    assert config.task.params == {"min_terms": 2, "max_terms": 4}
    assert (config.sampler.stop, config.sampler.max_tokens) == (("c",), 9), "a list is one setting"
    assert (config.run.seed, config.run.dir) == (5, "runs/first")
    assert load(path).run.seed == 3
    assert "base" not in dump(config)


def test_bases_may_have_bases_and_later_ones_win(write, tmp_path):
    (tmp_path / "deep").mkdir()
    write("[run]\nseed = 1\n[eval]\nproblems = 1\nsamples = 1", "deep/lowest.toml")
    write("base = 'lowest.toml'\n[run]\nseed = 2\n[eval]\nproblems = 2", "deep/low.toml")
    write("[run]\nseed = 3", "other.toml")
    config = load(write("base = ['deep/low.toml', 'other.toml']\n[eval]\nevery = 7"))
    assert (config.run.seed, config.eval.problems, config.eval.samples, config.eval.every) == (3, 2, 1, 7)
    config = load(write("base = ['other.toml', 'deep/low.toml']"))
    assert config.run.seed == 2


def test_overlays_are_laid_over_the_file_with_their_own_bases_and_options_win(write, tmp_path):
    write("[eval]\nproblems = 8\n[run]\nseed = 8", "low.toml")
    over = write("base = 'low.toml'\n[run]\nseed = 9", "over.toml")
    last = write("[run]\nthreads = 2\nseed = 10", "last.toml")
    path = write("[run]\nseed = 1\n[eval]\nproblems = 1\nevery = 3")
    config = load(path, overlays=[over])
    assert (config.run.seed, config.eval.problems, config.eval.every) == (9, 8, 3)
    assert config.run.dir == "runs/first", "named by the file, not by what is laid over it"
    config = load(path, ["--run.threads", "4"], [over, str(last)])
    assert (config.run.seed, config.run.threads, config.eval.problems) == (10, 4, 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base = 3", "first.toml: base = 3: must be the path of a config file or a list of them; write base ="),
        ("base = ''", "base = '': must be the path of a config file"),
        ("base = ['a.toml', 1]", "base = ['a.toml', 1]: must be the path of a config file"),
        ("base = 'first.toml'", "its base leads back to itself (first.toml → first.toml); remove one of these"),
        ("base = 'round.toml'", "its base leads back to itself (first.toml → round.toml → first.toml)"),
        ("base = 'absent.toml'", "first.toml: base: "),
        ("base = 'absent.toml'", "absent.toml: no such config file"),
        ("base = 'bad.toml'", "bad.toml: not valid TOML"),
    ],
)
def test_bases_that_cannot_be_read_are_one_line(write, text, message):
    write("base = 'first.toml'", "round.toml")
    write("run = {", "bad.toml")
    with pytest.raises((ConfigError, DataError)) as caught:
        load(write(text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_ways_to_one_base_are_no_circle(write):
    write("[run]\nseed = 4", "low.toml")
    write("base = 'low.toml'", "left.toml")
    write("base = 'low.toml'", "right.toml")
    assert load(write("base = ['left.toml', 'right.toml']")).run.seed == 4
