"""The tables of the page of a day: which columns, in which words, and by what they are sorted.

What does not belong here: reading the rows (data.py), markup (assets/page.html).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from sizing.limits.fields import WEIGHT_TOLERANCE
from sizing.text import listed
from tasks.reports.summary import moves_of
from tasks.text import bounded

MOST_BELOW_THE_LINE = 10
"""Names of a portfolio that are told of those that are not in: the ones that lack least."""

Value = str | bool | int | float | Decimal | date | datetime | None


@dataclass(frozen=True)
class Column:
    """A column of a table: its words, the column of the rows, how it is written, and what it means."""

    words: str
    field: str
    kind: str = "text"
    meaning: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it stands to the right, and is sorted by its value."""
        return self.kind in _WRITTEN


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number that it is sorted by; empty where it is sorted by its words."""

    text: str
    number: str
    column: Column


@dataclass(frozen=True)
class Table:
    """A table under its title. `empty`: what is said where it has no rows."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str
    note: str = ""


_WRITTEN = {
    "weight": lambda value: f"{value * 100:.2f}%",
    "points": lambda value: f"{value * 100:+.2f}".replace("-", "\N{MINUS SIGN}") if value else "",
    "score": lambda value: f"{value:.4f}",
    "number": lambda value: f"{value:.10g}",
}
_ASSET = (Column("asset", "asset", "name"), Column("bucket", "bucket"))
_WEIGHTS = (
    Column("before", "current_weight", "weight", "Weight held when it was computed, of the portfolio's value"),
    Column("target", "target_weight", "weight", "Weight to hold, of the portfolio's value"),
    Column("trade", "trade_weight", "points", "What is traded, in percentage points; nothing within rebalance_band"),
)
_TRADES = (
    Column("order", "trade_rank", "number", "Sales before purchases"),
    Column("action", "action", "action"),
    *_ASSET,
    *_WEIGHTS,
    Column("why", "why", "words"),
)
_CHANGED = (
    Column("action", "action", "action"),
    *_ASSET,
    Column("score", "score", "score"),
    Column("why", "decision_reason", "words"),
)
_POSITIONS = (
    *_ASSET,
    Column("score", "score", "score"),
    _WEIGHTS[0],
    Column("raw", "raw_weight", "weight", "Its share of the total by score, before any cap"),
    Column("stage 1", "stage1_weight", "weight", "Capped by position and bucket"),
    Column("stage 2", "stage2_weight", "weight", "With its part of what the capped left over"),
    Column("residual", "residual_weight", "points", "Placed of what was still left over, in percentage points"),
    _WEIGHTS[1],
    Column("action", "action", "action"),
    Column("how", "target_reason", "words"),
)
_BELOW = (
    *_ASSET,
    Column("score", "score", "score"),
    Column("would enter at", "entry_score", "score", "Lowest score with which it is selected, everything else equal"),
    Column("lacks", "lacks", "score"),
    Column("in the place of", "rival"),
    Column("stopped by", "gate", "code"),
    Column("why", "decision_reason", "words"),
)
_LIMITS = (
    Column("limit", "constraint_name", "code"),
    Column("set to", "limit_value", "number"),
    Column("reached", "value", "number"),
    Column("slack", "slack", "number", "What is left until it binds"),
    Column("state", "state", "action"),
    Column("why", "reason", "words"),
)
_REFUSED_ROWS = (
    Column("file", "source", "long"),
    Column("row", "row_number", "number"),
    Column("why", "reason", "words"),
    Column("the row", "row_json", "long"),
)
_REFUSED_FILES = (Column("file", "source", "long"), Column("why", "refusal", "words"))
_MISSING = (
    Column("asset", "asset", "name"),
    Column("model", "model"),
    Column("last score", "last_score_date"),
    Column("held in", "held_in", "words"),
)
_STAYING = (
    Column("portfolio", "portfolio_id", "name"),
    Column("targets of", "as_of_date"),
    Column("run", "run_id", "code"),
)
_RUNS = (
    Column("run", "run_id", "code"),
    Column("state", "state", "action"),
    Column("published at (UTC)", "published_at"),
    Column("portfolios", "portfolio_ids", "words"),
    Column("inputs", "input_fingerprint", "long", "Hash of everything that was read"),
    Column("config", "config_fingerprint", "long", "Hash of all limits"),
    Column("code", "code_fingerprint", "long", "Hash of the code"),
)
_SOURCES = (
    Column("kind", "kind"),
    Column("day", "as_of_date"),
    Column("file", "source", "long"),
    Column("rows", "rows_read", "number"),
    Column("refused", "rows_rejected", "number"),
    Column("SHA-256", "sha256", "long"),
)


