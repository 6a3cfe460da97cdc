"""Read the table beside portfolios.yaml that has a set of limits for each portfolio: a row a portfolio, CSV or Parquet.

What does not belong here: what a set of limits is (portfolios.py). No step goes through the rows one by one.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from sizing.names import fault, has_fault
from sizing.text import MOST_NAMED, counted, listed
from sql.files.plain_files import require_file
from tasks.text import have, nearest, shown, unknown

SECTION = "portfolios_file"
LIMIT_SETS = "limit_sets"
COLUMNS = ("portfolio_id", "limit_set")
NO_ROWS = pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
"""Of a config without such a table."""

_MOST_BYTES = 1_000_000_000
"""Largest file that is read: ten million portfolios take a third of it."""
_ROW = "row"
_ENDINGS = (".csv", ".parquet")
_FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What a file raises that is missing, damaged or not UTF-8."""


class PortfoliosFileError(Exception):
    """The table cannot be read at all; why, and what to do."""


def read_portfolios_file(path: Path) -> pl.DataFrame:
    """Return the rows as they are written, with their number: `row, portfolio_id, limit_set`; letters are composed.

    *Raises* `PortfoliosFileError`.
    """
    if path.suffix not in _ENDINGS:
        msg = f"expected a name that ends with {' or '.join(_ENDINGS)}, got {shown(str(path))}"
        raise PortfoliosFileError(msg)
    try:
        rows = _read(path)
    except FileNotFoundError:
        msg = (
            f"{path} is missing: write it, with a row a portfolio, or correct the path, which is relative to this file"
        )
        raise PortfoliosFileError(msg) from None
    except _FAULTS as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        msg = f"{path} cannot be read: {reason}"
        raise PortfoliosFileError(msg) from None
    _require_columns(path, rows)
    if rows.is_empty():
        msg = f"{path} has no row: expected a row a portfolio, or leave {SECTION} out"
        raise PortfoliosFileError(msg)
    texts = rows.select(pl.col(COLUMNS).cast(pl.String).fill_null("").str.normalize("NFC"))
    return texts.with_row_index(_ROW, offset=1)


def find_faults(rows: pl.DataFrame, sets: Collection[str], others: Collection[str]) -> Iterator[str]:
    """Yield each kind of mistake of the rows in one sentence: how many, which, and what to do.

    `sets` are the known sets of limits, `others` the portfolios that stand in the YAML file.
    """
    for column in COLUMNS:
        if (empty := rows.filter(pl.col(column) == "")).height:
            yield f"{counted(empty.height, 'row')} {have(empty.height)} no {column} ({_rows(empty)}): fill it in"
    names = rows.filter(pl.col("portfolio_id") != "")
    yield from _faults_of_names(names)
    repeated = names.filter(pl.col("portfolio_id").is_duplicated())
    if repeated.height:
        alike = repeated["portfolio_id"].unique(maintain_order=True)
        first = repeated.filter(portfolio_id=alike[0])
        yield (
            f"{counted(len(alike), 'portfolio')} {have(len(alike))} more than one row: {_listed(alike)} (the first in "
            f"{_rows(first)}): keep one row of each"
        )
    both = names.filter(pl.col("portfolio_id").is_in(list(others)))["portfolio_id"].unique(maintain_order=True)
    if len(both):
        yield (
            f"{counted(len(both), 'portfolio')} with a row {'is' if len(both) == 1 else 'are'} under `portfolios` "
            f"too: {_listed(both)}: keep one of the two"
        )
    yield from _unknown_sets(rows.filter(pl.col("limit_set") != ""), sets)


def _read(path: Path) -> pl.DataFrame:
    require_file(path)
    if (size := path.stat().st_size) > _MOST_BYTES:
        msg = f"it has {size:,} bytes, expected at most {_MOST_BYTES:,}"
        raise OSError(msg)
    if path.suffix == ".parquet":
        return pl.read_parquet(path, glob=False)
    if not size:
        return pl.DataFrame()
    return pl.read_csv(path, infer_schema=False, glob=False, raise_if_empty=False)


def _require_columns(path: Path, rows: pl.DataFrame) -> None:
    """Compare the columns with those that are expected: all of them, no other, each a text."""
    missing = [name for name in COLUMNS if name not in rows.columns]
    others = [name for name in rows.columns if name not in COLUMNS]
    problems = [f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} missing"] if missing else []
    if others:
        names = listed([shown(name) for name in others])
        hint = f" ({found})" if missing and (found := nearest(others[0].strip().lower(), missing)) else ""
        problems.append(f"{names} {'is' if len(others) == 1 else 'are'} unknown{hint}")
    texts = (pl.String, pl.Categorical, pl.Enum)
    problems += [
        f"{name} is {rows.schema[name]}, not text"
        for name in COLUMNS
        if name in rows and rows.schema[name] not in texts
    ]
    if problems:
        msg = f"{path}: {'; '.join(problems)}: expected the columns {', '.join(COLUMNS)} and no other, each text"
        raise PortfoliosFileError(msg)


def _faults_of_names(rows: pl.DataFrame) -> Iterator[str]:
    wrong = rows.filter(has_fault(pl.col("portfolio_id")))
    if wrong.height:
        name = wrong["portfolio_id"][0]
        names = _listed(wrong["portfolio_id"].unique(maintain_order=True))
        yield (
            f"{counted(wrong.height, 'row')} {have(wrong.height)} a portfolio_id that is no name: {names} "
            f"({_rows(wrong)}). Of {shown(name)}: {fault(name)}"
        )


def _unknown_sets(rows: pl.DataFrame, sets: Collection[str]) -> Iterator[str]:
    strange = rows.filter(~pl.col("limit_set").is_in(list(sets)))
    if strange.height:
        names = strange["limit_set"].unique(maintain_order=True)
        more = f", and {counted(len(names) - 1, 'other set')}" if len(names) > 1 else ""
        yield (
            f"{counted(strange.height, 'row')} {have(strange.height)} a limit_set that is none of {LIMIT_SETS} "
            f"({_rows(strange)}): {unknown(f'limit_set {shown(names[0])}', names[0], sets)}{more}"
        )


def _rows(rows: pl.DataFrame) -> str:
    """Name the first rows by their numbers, from 1 below the header."""
    return f"row{'' if rows.height == 1 else 's'} {_listed(rows[_ROW].cast(pl.String))}"


def _listed(names: pl.Series) -> str:
    """Do as `listed`, without a list of them all."""
    head = listed([shown(name) for name in names.head(MOST_NAMED)])
    return head if len(names) <= MOST_NAMED else f"{head} and {len(names) - MOST_NAMED} more"
