"""Data files: JSON lines, one JSON list of objects, or CSV, each gzipped where the name ends in .gz; Parquet."""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from verigrad.errors import DataError, UsageError
from verigrad.tasks.records import Record


def read_records(path: str | Path) -> list[Record]:
    """The records of a file, at least one. CSV and Parquet are known by name; a JSON list starts with "["."""
    path = Path(path).expanduser()
    records = [_record(place, value) for place, value in _rows(path)]
    if not records:
        raise DataError(f"{path}: there are no records in it; give a file with one JSON object per line")
    return records


def _rows(path: Path) -> Iterator[tuple[str, object]]:
    if path.suffix == ".parquet":
        return _parquet(path)
    text = _read_text(path)
    if path.name.endswith((".csv", ".csv.gz")):
        return _csv(path, text)
    return _list_items(path, text) if text.lstrip().startswith("[") else _lines(path, text)


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")  # with or without the byte order mark that some tools write
    except FileNotFoundError:
        raise _absent(path) from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); give UTF-8 text of JSON lines or a JSON list, gzipped if named .gz"
        ) from None


def _absent(path: Path) -> DataError:
    return DataError(
        f"{path}: no such file; looked for {path.absolute()}; correct the path, which is relative to the current "
        "directory, or download the data first"
    )


def _csv(path: Path, text: str) -> Iterator[tuple[str, object]]:
    """The first line names the columns; a row is placed by the line that it ends on."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = list(reader.fieldnames or ())
        if len(set(columns)) < len(columns):
            raise DataError(f"{path}:1: two columns have the same name ({', '.join(columns)}); rename one")
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if None in row or None in row.values():
                raise DataError(
                    f"{place}: it has not as many cells as the header has columns ({len(columns)}); "
                    "correct the row; a comma or a line break inside a cell needs quotes around the cell"
                )
            yield place, row
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num + 1}: not CSV ({error}); correct or remove the row") from None


def _parquet(path: Path) -> Iterator[tuple[str, object]]:
    if not path.is_file():
        raise _absent(path)
    try:
        package = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(
            f"{path}: Parquet needs the package pyarrow ({error}); pip install 'verigrad[hub]', or give JSON lines"
        ) from None
    try:
        rows = package.read_table(path).to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's own kinds are of these
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: cannot be read as Parquet ({reason}); give a whole Parquet file") from None
    for index, row in enumerate(rows):
        yield f"{path}[{index}]", row


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
