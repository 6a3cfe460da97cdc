"""From sized positions and holdings to targets with their trades, and one row of CASH per portfolio."""

from typing import NamedTuple

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import LimitsByPortfolio, limit_columns, limit_frame
from sizing.frames.plans import run_plan
from sizing.frames.schema import STORED_WEIGHT
from sizing.frames.weight_units import as_weight
from sizing.limits.fields import SHOWN_DECIMALS, VOLATILITY_TOLERANCE
from sizing.selection.gates import Gate, is_immovable
from sizing.trading.trade_totals import TRADE_SUMMARY_COLUMNS, TURNOVER
from sizing.trading.trades import trade_book, trade_portfolios

CASH = "CASH"

TARGET_COLUMNS = (
    "as_of_date",
    "portfolio_id",
    "asset",
    "bucket",
    "is_cash",
    "target_weight",
    "current_weight",
    "trade_weight",
    "post_trade_weight",
    "action",
    "trade_rank",
    "trade_reason",
    "trade_scale",
    "is_pinned",
    "is_score_stale",
    "target_reason",
)
"""A target, one row per portfolio and asset or CASH, in this order."""

_KEY = ["portfolio_id", "asset"]
_MUST_CLOSE = [Gate.MUST_SELL.value, Gate.EXCLUDED.value]
_SUMS = frozenset(TRADE_SUMMARY_COLUMNS) - {"portfolio_id", "mandatory_turnover", "trade_scale", "cash_after_weight"}
"""What is 0 in the summary of a portfolio without holdings and targets."""

_ZERO = pl.lit(0).cast(STORED_WEIGHT)
BOOK_COLUMNS = (
    *("portfolio_id", "asset", "bucket", "current_weight", "target_weight", "is_immovable", "must_close"),
    "position_cap",
)
"""What trading needs to know of an asset that is held or has a target."""


class Targets(NamedTuple):
    """The targets of a day, one row per portfolio and asset or CASH, and the trade summary of each portfolio."""

    targets: pl.DataFrame
    trade_summary: pl.DataFrame


def build_targets(
    decisions: pl.DataFrame, positions: pl.DataFrame, portfolios: pl.DataFrame, inputs: DayInputs
) -> Targets:
    """Return every position, every holding that leaves (target 0), and one CASH row per portfolio.

    *Requires* decisions, and both frames of `size_portfolios`. By portfolio: positions by weight, then CASH. Per
    portfolio, exactly: current, target and post-trade weights sum to target_total_allocation, trades to 0.
    `is_pinned`: pinned by its decision or by no_buy.
    """
    assets = _assets(decisions, positions)
    trades = trade_portfolios(assets.select(BOOK_COLUMNS), inputs.limits)
    traded = assets.hstack(trades.assets.drop(BOOK_COLUMNS)).with_columns(target_reason=_target_reason())
    summary = _summary(portfolios, trades.portfolios, inputs.limits)
    targets = (
        pl.concat([traded, _cash(portfolios, summary, inputs)], how="diagonal_relaxed")
        .with_columns(as_of_date=pl.lit(inputs.as_of_date))
        .sort("portfolio_id", "is_cash", "target_weight", "asset", descending=[False, False, True, False])
        .select(TARGET_COLUMNS)
    )
    return Targets(targets, summary)


def book_rows(decisions: pl.DataFrame, positions: pl.DataFrame) -> pl.DataFrame:
    """Return what trading needs to know of each asset that is held or has a target, without any words."""
    return _assets(decisions, positions).select(BOOK_COLUMNS)


def book_after(rows: pl.DataFrame, limits: LimitsByPortfolio) -> pl.DataFrame:
    """Return what is held when `rows`, as `trade_portfolios` requires them, are traded, as `Holdings`."""
    return holdings_of(trade_rows(rows, limits))


def trade_rows(rows: pl.DataFrame, limits: LimitsByPortfolio) -> pl.DataFrame:
    """Return `rows`, as `trade_portfolios` requires them, with the `post_trade_weight` that their trades lead to."""
    return trade_book(rows, limits).with_columns(
        post_trade_weight=as_weight(pl.col("post_trade")), is_cash=pl.lit(value=False)
    )


def holdings_of(targets: pl.DataFrame) -> pl.DataFrame:
    """Return the book after the trades of `targets` as `Holdings`, by portfolio and asset. Cash is none."""
    return (
        targets.filter((pl.col("post_trade_weight") > 0) & (pl.col("asset") != CASH))
        .select("portfolio_id", "asset", current_weight="post_trade_weight")
        .sort("portfolio_id", "asset")
    )


