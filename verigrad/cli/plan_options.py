"""The options of `verigrad plan`; what is heavy is loaded when it runs."""

from __future__ import annotations

import argparse

# The names of verigrad.plan.NAMES, which a test compares.
GPUS = "rtx4090, l4, a10, a100-80gb, h100-80gb, h200-141gb, cpu"


def declare(parser: argparse.ArgumentParser) -> None:
    """Adds the options that are no settings."""
    parser.usage = "verigrad plan CONFIG.toml [--section.key value ...] [--gpu NAME | --memory-gib N] [--json]"
    parser.add_argument("--gpu", metavar="NAME", default="", help=f"{GPUS} (this machine's CPU); default: this machine")
    parser.add_argument("--memory-gib", metavar="N", type=float, default=0.0, help="a GPU of so much memory; no times")
    parser.add_argument(
        "--prompt-tokens", metavar="N", type=int, default=256, help="of the longest prompt (default: %(default)s)"
    )
    parser.add_argument(
        "--response-tokens", metavar="N", type=int, default=0, help="mean, for times (default: half the budget)"
    )
    parser.add_argument("--json", action="store_true", help="all figures as JSON, in bytes and seconds")


def plan(args: argparse.Namespace) -> int:
    """Checks the config and prints its plan."""
    from verigrad.config import load

    config = load(args.config, args.overrides, args.overlays)
    from verigrad.cli import plan

    return plan.plan(
        config,
        gpu=args.gpu,
        memory_gib=args.memory_gib,
        prompt=args.prompt_tokens,
        response=args.response_tokens,
        as_json=args.json,
    )
