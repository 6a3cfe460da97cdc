"""The tables of the page of a day and of the artifacts of a run: their columns, words and order.

What does not belong here: reading the rows (html/data.py, run_artifacts.py), how a table is written (tables.py).
"""

import polars as pl

from sizing.limits.fields import WEIGHT_TOLERANCE
from sizing.text import first_of, grouped, listed
from sizing.trading.orders import NO_TRADES, ORDERED
from tasks.reports.tables import ASSET, Column, Table, make_table, more_of

MOST_BELOW_THE_LINE = 10
"""Unselected names that a portfolio shows: those that lack least."""

_RELEASED = ("above_cap", "above_bucket_limit", "over_allocation")
_WEIGHTS = (
    Column("before", "current_weight", "weight", "Weight held when it was computed, of the portfolio's value"),
    Column("target", "target_weight", "weight", "Weight to hold, of the portfolio's value"),
    Column("trade", "trade_weight", "points", "What is traded, in percentage points"),
    Column("after", "post_trade_weight", "weight", "Weight held when the trades are done, of the portfolio's value"),
)
_TRADE_REASON = Column("reason", "trade_reason", "code", "Why the change is traded or not")
_PORTFOLIOS = (
    Column("portfolio", "portfolio_id", "portfolio"),
    Column("positions", "n_positions", "number"),
    Column("opened", "n_open", "number"),
    Column("closed", "n_close", "number"),
    Column("resized", "n_resized", "number"),
    Column("invested", "invested_weight", "weight", "By the targets, of the portfolio's value"),
    Column("cash", "cash_weight", "weight", "By the targets, of the portfolio's value"),
    Column("binding limits", "n_binding", "number"),
)
_TRADE_TOTALS = (
    Column("portfolio", "portfolio_id", "portfolio"),
    Column("invested before", "invested_before_weight", "weight"),
    Column("bought", "bought_weight", "weight"),
    Column("sold", "sold_weight", "weight"),
    Column("turnover", "turnover", "weight", "One-way: half of everything that is traded"),
    Column("held back", "n_held_back", "number", "Changes within rebalance_band or below min_trade_weight"),
    Column("released", "n_released", "number", "Such changes that are traded, since the book would break a limit"),
    Column("scale", "trade_scale", "score", "Part of the planned trades that max_turnover leaves"),
    Column("invested after", "invested_after_weight", "weight"),
    Column("cash after", "cash_after_weight", "weight"),
)
_STATE = Column("state", "state", "action")
_TRADES = (
    Column("order", "trade_rank", "number", "Sales before purchases"),
    Column("action", "action", "action"),
    *ASSET,
    *_WEIGHTS,
    _TRADE_REASON,
    Column("why", "why", "words"),
)
_NOT_THE_CHANGE = (
    *ASSET,
    *_WEIGHTS[:2],
    Column("change", "change_weight", "points", "Target less held before, in percentage points"),
    *_WEIGHTS[2:],
    Column("reason", "trade_reason", "action", "Why the change is traded or not"),
    Column("how", "target_reason", "words"),
)
_ORDERS = (
    Column("order", "order_rank", "number", "Sales before purchases"),
    Column("side", "side", "action"),
    ASSET[0],
    Column("quantity", "quantity", "number", "Shares"),
    Column("price", "reference_price", "number", "Close of the day, in the currency of the portfolio"),
    Column("notional", "notional", "number", "Quantity x price"),
    Column("before", "weight_before", "weight", "Weight of the shares held, at the price"),
    Column("after", "weight_after", "weight", "Weight when the order is done, at the price"),
    Column("why", "reason", "code"),
)
_CHANGED = (
    Column("action", "action", "action"),
    *ASSET,
    Column("score", "score", "score"),
    Column("why", "decision_reason", "words"),
)
_POSITIONS = (
    *ASSET,
    Column("score", "score", "score"),
    _WEIGHTS[0],
    Column("raw", "raw_weight", "weight", "Its share of the total by score, before any cap"),
    Column("stage 1", "stage1_weight", "weight", "Capped by position and bucket"),
    Column("stage 2", "stage2_weight", "weight", "With its part of what the capped left over"),
    Column("residual", "residual_weight", "points", "Placed of what was still left over, in percentage points"),
    _WEIGHTS[1],
    _WEIGHTS[3],
    Column("action", "action", "action"),
    _TRADE_REASON,
    Column("how", "target_reason", "words"),
)
_BELOW = (
    *ASSET,
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
_REJECTED_ROWS = (
    Column("file", "source", "long"),
    Column("row", "row_number", "number"),
    Column("why", "reason", "words"),
    Column("the row", "row_json", "long"),
)
_REJECTED_FILES = (Column("file", "source", "long"), Column("why", "refusal", "words"))
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
    Column("rejected", "rows_rejected", "number"),
    Column("SHA-256", "sha256", "long"),
)


def portfolios(summary: pl.DataFrame, note: str = "") -> Table:
    """Return a row per portfolio. *Requires* the rows of `day_summary`; their `state` is shown where they have one."""
    columns = (_PORTFOLIOS[0], _STATE, *_PORTFOLIOS[1:]) if "state" in summary.columns else _PORTFOLIOS
    rows = summary.with_columns(n_resized=pl.col("n_increase") + pl.col("n_decrease"))
    return make_table("Portfolios", columns, rows, "No portfolio has targets.", note)


def trades(moves: pl.DataFrame, title: str = "Trades, in their order", note: str = "") -> Table:
    """Return what is traded in its order. *Requires* the rows of `moves_of`."""
    return make_table(title, _TRADES, moves.sort("trade_rank", nulls_last=True), "Nothing is traded.", note)


