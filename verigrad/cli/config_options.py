"""The words of the commands that take a config; loads nothing heavy."""

from __future__ import annotations

import argparse


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "config", metavar="CONFIG.toml", help="file of settings; every one can be overridden by an option"
    )
    parser.add_argument(
        "--with",
        metavar="FILE.toml",
        action="append",
        default=[],
        dest="overlays",
        help="a further file of settings, laid over the first, e.g. of configs/hardware; may be repeated, later wins",
    )


def declare_evaluate(parser: argparse.ArgumentParser) -> None:
    declare(parser)
    parser.add_argument(
        "--profile",
        action="store_true",
        help="measure the training problems instead, each by itself, and write profile.jsonl (for task.profile)",
    )
