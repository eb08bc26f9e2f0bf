"""Size ratchet: `python scripts/sizes.py` exits 1 where a function is over 60 lines or a file over 350.

A function is counted from its `def` line to its last, docstring included, decorators and comments above it not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

FUNCTION_LINES = 60
FILE_LINES = 350
FOLDERS = ("verigrad", "scripts")


def offenders(path: Path) -> Iterator[str]:
    """One line per function or file that is too long."""
    source = path.read_text(encoding="utf-8")
    lines = len(source.splitlines())
    if lines > FILE_LINES:
        yield f"{path}:1: file has {lines} lines, more than {FILE_LINES}"
    for node in ast.walk(ast.parse(source, filename=str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {lines} lines, more than {FUNCTION_LINES}"


def main(folders: Sequence[str]) -> int:
    paths = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    found = [line for path in paths for line in offenders(path)]
    print("\n".join([*found, f"sizes: {len(paths)} files, {len(found)} too long"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or FOLDERS))
