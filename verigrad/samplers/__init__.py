"""Samplers: the Protocol, and what satisfies it."""

from verigrad.samplers.local import LocalSampler
from verigrad.samplers.protocol import Sampler
from verigrad.samplers.replay import ReplaySampler
from verigrad.samplers.scripted import ScriptedSampler
from verigrad.samplers.vllm import VllmSampler

__all__ = ["LocalSampler", "ReplaySampler", "Sampler", "ScriptedSampler", "VllmSampler"]
