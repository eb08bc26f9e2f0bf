"""What one step of a run is made of, as far as memory and time depend on it: rows, packs, rounds of sampling."""

from __future__ import annotations

from dataclasses import dataclass, replace

from verigrad.config import Config
from verigrad.config.rows import CHOICES
from verigrad.plan.machines import CONTEXT, Machine
from verigrad.plan.shapes import Shape

# Multiples of the kernels: flat rows and slots, own tokens of a slot, tokens of a prompt's place; rows of one block.
ROWS, OWN, PROMPT, BLOCK = 64, 8, 16, 16
# Of verigrad.policy.pack.token_budget.
CPU_BUDGET, LEAST_BUDGET, MOST_BUDGET = 4096, 1024, 65536


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of a prompt and of a response."""

    prompt: int
    response: int

    @property
    def total(self) -> int:
        return self.prompt + self.response


@dataclass(frozen=True, slots=True)
class Pack:
    """The first micro-batch of an update, of `rows` responses to `prompts` different prompts.

    There are `count` of them, of which the last has `last` rows (0: as many as the first). Rows of one question share
    its prompt, which is then a sequence of its own.
    """

    rows: int
    prompts: int
    lengths: Lengths
    count: int = 1
    last: int = 0

    @property
    def following(self) -> Pack:
        """The micro-batch after the first: as large, unless it is the last one."""
        if self.count > 2 or not self.last:
            return self
        return replace(self, rows=self.last, prompts=max(1, self.prompts * self.last // self.rows))

    @property
    def shares(self) -> bool:
        return self.prompts < self.rows

    @property
    def tokens(self) -> int:
        """Flat tokens that the layers see."""
        return rounded(self.prompts * self.lengths.prompt + self.rows * self.lengths.response, ROWS)

    @property
    def trained(self) -> int:
        """Tokens that are predicted."""
        return self.rows * self.lengths.response

    @property
    def sequences(self) -> int:
        """Rows of the attention product."""
        return self.rows + (self.prompts if self.shares else 0)

    @property
    def asking(self) -> int:
        """Most own tokens of a sequence."""
        return max(self.lengths.prompt, self.lengths.response) if self.shares else self.lengths.total

    @property
    def width(self) -> int:
        """Tokens of the longest sequence."""
        return self.lengths.total


@dataclass(frozen=True, slots=True)
class Round:
    """What the sampler is asked for at once: `requests` behind `prompts` prompts, `slots` of them live."""

    requests: int
    group: int
    slots: int
    lengths: Lengths
    temperature: float = 1.0
    truncated: bool = False
    min_tokens: int = 0

    @property
    def live(self) -> int:
        return min(self.slots, self.requests)

    @property
    def prompts(self) -> int:
        """Different prompts that are read together when the first rows begin."""
        return -(-self.live // self.group)


def width_of(dtype: str) -> int:
    """Bytes of a number of this type."""
    return 2 if dtype == "bfloat16" else 4


def compute_type(config: Config) -> str:
    """The type of the layers' products."""
    return config.model.compute if config.model.compute == "bfloat16" else config.model.dtype


def narrowed(config: Config) -> bool:
    """Whether products are made in a narrower type than the weights', so that copies of these are made."""
    return width_of(compute_type(config)) < width_of(config.model.dtype)


