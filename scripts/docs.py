"""Writes the generated pages of docs/: `python scripts/docs.py`. With --check, exits 1 where one is stale instead."""

from __future__ import annotations

import sys
from pathlib import Path

from verigrad.cli import settings

DOCS = Path(__file__).parent.parent / "docs"


def pages() -> dict[Path, str]:
    """Each generated page: where it is, and what it must hold."""
    return {DOCS / "config.md": settings.page()}


def main(check: bool) -> int:
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if check:
        for path in stale:
            print(f"{path.name} is stale: run `make docs`")
        return 1 if stale else 0
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    print(f"docs: {len(pages())} generated pages, {len(stale)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
