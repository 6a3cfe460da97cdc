"""JSON lines as text, block by block. A line that is no flat JSON object is kept as it stands, as broken."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from tasks.errors import SourceError
from tasks.feeds import Notation
from tasks.layout import Layout
from tasks.refusals import RawBatch, broken_rows
from tasks.text_blocks import BLOCK_BYTES, Utf8Stream, open_text

_LONGEST_LINE = 4 * BLOCK_BYTES


class _LineError(ValueError):
    """A line is no flat JSON object."""


def read_json_lines(path: Path, layout: Layout, notation: Notation) -> Iterator[RawBatch]:
    """Give the rows of a JSON lines file, numbered from 1; blank lines are no rows.

    *Raises* `SourceError` for a key that is unknown, or missing in all lines of the first block, and for a line that
    does not end.
    """
    decoder = _decoder(notation)
    n_lines, n_good = 0, 0
    with open_text(path, notation.encoding) as text:
        for lines in _line_blocks(text):
            good, broken = _decode(decoder, list(enumerate(lines, n_lines + 1)))
            header = list(dict.fromkeys(key for _, row in good for key in row))
            columns = layout.match(header, may_lack=n_good > 0 or not good)
            named = {header[place]: ours for place, ours in columns.items()} or {
                ours: ours for ours in layout.contract.required
            }
            n_lines, n_good = n_lines + len(lines), n_good + len(good)
            yield RawBatch(_frame(good, named), broken_rows(broken))
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


def _line_blocks(text: Utf8Stream) -> Iterator[list[str]]:
    """Give the lines that are not blank, some at a time."""
    rest = b""
    while block := text.read(BLOCK_BYTES):
        whole, newline, rest = (rest + block).rpartition(b"\n")
        if not newline and len(rest) > _LONGEST_LINE:
            msg = f"has a line of more than {_LONGEST_LINE >> 20} MiB: is it JSON lines, one object a line?"
            raise SourceError(msg)
        yield _not_blank(whole)
    yield _not_blank(rest)


def _not_blank(block: bytes) -> list[str]:
    return [line for line in block.decode().split("\n") if line.strip()]


def _decode(
    decoder: json.JSONDecoder, numbered: list[tuple[int, str]]
) -> tuple[list[tuple[int, dict[str, str | None]]], list[tuple[int, str, str]]]:
    good, broken = [], []
    for number, line in numbered:
        try:
            good.append((number, _flat(decoder.decode(line), may_have_escapes="\\u" in line)))
        except (_LineError, RecursionError, UnicodeEncodeError, json.JSONDecodeError) as error:
            broken.append((number, line.strip(), f"it is no flat JSON object: {error}"))
    return good, broken


def _flat(row: object, *, may_have_escapes: bool) -> dict[str, str | None]:
    """Check one line. *Raises* `UnicodeEncodeError` for half a character, which an escape can write."""
    if not isinstance(row, dict):
        msg = f"it is a {type(row).__name__}"
        raise _LineError(msg)
    for key, value in row.items():
        if isinstance(value, dict | list):
            msg = f"{key} holds a {type(value).__name__}"
            raise _LineError(msg)
    if may_have_escapes:
        "".join(key + str(value) for key, value in row.items()).encode()
    return {key: _as_text(value) for key, value in row.items()}


def _as_text(value: object) -> str | None:
    return ("true" if value else "false") if isinstance(value, bool) else value  # type: ignore[return-value]


def _frame(good: list[tuple[int, dict[str, str | None]]], columns: dict[str, str]) -> pl.DataFrame:
    texts = {ours: [row.get(theirs) for _, row in good] for theirs, ours in columns.items()}
    schema = {"row_number": pl.Int32, **dict.fromkeys(texts, pl.String)}
    return pl.DataFrame({"row_number": [number for number, _ in good], **texts}, schema=schema)
