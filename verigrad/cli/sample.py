"""`verigrad sample`: put questions to models and read what they say."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from verigrad.algorithms import make_prompts, make_requests
from verigrad.data import load_template
from verigrad.errors import ConfigError
from verigrad.policy import Policy
from verigrad.samplers import LocalSampler
from verigrad.types import Problem, SamplingParams


def sample(
    models: Sequence[str],
    questions: Sequence[str],
    *,
    template: str,
    temperature: float,
    samples: int,
    max_tokens: int,
    seed: int,
) -> int:
    """Prints each model's responses side by side, a row per question and sample."""
    if samples < 1 or max_tokens < 1 or temperature < 0:
        raise ConfigError("--n and --max-tokens must be 1 or more, and --temperature 0 or more")
    shape = load_template(template)
    params = SamplingParams(temperature=temperature, max_tokens=max_tokens, stop=("</answer>",))
    answers: dict[tuple[int, int], list[str]] = {}
    for model in models:
        policy = Policy.load(model)
        problems = [Problem(id=str(place), question=text, answer="") for place, text in enumerate(questions)]
        prompts = make_prompts(problems, lambda problem: shape.render(problem.question), policy.encode_prompt)
        requests = make_requests(prompts, range(len(prompts)), params, rollouts=samples, seed=seed, generation="sample")
        sampler = LocalSampler(policy.model, decode=policy.decode, end_ids=policy.end_ids)
        for completion in sampler.sample(requests):
            key = completion.request.key
            answers.setdefault((key.question, key.rollout), []).append(
                f"{completion.text}  [{completion.stop_reason}, {len(completion.token_ids)} tokens]"
            )
        sampler.close()
    table = Table(show_lines=True)
    for name in ("question", *models):
        table.add_column(name, overflow="fold")
    for place, _ in sorted(answers):
        table.add_row(Text(questions[place]), *[Text(text) for text in answers[place, _]])
    Console().print(table)
    return 0
