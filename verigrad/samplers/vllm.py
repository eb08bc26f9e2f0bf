"""vLLM's offline engine as a sampler, in the trainer's process.

Every rollout is a request with its own seed; the engine's prefix cache holds a prompt's keys and values once for the
rollouts of its question. Weights come by `load`: they are copied into the engine's own model, and the prefix cache,
which belongs to the old ones, is emptied. Log-probs are *processed* ones: of the distribution that is sampled from.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from verigrad.config.schema import Vllm
from verigrad.errors import ConfigError, NonFiniteError, SamplerDrift
from verigrad.samplers.stopping import Decode, EndTable, first_end
from verigrad.tasks.prompts import check_context
from verigrad.types import Completion, Request

# What pyproject's extra asks for; others may work, and the check of log-probs at every step says whether they do.
VERSIONS = "0.32"


class VllmSampler:
    """Samples with vLLM. On CUDA the engine is on GPU 0; `shared` says that the trainer is there too.

    `config` and `generation` are the model's transformers configs, `dtype` the engine's type ("float32", "bfloat16").
    Tokens depend on a request's key and the weights alone, up to rounding that differs with what shares a batch.

    ConfigError where vLLM is not installed, or refuses the model.
    """

    def __init__(
        self,
        config: Any,
        generation: Any,
        tokenizer: Any,
        *,
        decode: Decode,
        end_ids: Collection[int],
        slots: int,
        dtype: str,
        shared: bool,
        settings: Vllm,
    ) -> None:
        vllm = _import(settings)
        self._params: Any = vllm.SamplingParams
        self._final: Any = vllm.sampling_params.RequestOutputKind.FINAL_ONLY
        self._decode, self._end_ids = decode, frozenset(end_ids)
        self._version, self._asleep = -1, False
        self._sleeps = settings.sleep and shared and torch.cuda.is_available()
        with tempfile.TemporaryDirectory(prefix="verigrad-vllm-") as directory:
            for part in (config, generation, tokenizer):
                part.save_pretrained(directory)
            with _live_products(), _own_threads():
                try:
                    self._llm: Any = vllm.LLM(
                        directory,
                        load_format="dummy",  # the weights come by `load`
                        dtype=dtype,
                        max_model_len=-1,  # as many of the model's tokens as the cache can hold
                        max_num_seqs=slots,
                        logprobs_mode="processed_logprobs",
                        enable_prefix_caching=True,
                        enable_sleep_mode=self._sleeps,
                        **_place(settings),
                    )
                    # Some refuse a shape only when they are asked for a token.
                    self._llm.generate({"prompt_token_ids": [0]}, self._params(max_tokens=1), use_tqdm=False)
                except (ValueError, RuntimeError, AssertionError, NotImplementedError) as error:
                    reason = str(error).strip().splitlines() or [type(error).__name__]
                    raise ConfigError(
                        f"sampler.engine = 'vllm': vLLM {vllm.__version__} does not start here: {reason[0]}; "
                        "change sampler.vllm (memory_share, cache_gib), or use sampler.engine = 'local'"
                    ) from error
        self._engine = self._llm.llm_engine
        self._context = int(self._engine.model_config.max_model_len)
        self._may_end = EndTable(config.get_text_config().vocab_size, end_ids, decode)
        self._names = map(str, itertools.count())
        self._inbox: dict[str, deque[tuple[str, Any]]] = {}

    def load(self, version: int, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Copies the weights into the engine, which must not be sampling, and forgets every cached prefix."""
        self._wake()
        self._llm.apply_model(lambda model: self._copy(model, tensors))
        if not self._llm.reset_prefix_cache():
            raise SamplerDrift(
                f"vLLM kept keys and values of the weights before version {version}; "
                "read every completion, or close the generator, before weights are loaded"
            )
        self._version = version

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        waiting = list(requests)
        if not waiting:
            return
        check_context((request.prompt for request in waiting), self._context)
        assert self._version >= 0, "the engine begins with random weights; load some"
        self._wake()
        arrived: deque[tuple[str, Any]] = deque()
        mine: dict[str, Request] = {}
        try:
            for request in waiting:
                name = next(self._names)
                mine[name], self._inbox[name] = request, arrived
                self._engine.add_request(name, {"prompt_token_ids": list(request.prompt.token_ids)}, self._ask(request))
            while mine:
                while not arrived:
                    self._step()
                name, output = arrived.popleft()
                del self._inbox[name]
                yield self._completion(mine.pop(name), output)
        finally:
            self._engine.abort_request(list(mine))
            for name in mine:
                self._inbox.pop(name, None)
            if self._sleeps and not self._inbox and not self._asleep:
                self._llm.sleep(level=1)
                self._asleep = True

    def close(self) -> None:
        self._engine.engine_core.shutdown()

    @staticmethod
    def _copy(model: Any, tensors: Iterable[tuple[str, Tensor]]) -> None:
        model.load_weights(iter(tensors))

    def _wake(self) -> None:
        if self._asleep:
            self._llm.wake_up()
            self._asleep = False

    def _budget(self, request: Request) -> int:
        return min(request.params.max_tokens, self._context - len(request.prompt.token_ids))

    def _ask(self, request: Request) -> Any:
        """What vLLM is asked for. It looks for stop strings from the token after min_tokens on, we from that token on:
        `_completion` cuts what it drew in between.
        """
        params, budget = request.params, self._budget(request)
        return self._params(
            temperature=params.temperature,
            top_p=params.top_p,
            top_k=params.top_k,
            min_tokens=min(params.min_tokens, budget),
            max_tokens=budget,
            stop=list(params.stop),
            stop_token_ids=sorted(self._end_ids),
            include_stop_str_in_output=True,
            skip_special_tokens=False,
            spaces_between_special_tokens=False,
            detokenize=bool(params.stop),
            logprobs=0,  # of the token drawn, and no other
            seed=request.key.seed64() >> 1,
            output_kind=self._final,
        )

    def _step(self) -> None:
        """One more token for every row; what has ended goes to the generation that asked for it."""
        with _uncompiled():
            outputs = self._engine.step()
        for output in outputs:
            if output.finished and output.request_id in self._inbox:
                self._inbox[output.request_id].append((output.request_id, output.outputs[0]))

    def _completion(self, request: Request, output: Any) -> Completion:
        """The episode as our own rules end it; vLLM may have drawn a few tokens more, and never fewer."""
        drawn: Sequence[int] = list(output.token_ids)
        may_end = self._may_end.of(request.params.stop)
        ended = first_end(request, drawn, self._end_ids, self._decode, self._budget(request), may_end)
        if ended is None:
            raise SamplerDrift(
                f"vLLM ended a response to problem {request.prompt.problem.id!r} after {len(drawn)} tokens "
                f"({output.finish_reason}), where no end token, stop string or budget ends it; "
                f"use its version {VERSIONS}"
            )
        count, text, reason = ended
        logprobs = tuple(entry[token].logprob for entry, token in zip(output.logprobs[:count], drawn, strict=False))
        if any(logprob != logprob for logprob in logprobs):
            raise NonFiniteError(
                f"sampling from policy version {self._version}: its logits are not numbers, so its weights have "
                "diverged; lower optimizer.lr, or begin from a sound model"
            )
        if request.params.temperature == 0:
            logprobs = (0.0,) * count  # nothing was drawn: all mass is on the largest logit
        return Completion(request, tuple(drawn[:count]), logprobs, text, reason, self._version)