def _assets(decisions: pl.DataFrame, positions: pl.DataFrame) -> pl.DataFrame:
    """Return the assets that are held or have a target, with what trading needs to know of them."""
    sized = positions.lazy().select(*_KEY, "target_weight", "sizing_reason", "pinned_weight", "position_cap")
    return (
        decisions.lazy()
        .filter(pl.col("is_selected") | pl.col("is_held"))
        .join(sized, on=_KEY, how="left", maintain_order="left")
        .filter((pl.col("target_weight") > 0) | pl.col("is_held"))
        .with_columns(
            pl.col("target_weight").fill_null(_ZERO),
            is_cash=pl.lit(value=False),
            is_decided_pinned="is_pinned",
            is_pinned=pl.col("is_pinned") | pl.col("pinned_weight").is_not_null(),
            is_immovable=is_immovable(),
            must_close=pl.col("is_held") & pl.col("gate").cast(pl.String).is_in(_MUST_CLOSE).fill_null(value=False),
        )
        .pipe(run_plan)
    )


def _target_reason() -> pl.Expr:
    """Return how the target came about, and how its trade did where that needs a sentence."""
    sized = pl.coalesce("sizing_reason", "decision_reason")
    both = pl.concat_str("decision_reason", pl.lit(" "), "sizing_reason")
    target = pl.when("is_decided_pinned").then(both).otherwise(sized)
    return pl.concat_str(target, "trade_text", separator=" ", ignore_nulls=True)


def _summary(portfolios: pl.DataFrame, traded: pl.DataFrame, limits: LimitsByPortfolio) -> pl.DataFrame:
    """Return the trade summary of every portfolio, of those without holdings and targets too."""
    is_limited = limit_columns(limits, portfolios["portfolio_id"]).portfolios.select(
        "portfolio_id", is_limited=pl.col("max_turnover").is_not_null()
    )
    joined = (
        portfolios.select("portfolio_id", "target_total_allocation")
        .join(traded, on="portfolio_id", how="left", maintain_order="left")
        .join(is_limited, on="portfolio_id", how="left", maintain_order="left")
    )
    no_mandatory = pl.when("is_limited").then(pl.lit(0).cast(TURNOVER))
    nothing = {name: pl.col(name).fill_null(0).cast(dtype) for name, dtype in traded.schema.items() if name in _SUMS}
    return joined.with_columns(
        pl.col("cash_after_weight").fill_null(pl.col("target_total_allocation")).cast(STORED_WEIGHT),
        pl.col("mandatory_turnover").fill_null(no_mandatory),
        pl.col("trade_scale").fill_null(1.0),
        **nothing,
    ).select(TRADE_SUMMARY_COLUMNS)


def _cash(portfolios: pl.DataFrame, summary: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return the CASH rows: the money beside the reserve, negative where the book uses the reserve."""
    total, bought, sold = pl.col("target_total_allocation"), pl.col("bought_weight"), pl.col("sold_weight")
    moved = portfolios.join(summary, on="portfolio_id", how="left", maintain_order="left").join(
        limit_frame(inputs.limits, ["target_volatility"]), on="portfolio_id", how="left", maintain_order="left"
    )
    return moved.select(
        "portfolio_id",
        asset=pl.lit(CASH),
        is_cash=pl.lit(value=True),
        target_weight="cash_weight",
        current_weight=(total - pl.col("invested_before_weight")).cast(STORED_WEIGHT),
        trade_weight=(sold - bought).cast(STORED_WEIGHT),
        post_trade_weight="cash_after_weight",
        action=pl.lit("hold"),
        is_pinned=pl.lit(value=False),
        is_score_stale=pl.lit(value=False),
        target_reason=_cash_reason(),
    )


def _cash_reason() -> pl.Expr:
    left_over = pl.format(
        "The caps left {} over, {} placed it but for this cash.",
        pl.col("residual").round(SHOWN_DECIMALS),
        "residual_strategy",
    )
    is_scaled = (pl.col("risk_scale") < 1).fill_null(value=False)
    scaled = pl.format(
        "The last {} sessions moved these weights {} a year, target_volatility {}: free positions x {}, cash {}.",
        "n_sessions",
        *(pl.col(name).round(SHOWN_DECIMALS) for name in ("unscaled_volatility", "target_volatility", "risk_scale")),
        pl.col("cash_weight").cast(pl.Float64).round(SHOWN_DECIMALS),
    )
    above = pl.format(
        "What is pinned alone keeps it at {}: target_volatility is not attainable.",
        pl.col("portfolio_volatility").round(SHOWN_DECIMALS),
    )
    is_above = is_scaled & (pl.col("portfolio_volatility") > pl.col("target_volatility") + VOLATILITY_TOLERANCE)
    words = pl.concat_str(
        pl.when(pl.col("residual") > 0).then(left_over),
        pl.when(is_scaled).then(scaled),
        pl.when(is_above).then(above),
        pl.format("{}.", "relaxation"),
        separator=" ",
        ignore_nulls=True,
    )
    is_told = (pl.col("residual") > 0) | is_scaled
    return pl.when(is_told).then(words).otherwise(pl.lit("The positions make up target_total_allocation."))
