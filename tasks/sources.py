"""Find the day's files and read them as text, byte for byte. A file that is not what it should be is told clearly."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from tasks.contracts import CONTRACTS, Contract
from tasks.errors import SourceError

_SHOWN = 5


@dataclass(frozen=True)
class Source:
    """A file of the day and the contract that its name promises."""

    contract: Contract
    path: Path


def find_sources(inbox: Path, day: date) -> tuple[Source, ...]:
    """Give the files that describe the day, in the order of reading.

    Dated files (`scores_2024-12-02.csv`) lie in the inbox; lists without a date (`assets.csv`) there or in the folder
    above. Scores must be there; the others may be.
    *Raises* `SourceError` when the inbox or the day's scores are missing.
    """
    _require_folder(inbox)
    found = tuple(source for contract in CONTRACTS for source in _first_found(inbox, contract, day))
    if not any(source.contract.kind == "scores" for source in found):
        msg = f"no scores for {day} in {inbox}: expected scores_{day}.csv, {_what_is_there(inbox)}"
        raise SourceError(msg)
    return found


def days_in_inbox(inbox: Path) -> tuple[date, ...]:
    """Give the days for which the inbox has scores, in order. *Raises* `SourceError` when there is no inbox."""
    _require_folder(inbox)
    return tuple(sorted(_day_of(path) for path in inbox.glob("scores_????-??-??.csv")))


def read_source(source: Source) -> tuple[pl.DataFrame, str]:
    """Give the rows of a file, all text, and the SHA-256 of its content.

    *Raises* `SourceError` for a file without rows where its kind needs some, with unknown or missing columns, or that
    is not CSV in UTF-8.
    """
    content = source.path.read_bytes()
    if not content.strip():
        msg = f"{source.path} is empty: expected a header and at least one row"
        raise SourceError(msg)
    try:
        raw = pl.read_csv(io.BytesIO(content), infer_schema=False, encoding="utf8")
    except PolarsError as error:
        msg = f"{source.path} {_not_csv(str(error))}"
        raise SourceError(msg) from None
    _check_header(source, raw.columns)
    if raw.is_empty() and not source.contract.may_be_empty:
        msg = f"{source.path} has a header but no rows: expected at least one"
        raise SourceError(msg)
    return raw, hashlib.sha256(content).hexdigest()


def _not_csv(error: str) -> str:
    if "more fields" in error:
        return "has a row with more values than the header has columns: correct the row, or quote its commas"
    return f"is not CSV in UTF-8: {error.splitlines()[0]}"


def _require_folder(inbox: Path) -> None:
    if not inbox.is_dir():
        msg = f"no inbox folder at {inbox}: give its path with --inbox or BALLAST_INBOX"
        raise SourceError(msg)


def _check_header(source: Source, header: Sequence[str]) -> None:
    known = [given for given, _, _ in source.contract.columns]
    missing = [column for column in source.contract.required if column not in header]
    unknown = [column for column in header if column not in known]
    problems = []
    if missing:
        problems.append(f"column {', '.join(missing)} is missing")
    if unknown:
        nearest = get_close_matches(unknown[0], known, n=1)
        hint = f" (did you mean {nearest[0]}?)" if nearest else ""
        problems.append(f"column {', '.join(unknown)} is unknown{hint}")
    if problems:
        msg = f"{source.path}: {' and '.join(problems)}; got {', '.join(header)}; expected among {', '.join(known)}"
        raise SourceError(msg)


def _first_found(inbox: Path, contract: Contract, day: date) -> tuple[Source, ...]:
    if contract.is_dated:
        paths = [inbox / f"{contract.kind}_{day.isoformat()}.csv"]
    else:
        paths = [folder / f"{contract.kind}.csv" for folder in (inbox, inbox.resolve().parent)]
    return tuple(Source(contract, path) for path in paths if path.is_file())[:1]


def _what_is_there(inbox: Path) -> str:
    days = days_in_inbox(inbox)
    if not days:
        return "and found no scores_YYYY-MM-DD.csv at all"
    return f"found {days[0]}" if len(days) == 1 else f"found {len(days)} days from {days[0]} to {days[-1]}"


def _day_of(path: Path) -> date:
    text = path.stem.removeprefix("scores_")
    try:
        return date.fromisoformat(text)
    except ValueError:
        msg = f"{path}: {text} is not a day: expected a name like scores_2024-12-02.csv"
        raise SourceError(msg) from None
