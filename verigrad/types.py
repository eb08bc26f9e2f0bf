"""The nouns of the road, in its order. Each is frozen, and each contains the one before.

    Problem → Prompt → Completion → Rollout → ScoredRollout → Trajectory → Sample

Axis words used throughout: *tokens* (one sequence, or several laid end to end), *response* (the sampled
tokens of one sequence), *rollouts* (of one question, a `Group`), *questions* (of one step).
Log-probs are natural logarithms (nats). Per-token streams are tuples of equal length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar


@dataclass(frozen=True, slots=True)
class Problem:
    """A question whose answer can be checked.

    `solution` is a worked solution where the source has one, else "". `details` holds what only this source
    knows (subject, level, a generator's own record) and is never read by the training loop.
    """

    id: str
    question: str
    answer: str
    solution: str = ""
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A problem as the model sees it: the template filled in, and its token ids.

    `template_tokens` is how many of the first ids stem from the template alone (worked examples, a system prompt), and
    so stand in front of every question: a sampler may run them once for all.
    """

    problem: Problem
    text: str
    token_ids: tuple[int, ...]
    template_tokens: int = 0


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """From which distribution tokens are drawn, and when an episode ends.

    temperature 0 means greedy. Before `min_tokens` tokens the end token is impossible and no stop string ends the
    episode. A stop string ends it when the decoded text contains it, also when it ends inside a token.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_tokens: int = 0
    max_tokens: int = 1024
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamKey:
    """Names the random stream of one rollout: the same key gives the same tokens from the same policy.

    `generation` counts generations within a run: sampling for a step, its refills, an evaluation each have their own.
    """

    seed: int
    generation: str
    question: int
    rollout: int

    def seed64(self) -> int:
        """64 bits that identify the stream, the same on every machine."""
        text = f"{self.seed}/{self.generation}/{self.question}/{self.rollout}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class Request:
    """One rollout to be drawn. Requests with equal prompt ids may share their prefill."""

    prompt: Prompt
    params: SamplingParams
    key: StreamKey


class StopReason(StrEnum):
    """Why an episode ended. `LENGTH` is truncated; the other two are finished."""

    END_TOKEN = "end_token"
    STOP_STRING = "stop_string"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Completion:
    """One episode as it was sampled: the request, and the ids that were drawn, the end token included.

    `text` is what is graded: the decoded ids, without the end token, cut after a stop string. `sampler_logprobs` are
    those of the distribution that was really sampled (after temperature, masks and top-p), one per id; they are
    empty where they are not known, since the response was not sampled but given (a demonstration, a script).
    `policy_version` is the training step whose weights drew it, −1 for a demonstration.
    """

    request: Request
    token_ids: tuple[int, ...]
    sampler_logprobs: tuple[float, ...]
    text: str
    stop_reason: StopReason
    policy_version: int

    @property
    def prompt(self) -> Prompt:
        return self.request.prompt

    @property
    def problem(self) -> Problem:
        return self.request.prompt.problem


class Status(StrEnum):
    """A verifier's verdict. `TIMEOUT` and `ERROR` are the verifier's own failures, not wrong answers."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSABLE = "unparsable"
    TIMEOUT = "timeout"
    ERROR = "error"

    @property
    def failed(self) -> bool:
        """Whether the verifier, rather than the response, is at fault."""
        return self in (Status.TIMEOUT, Status.ERROR)


@dataclass(frozen=True, slots=True)
class Grade:
    """What the verifier says of one response. `reward` is what is trained on; its parts are reported apart.

    `extracted` is the answer found in the response ("" if none); `reason` a short code, for instance "string",
    "number", "symbolic" for a match, "format", "mismatch", "limit" for none. `parts` holds the name and reward of each
    part of a composed reward; it is empty for a single verifier.
    """

    reward: float
    format_reward: float
    answer_reward: float
    status: Status
    extracted: str = ""
    reason: str = ""
    parts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Rollout:
    """A graded completion."""

    completion: Completion
    grade: Grade


@dataclass(frozen=True, slots=True)
class ScoredRollout:
    """A rollout with what the trainer computed of it: named per-response-token streams, only those that are needed.

    Names: `entropy`, and for rows that need them `old_logprobs`, `reference_logprobs`, `values` (V before the token),
    `baseline` (b given from outside), `rewards` (per token, after shaping).
    """

    rollout: Rollout
    scores: Mapping[str, tuple[float, ...]]


R = TypeVar("R", covariant=True)


@dataclass(frozen=True, slots=True)
class Group(Generic[R]):
    """The rollouts of one question. Groups are a type, so that no stride can mix them up."""

    prompt: Prompt
    rollouts: tuple[R, ...]

    def __iter__(self) -> Iterator[R]:
        return iter(self.rollouts)

    def __len__(self) -> int:
        return len(self.rollouts)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What the trainer sees of one sequence, whatever it came from: a flat stream of equal-length token arrays.

    `sampled` marks the tokens that the policy itself drew, its end token or stop string included: those are trained.
    `advantages` is 0 elsewhere. `streams` holds further per-token arrays by name (`sampler_logprobs`,
    `old_logprobs`, …), also 0 elsewhere. `temperature` and `min_tokens` say which distribution was sampled, so that the
    scorer scores that one.
    """

    token_ids: tuple[int, ...]
    sampled: tuple[bool, ...]
    advantages: tuple[float, ...]
    streams: Mapping[str, tuple[float, ...]]
    temperature: float
    min_tokens: int

    def __post_init__(self) -> None:
        lengths = {len(self.token_ids), len(self.sampled), len(self.advantages)}
        lengths |= {len(stream) for stream in self.streams.values()}
        assert len(lengths) == 1, f"streams of unequal length: {sorted(lengths)}"
        assert not self.sampled[0], "the first token has no log-prob: nothing precedes it"


@dataclass(frozen=True, slots=True)
class Sample:
    """A trajectory with its normaliser's weight per token: the step's loss is the sum of weight × token loss."""

    trajectory: Trajectory
    weights: tuple[float, ...]
