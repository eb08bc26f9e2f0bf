"""Data files: JSON lines, or one JSON list of objects; gzipped where the name ends in .gz."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from verigrad.errors import DataError
from verigrad.tasks.records import Record


def read_records(path: str | Path) -> list[Record]:
    """The records of a file, at least one. What is in the file decides how it is read: a list starts with "["."""
    path = Path(path).expanduser()
    text = _read_text(path)
    rows = _list_items(path, text) if text.lstrip().startswith("[") else _lines(path, text)
    records = [_record(place, value) for place, value in rows]
    if not records:
        raise DataError(f"{path}: there are no records in it; give a file with one JSON object per line")
    return records


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")  # with or without the byte order mark that some tools write
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file; looked for {path.absolute()}; correct the path, which is relative to the current "
            "directory, or download the data first"
        ) from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); give UTF-8 text of JSON lines or a JSON list, gzipped if named .gz"
        ) from None


def _lines(path: Path, text: str) -> Iterator[tuple[str, object]]:
    # Not splitlines(): it also splits at U+2028 and the like, which may stand unescaped inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", _parse(line, f"{path}:{number}")


def _list_items(path: Path, text: str) -> Iterator[tuple[str, object]]:
    items = _parse(text, str(path))
    assert isinstance(items, list), "a JSON text that starts with '[' is a list"
    for index, item in enumerate(items):
        yield f"{path}[{index}]", item


def _parse(text: str, place: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{place}:{error.lineno}" if "\n" in text.strip() else place
        raise DataError(f"{where}: not JSON ({error.msg} at column {error.colno}); correct or remove the row") from None
    except (ValueError, RecursionError) as error:  # an integer of thousands of digits; brackets nested too deep
        raise DataError(f"{place}: cannot be read as JSON ({error}); correct or remove the row") from None


def _record(place: str, value: object) -> Record:
    if not isinstance(value, dict):
        raise DataError(f"{place}: a JSON {type(value).__name__}; each row must be an object with named columns")
    return Record(place, value)
