"""JSON lines as text, block by block. A line that is no flat JSON object is kept as it stands, as broken."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from tasks.errors import SourceError
from tasks.readers.text_stream import open_text
from tasks.validation.header import Layout
from tasks.validation.row_validation import RawBatch, broken_rows
from tasks.values.notation import Notation

BLOCK_BYTES = 1 << 18
"""What is parsed at a time."""
_LONGEST_LINE = 16 << 20

_Object: TypeAlias = tuple[int, dict[str, Any]]
"""The number of a line, and the object in it."""
_Broken: TypeAlias = tuple[int, str, str]
"""The number of a line, its text, and what is wrong with it."""


class _LineError(ValueError):
    """A line is no flat JSON object."""


def read_json_lines(path: Path, layout: Layout, notation: Notation) -> Iterator[RawBatch]:
    """Return the rows of a JSON lines file, numbered from 1; blank lines are no rows.

    *Raises* `SourceError` for a key that is unknown, or missing in all lines of the first block, and for a line that
    does not end.
    """
    decoder = _decoder(notation)
    n_lines, n_objects = 0, 0
    with open_text(path, notation, BLOCK_BYTES) as blocks:
        for block in _line_blocks(blocks):
            lines = dict(enumerate(block, n_lines + 1))
            objects, broken = _decode(decoder, lines)
            header = list(dict.fromkeys(key for _, row in objects for key in row))
            columns = layout.match(header, may_lack=n_objects > 0 or not objects)
            named = {header[place]: ours for place, ours in columns.items()} or {
                ours: ours for ours in layout.contract.required
            }
            n_lines, n_objects = n_lines + len(lines), n_objects + len(objects)
            yield _batch(objects, broken, named, lines)
    if not n_lines:
        msg = "is empty: expected at least one row"
        raise SourceError(msg)


def _decoder(notation: Notation) -> json.JSONDecoder:
    """Make a decoder that keeps a number digit by digit, as the feed would write it in a text."""

    def as_written(number: str) -> str:
        return number.replace(".", notation.decimal)

    return json.JSONDecoder(
        parse_float=as_written, parse_int=str, parse_constant=str, object_pairs_hook=_object_of_unique_keys
    )


def _object_of_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        msg = "a key stands in it twice"
        raise _LineError(msg)
    return row


def _line_blocks(blocks: Iterator[bytes]) -> Iterator[list[str]]:
    """Return the lines that are not blank, some at a time."""
    rest = b""
    for block in blocks:
        whole, newline, rest = (rest + block).rpartition(b"\n")
        if not newline and len(rest) > _LONGEST_LINE:
            msg = f"has a line of more than {_LONGEST_LINE >> 20} MiB: is it JSON lines, one object a line?"
            raise SourceError(msg)
        yield _not_blank(whole)
    yield _not_blank(rest)


def _not_blank(block: bytes) -> list[str]:
    return [line for line in block.decode().split("\n") if line.strip()]


def _decode(decoder: json.JSONDecoder, lines: dict[int, str]) -> tuple[list[_Object], list[_Broken]]:
    objects, broken = [], []
    for number, line in lines.items():
        try:
            row = decoder.decode(line)
        except (_LineError, RecursionError, json.JSONDecodeError) as error:
            broken.append((number, line.strip(), f"it is no JSON object: {error}"))
            continue
        if isinstance(row, dict):
            objects.append((number, row))
        else:
            broken.append((number, line.strip(), "it is JSON, but no object"))
    return objects, broken


def _batch(objects: list[_Object], broken: list[_Broken], named: dict[str, str], lines: dict[int, str]) -> RawBatch:
    """Put the objects into columns, at once where all values are texts, as nearly always."""
    try:
        return RawBatch(_frame(objects, named), broken_rows(broken))
    except (TypeError, UnicodeEncodeError):
        flat, nested = _flatten(objects, named, lines)
        return RawBatch(_frame(flat, named), broken_rows(sorted(broken + nested)))


def _frame(objects: list[_Object], named: dict[str, str]) -> pl.DataFrame:
    texts = {ours: [row.get(theirs) for _, row in objects] for theirs, ours in named.items()}
    schema = {"row_number": pl.Int32, **dict.fromkeys(texts, pl.String)}
    return pl.DataFrame({"row_number": [number for number, _ in objects], **texts}, schema=schema)


def _flatten(
    objects: list[_Object], named: dict[str, str], lines: dict[int, str]
) -> tuple[list[_Object], list[_Broken]]:
    flat, broken = [], []
    for number, row in objects:
        try:
            flat.append((number, {key: _as_text(key, row[key]) for key in named if key in row}))
        except _LineError as error:
            broken.append((number, lines[number].strip(), str(error)))
    return flat, broken


def _as_text(key: str, value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is not None and not isinstance(value, str):
        msg = f"{key} holds a list or an object, expected one value"
        raise _LineError(msg)
    if value is not None and not value.isprintable() and any("\ud800" <= character <= "\udfff" for character in value):
        msg = f"{key} holds half a character"
        raise _LineError(msg)
    return value
