"""The inputs of a day as files: whoever computes a shard, on this machine or another, reads its part of them."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
from pydantic import BaseModel, ConfigDict

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayFrames
from sql.files.atomic_files import written_beside
from sql.records import RunRecord
from tasks.inputs.fingerprints import LimitSets

_OF_THE_DAY: Final = ("scores", "assets", "delisted", "prices", "returns", "volatilities")
_OF_PORTFOLIOS: Final = ("holdings", "states")
_FACTS, _LIMIT_SETS, _PORTFOLIOS, _RESTRICTIONS = "facts.json", "limit_sets.json", "portfolios", "restrictions"
_RECORD, _RUN = "run.json", ("run_id", "input_fingerprint", "config_fingerprint", "code_fingerprint")
_ROWS_TOGETHER: Final = 50_000
"""Rows of a row group: who reads the part of a shard skips the others."""


class _Facts(BaseModel):
    """What is no frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of_date: date
    renamed: dict[str, str]
    sessions: tuple[date, ...]
    days: dict[str, date]
    has_entry_scores: bool


def write_day(frames: DayFrames, run: Mapping[str, Any], folder: Path) -> None:
    """Write a day and its run into a folder. Whoever reads the same day there meanwhile finds each file whole."""
    limits = LimitSets.of(frames.limits)
    portfolios = pl.DataFrame(
        {"portfolio_id": limits.portfolio_ids, "limit_set": limits.places},
        {"portfolio_id": pl.String, "limit_set": pl.UInt32},
    )
    for name in _OF_THE_DAY:
        _write(getattr(frames, name), folder, name)
    for name in (*_OF_PORTFOLIOS, _RESTRICTIONS):
        _write(getattr(frames, name).sort("portfolio_id", maintain_order=True), folder, name)
    _write(portfolios, folder, _PORTFOLIOS)
    facts = _Facts(**{name: getattr(frames, name) for name in _Facts.model_fields})
    record = {name: run[name] for name in _RUN} | {"inputs": json.loads(run["inputs"])}
    texts = {_LIMIT_SETS: json.dumps(limits.sets), _FACTS: facts.model_dump_json(), _RECORD: json.dumps(record)}
    for file, text in texts.items():
        with written_beside(folder / file) as path:
            path.write_text(text, encoding="utf-8")


def read_part(folder: Path, first: str, last: str) -> DayFrames:
    """Return the day for the portfolios from one name to another, both included."""
    own = _between(first, last)
    facts = _Facts.model_validate_json((folder / _FACTS).read_text(encoding="utf-8"))
    parts: dict[str, Any] = {name: _read(folder, name).collect() for name in _OF_THE_DAY}
    parts |= {name: _read(folder, name).filter(own).collect() for name in _OF_PORTFOLIOS}
    restrictions = _read(folder, _RESTRICTIONS).filter(own | pl.col("portfolio_id").is_null()).collect()
    return DayFrames(**dict(facts), **parts, limits=_read_limits(folder, own), restrictions=restrictions)


def read_record(folder: Path, first: str, last: str) -> RunRecord:
    """Return the record of the run, for the portfolios from one name to another; what it read of each is not known."""
    facts = _Facts.model_validate_json((folder / _FACTS).read_text(encoding="utf-8"))
    return RunRecord(
        **json.loads((folder / _RECORD).read_text(encoding="utf-8")),
        as_of_date=facts.as_of_date,
        portfolios=_read(folder, _PORTFOLIOS).filter(_between(first, last)).collect(),
        limit_sets=json.loads((folder / _LIMIT_SETS).read_text(encoding="utf-8")),
    )


def _between(first: str, last: str) -> pl.Expr:
    return pl.col("portfolio_id").is_between(pl.lit(first), pl.lit(last))


def _read_limits(folder: Path, own: pl.Expr) -> dict[str, RebalancingLimits]:
    """Return the limits of each portfolio; those with the same limits share one object."""
    portfolios = _read(folder, _PORTFOLIOS).filter(own).collect()
    sets = json.loads((folder / _LIMIT_SETS).read_text(encoding="utf-8"))
    known = {place: RebalancingLimits.model_validate_json(sets[place]) for place in portfolios["limit_set"].unique()}
    return {name: known[place] for name, place in portfolios.iter_rows()}


def _read(folder: Path, name: str) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{name}.parquet")


def _write(rows: pl.DataFrame, folder: Path, name: str) -> None:
    with written_beside(folder / f"{name}.parquet") as path:
        rows.write_parquet(path, compression="lz4", row_group_size=_ROWS_TOGETHER)