def token_budget(shape: Shape, config: Config, machine: Machine) -> int:
    """Tokens of a micro-batch: what is set, else what the trainer will choose when the weights are loaded."""
    if config.algorithm.tokens_per_microbatch:
        return config.algorithm.tokens_per_microbatch
    if machine.is_cpu:
        return CPU_BUDGET
    width = width_of(config.model.dtype)
    free = machine.memory - CONTEXT - width * shape.parameters
    per_token = shape.layers * (16 * shape.hidden + 6 * shape.inner) * width
    return max(LEAST_BUDGET, min(MOST_BUDGET, free // 2 // per_token))


def rollouts_of(config: Config) -> int:
    """Rollouts, or demonstrations, of a step; 0 where that depends on the data."""
    return config.algorithm.questions_per_step * config.algorithm.rollouts_per_question


def updates_of(config: Config, mean: Lengths) -> int:
    """Optimiser updates of a step, if every rollout is trained on."""
    algorithm, rollouts = config.algorithm, max(1, rollouts_of(config))
    per_epoch = 1
    if algorithm.sequences_per_update:
        per_epoch = -(-rollouts // algorithm.sequences_per_update)
    elif algorithm.tokens_per_update:
        per_epoch = -(-rollouts * mean.response // algorithm.tokens_per_update)
    return per_epoch * algorithm.epochs


def training_pack(shape: Shape, config: Config, lengths: Lengths, machine: Machine) -> Pack:
    """The largest micro-batch of an update: as many of the longest sequences as its budget holds, one at least."""
    algorithm = config.algorithm
    rollouts = rollouts_of(config)
    in_update = algorithm.sequences_per_update or rollouts
    if algorithm.tokens_per_update and not algorithm.sequences_per_update:
        in_update = max(1, algorithm.tokens_per_update // lengths.response)
    in_update = min(in_update, rollouts) if rollouts else in_update
    rows = max(1, token_budget(shape, config, machine) // lengths.total)
    rows = min(rows, in_update) if in_update else rows
    return _pack(rows, algorithm.rollouts_per_question, lengths, max(rows, in_update))


def scoring_pack(shape: Shape, config: Config, lengths: Lengths, machine: Machine) -> Pack:
    """The largest pack of a step's rollouts that are scored; those that are only watched come from all questions."""
    algorithm, rollouts = config.algorithm, rollouts_of(config)
    rows = max(1, token_budget(shape, config, machine) // lengths.total)
    group = algorithm.rollouts_per_question
    if not scores_all(config):
        rollouts = min(rollouts, algorithm.scored_rollouts)
        group = max(1, min(group, rollouts // max(1, algorithm.questions_per_step)))
    rows = min(rows, rollouts) if rollouts else rows
    return _pack(rows, group, lengths, rows)


def scores_all(config: Config) -> bool:
    """Whether a step's loss needs scores of every rollout: old log-probs, a reference's, or values."""
    algorithm = config.algorithm
    reads_old = CHOICES["loss"][algorithm.loss].ratio and not algorithm.one_update
    other = algorithm.importance_limit or CHOICES["credit"][algorithm.credit].scores
    return bool(reads_old or needs_reference(config) or other)


def needs_reference(config: Config) -> bool:
    """Whether a divergence to a reference policy is taken."""
    return bool(config.algorithm.divergence.in_reward or config.algorithm.divergence.in_loss)


def training_round(config: Config, lengths: Lengths) -> Round | None:
    """The sampling of a step; None where responses are given."""
    if config.algorithm.source != "policy":
        return None
    sampler = config.sampler
    return Round(
        rollouts_of(config),
        config.algorithm.rollouts_per_question,
        sampler.slots,
        lengths,
        sampler.temperature,
        sampler.top_p < 1 or sampler.top_k > 0,
        sampler.min_tokens,
    )


def evaluation_rounds(config: Config, lengths: Lengths) -> list[Round]:
    """The sampling of an evaluation: sampled, and greedy where that is asked for."""
    settings, slots = config.eval, config.sampler.slots
    budget = Lengths(lengths.prompt, settings.max_tokens or lengths.response)
    problems = settings.problems or slots  # 0 is all of a set whose size is not known here
    least = min(config.sampler.min_tokens, budget.response)
    truncated = settings.top_p < 1
    kinds = [(settings.samples, settings.temperature)] + [(1, 0.0)] * settings.greedy
    return [Round(problems * n, n, slots, budget, temperature, truncated, least) for n, temperature in kinds]


def rounded(count: int, multiple: int) -> int:
    """The next multiple."""
    return -(-count // multiple) * multiple


def _pack(rows: int, group: int, lengths: Lengths, in_update: int) -> Pack:
    return Pack(rows, -(-rows // group), lengths, -(-in_update // rows), in_update % rows)