def orders(rows: pl.DataFrame, status: pl.DataFrame, *portfolio: Column) -> Table:
    """Return the orders in their order, or why there are none. *Requires* `orders` rows and `shown_order_status`."""
    missing = status.filter(~pl.col("status").is_in([ORDERED, NO_TRADES]))
    reasons = grouped(missing.select("portfolio_id", "explanation").iter_rows())
    without = "; ".join(first_of([f"{names}: {why}" for names, why in reasons]))
    note = f"No orders of {without}." if without else ""
    return make_table("Orders", (*portfolio, *_ORDERS), rows, "" if note else "Nothing is ordered.", note)


def trade_totals(summary: pl.DataFrame) -> Table:
    """Return what the trades of each portfolio come to. *Requires* the rows of `day_summary`."""
    return make_table("Trades in all", _TRADE_TOTALS, summary, "No portfolio has targets.")


def not_the_change(
    weights: pl.DataFrame, title: str = "Held back, released and scaled", most: int | None = None
) -> Table:
    """Return what is held back, released or scaled, the largest changes first, or the first of them.

    *Requires* the rows of `chart_weights` of one portfolio.
    """
    rows = weights.filter(~pl.col("is_cash")).with_columns(
        change_weight=pl.col("target_weight") - pl.col("current_weight")
    )
    is_released = pl.col("trade_reason").is_in(_RELEASED).fill_null(value=False)
    shown = rows.filter(is_released | (pl.col("trade_weight") != pl.col("change_weight")))
    ordered = shown.sort(pl.col("change_weight").abs(), "asset", descending=[True, False])
    first = ordered.head(most or ordered.height).with_columns(n_changes=ordered.height)
    return make_table(
        title, _NOT_THE_CHANGE, first, "Every change is traded as it is.", more_of(first, "n_changes", "changes")
    )


def opened_and_closed(weights: pl.DataFrame, decisions: pl.DataFrame) -> Table:
    """Return which names come and go, and what was decided. *Requires* `chart_weights` and `decisions_of_runs`."""
    moved = weights.filter(pl.col("action").is_in(["open", "close"]), ~pl.col("is_cash"))
    rows = (
        moved.select("asset", "action")
        .join(decisions, on="asset", how="inner")
        .sort("action", "asset", descending=[True, False])
    )
    return make_table("Opened and closed", _CHANGED, rows, "No name comes in, and none goes.")


def positions(weights: pl.DataFrame) -> Table:
    """Return every weight from raw to target, cash last. *Requires* the rows of `chart_weights`."""
    return make_table("Every position, from raw weight to target", _POSITIONS, weights, "There is no position.")


def below_the_line(decisions: pl.DataFrame) -> Table:
    """Return the names that lack least to come in. *Requires* the rows of `decisions_of_runs`."""
    lacks = pl.col("entry_score") - pl.col("score")
    rows = decisions.filter(~pl.col("is_selected")).with_columns(lacks=lacks).drop_nulls("lacks").sort("lacks", "asset")
    return make_table(
        "Just below the line",
        _BELOW,
        rows.head(MOST_BELOW_THE_LINE),
        "No other name would come in with a higher score.",
    )


def limits(checks: pl.DataFrame) -> Table:
    """Return every limit compared with the result, missed ones first. *Requires* `constraint_checks_of_runs`."""
    slack = pl.when(pl.col("slack").abs() <= WEIGHT_TOLERANCE).then(0.0).otherwise(pl.col("slack"))
    state = (
        pl.when(slack < 0).then(pl.lit("missed")).when("is_binding").then(pl.lit("binds")).otherwise(pl.lit("has room"))
    )
    order = pl.col("state").replace_strict({"missed": 0, "binds": 1, "has room": 2})
    rows = checks.with_columns(slack=slack, state=state).sort(order, "constraint_name")
    return make_table("Limits", _LIMITS, rows, "No limit was compared.")


def rejected_files(files: pl.DataFrame) -> Table:
    """Return the files of the day that were rejected whole. *Requires* the rows of `refusals_on_day`."""
    return make_table("Rejected files", _REJECTED_FILES, files, "No file was rejected.")


def rejected_rows(rows: pl.DataFrame) -> Table:
    """Return the rejected rows of the day's files. *Requires* the rows of `chart_rejected_rows`."""
    return make_table(
        "Rejected rows", _REJECTED_ROWS, rows, "Every row was accepted.", more_of(rows, "n_refused", "rows")
    )


def unpublished(missing: pl.DataFrame, staying: pl.DataFrame) -> tuple[Table, ...]:
    """Return what a run without visible targets lacked, and what stays in force; nothing where there is no such run.

    *Requires* the rows of `chart_missing_scores` and `chart_staying_targets`.
    """
    if staying.is_empty():
        return ()
    lost_note = more_of(missing, "n_missing", "assets, holdings before others")
    in_force = staying.with_columns(pl.col("as_of_date").cast(pl.String).fill_null("none yet"))
    return (
        make_table("Assets without a score that had one", _MISSING, missing, "No asset lost its score.", lost_note),
        make_table("What stays in force", _STAYING, in_force, "", more_of(staying, "n_portfolios", "portfolios")),
    )


def provenance(runs: pl.DataFrame, sources: pl.DataFrame) -> tuple[Table, ...]:
    """Return the runs that are shown, and what they were computed from. *Requires* `report_runs, report_sources`."""
    worded = runs.with_columns(
        pl.col("portfolio_ids").map_elements(lambda names: listed(names.to_list()), pl.String),
        pl.col("published_at").dt.strftime("%Y-%m-%d %H:%M:%S"),
    )
    return (make_table("Runs", _RUNS, worded, ""), make_table("Read from", _SOURCES, sources, "Nothing was read."))