def trades(weights: pl.DataFrame, changes: pl.DataFrame) -> Table:
    """Give what is traded in its order. *Requires* the rows of `picture_weights` and `picture_changes`."""
    rows = moves_of(weights, changes).sort("trade_rank", nulls_last=True)
    return _table("Trades, in their order", _TRADES, rows, "Nothing is traded.")


def opened_and_closed(weights: pl.DataFrame, decisions: pl.DataFrame) -> Table:
    """Give which names come and go, and what was decided. *Requires* `picture_weights` and `decisions_of_runs`."""
    moved = weights.filter(pl.col("action").is_in(["open", "close"]), ~pl.col("is_cash"))
    rows = (
        moved.select("asset", "action")
        .join(decisions, on="asset", how="inner")
        .sort("action", "asset", descending=[True, False])
    )
    return _table("Opened and closed", _CHANGED, rows, "No name comes in, and none goes.")


def positions(weights: pl.DataFrame) -> Table:
    """Give every weight from raw to target, cash last. *Requires* the rows of `picture_weights`."""
    return _table("Every position, from raw weight to target", _POSITIONS, weights, "There is no position.")


def below_the_line(decisions: pl.DataFrame) -> Table:
    """Give the names that lack least to come in. *Requires* the rows of `decisions_of_runs`."""
    lacks = pl.col("entry_score") - pl.col("score")
    rows = decisions.filter(~pl.col("is_selected")).with_columns(lacks=lacks).drop_nulls("lacks").sort("lacks", "asset")
    return _table(
        "Just below the line",
        _BELOW,
        rows.head(MOST_BELOW_THE_LINE),
        "No other name would come in with a higher score.",
    )


def limits(checks: pl.DataFrame) -> Table:
    """Give every limit held against the result, missed ones first. *Requires* `constraint_checks_of_runs`."""
    slack = pl.when(pl.col("slack").abs() <= WEIGHT_TOLERANCE).then(0.0).otherwise(pl.col("slack"))
    state = (
        pl.when(slack < 0).then(pl.lit("missed")).when("is_binding").then(pl.lit("binds")).otherwise(pl.lit("has room"))
    )
    order = pl.col("state").replace_strict({"missed": 0, "binds": 1, "has room": 2})
    rows = checks.with_columns(slack=slack, state=state).sort(order, "constraint_name")
    return _table("Limits", _LIMITS, rows, "No limit was held against it.")


def refused(rows: pl.DataFrame, files: pl.DataFrame) -> tuple[Table, ...]:
    """Give what was refused of the day's files. *Requires* `picture_refused_rows` and `refusals_on_day`."""
    note = (
        f"The first {rows.height} of {rows['n_refused'][0]}."
        if rows.height and rows["n_refused"][0] > rows.height
        else ""
    )
    return (
        _table("Refused files", _REFUSED_FILES, files, "No file was refused."),
        _table("Refused rows", _REFUSED_ROWS, rows, "Every row was accepted.", note),
    )


def unpublished(missing: pl.DataFrame, staying: pl.DataFrame) -> tuple[Table, ...]:
    """Give what a run without visible targets lacked, and what stays in force, where there is such a run."""
    if staying.is_empty():
        return ()
    lost = _table("Assets without a score that had one", _MISSING, missing, "No asset lost its score.")
    n_portfolios = staying["n_portfolios"][0]
    note = f"The first {staying.height} of {n_portfolios} portfolios." if n_portfolios > staying.height else ""
    return (lost, _table("What stays in force", _STAYING, staying, "", note))


def provenance(runs: pl.DataFrame, sources: pl.DataFrame) -> tuple[Table, ...]:
    """Give the runs that are shown, and what they were computed from. *Requires* `report_runs, report_sources`."""
    told = runs.with_columns(
        pl.col("portfolio_ids").map_elements(lambda names: listed(names.to_list()), pl.String),
        pl.col("published_at").dt.strftime("%Y-%m-%d %H:%M:%S"),
    )
    return (_table("Runs", _RUNS, told, ""), _table("Read from", _SOURCES, sources, "Nothing was read."))


def _table(title: str, columns: Sequence[Column], rows: pl.DataFrame, empty: str, note: str = "") -> Table:
    cells = tuple(
        tuple(_cell(column, value) for column, value in zip(columns, row, strict=True))
        for row in rows.select([one.field for one in columns]).iter_rows()
    )
    return Table(title, tuple(columns), cells, empty, note)


def _cell(column: Column, value: Value) -> Cell:
    if value is None:
        return Cell("", "", column)
    if column.is_number:
        return Cell(_WRITTEN[column.kind](value), repr(float(value)), column)  # type: ignore[arg-type]  # a number by its kind
    return Cell(bounded(str(value)), "", column)
