"""Which format a file has, and its rows as text, in batches of a bounded size whatever the size of the file."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tasks.config.feeds import FormatName
from tasks.errors import SourceError
from tasks.readers.arrow_reader import read_arrow, read_parquet
from tasks.readers.csv_reader import read_csv
from tasks.readers.json_lines_reader import read_json_lines
from tasks.validation.header import Layout
from tasks.validation.row_validation import RawBatch
from tasks.values.notation import Notation

ENDINGS: Mapping[str, FormatName] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""The endings of the files that are read, and what they promise."""

OTHER_ENDINGS = (
    *(".xlsx", ".xls", ".xlsm", ".ods", ".tsv", ".txt", ".json", ".xml", ".zip", ".csv.zip", ".csv.bz2", ".csv.xz"),
    *(".csv.zst", ".parquet.gz", ".CSV", ".XLSX"),
)
"""Endings of data that is not read. A list of restrictions under one of them must not be passed over in silence."""

_READERS: Mapping[FormatName, Callable[[Path, Layout, Notation], Iterator[RawBatch]]] = {
    "csv": read_csv,
    "parquet": read_parquet,
    "jsonl": read_json_lines,
    "arrow": read_arrow,
}


def format_of(name: str) -> FormatName:
    """Return which format the ending of a name promises. *Raises* `SourceError` when none."""
    for ending, promised in ENDINGS.items():
        if name.endswith(ending):
            return promised
    msg = f"has no ending that names its format: expected one of {', '.join(ENDINGS)}, or name its format in feeds"
    raise SourceError(msg)


def read_rows(path: Path, format_name: FormatName, layout: Layout, notation: Notation) -> Iterator[RawBatch]:
    """Return the rows of a file in the order of their numbers.

    *Raises* `SourceError` for a file that cannot be read, whose columns do not fit, or that has no row where its kind
    needs one.
    """
    n_rows = 0
    for batch in _READERS[format_name](path, layout, notation):
        if height := batch.rows.height + batch.broken.height + batch.n_more_broken:
            n_rows += height
            yield batch
    if not n_rows and not layout.contract.may_be_empty:
        msg = "has a header but no rows: expected at least one"
        raise SourceError(msg)
