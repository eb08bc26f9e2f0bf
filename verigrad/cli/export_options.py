"""The options of `verigrad export`; what is heavy is loaded when it runs."""

from __future__ import annotations

import argparse
from pathlib import Path


def declare(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("run", metavar="RUN", type=Path, help="run directory")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="new or empty, or an earlier export")
    parser.add_argument("--step", metavar="N", type=int, help="of which checkpoint (default: the newest)")
    parser.add_argument(
        "--license", metavar="ID", default="", help="licence for the card, e.g. apache-2.0 (default: left open)"
    )


def export(args: argparse.Namespace) -> int:
    """Writes the export."""
    from verigrad.cli import export

    return export.export(args.run, args.out, step=args.step, license_id=args.license)