def _import(settings: Vllm) -> Any:
    """The vllm package, told what it reads from the environment: its engine in this process, quiet, nothing sent."""
    wanted = {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
    }
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    try:
        import vllm
    except ImportError as error:
        raise ConfigError(
            f"sampler.engine = 'vllm': vLLM cannot be imported ({error}); "
            "install verigrad[vllm], or use sampler.engine = 'local'"
        ) from None
    return vllm


def _place(settings: Vllm) -> dict[str, Any]:
    """Engine settings of the machine's kind."""
    if torch.cuda.is_available():
        return {"gpu_memory_utilization": settings.memory_share, "enforce_eager": settings.eager}
    # A prompt taken in pieces moves back its random stream, which the generators of a CPU refuse.
    whole = {"enable_chunked_prefill": False}
    return {"kv_cache_memory_bytes": settings.cache_gib << 30, "enforce_eager": True, **whole}


def _uncompiled() -> AbstractContextManager[Any]:
    """On a CPU a compiled kernel of the engine's log-probs costs 20 s to build and gains nothing."""
    return nullcontext() if torch.cuda.is_available() else torch.compiler.set_stance("force_eager")


@contextmanager
def _live_products() -> Iterator[None]:
    """Products that read the weights as they are, while an engine is built.

    The CPU build packs each weight into a layout of its own as it loads, and what is loaded later reaches part of these
    copies only. On CUDA it packs nothing.
    """
    from vllm.model_executor.layers import utils

    def read_live(layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    packing = utils.dispatch_cpu_unquantized_gemm
    utils.dispatch_cpu_unquantized_gemm = read_live
    try:
        yield
    finally:
        utils.dispatch_cpu_unquantized_gemm = packing


@contextmanager
def _own_threads() -> Iterator[None]:
    """vLLM's CPU worker lowers PyTorch's threads and takes away the function that sets them; both are put back."""
    setter, threads = torch.set_num_threads, torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads = setter
        torch.set_num_threads(threads)
