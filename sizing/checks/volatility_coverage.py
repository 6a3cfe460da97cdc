"""When too little is known of volatility: no new targets are better than wrong ones."""

from typing import Protocol

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.limits.fields import COUNT_TOLERANCE
from sizing.risk.volatility import lacking_volatility
from sizing.selection.gates import SLOT_GATES, Gate
from sizing.text import grouped

_LIMITS = ("max_missing_volatility_share", "target_volatility", "min_observations", "volatility_source")
_SETTLED = [Gate.MUST_SELL.value, Gate.EXCLUDED.value]


class Computed(Protocol):
    """What is read of a computed day: decisions, the estimates that they rest on, and the summary of the sizing."""

    @property
    def decisions(self) -> pl.DataFrame | pl.LazyFrame:
        """A row a candidate."""

    @property
    def risk_estimates(self) -> pl.DataFrame | pl.LazyFrame:
        """A row an estimate."""

    @property
    def sizing_summary(self) -> pl.DataFrame | pl.LazyFrame:
        """A row a portfolio."""


def find_missing_volatility(result: Computed, inputs: DayInputs) -> tuple[str, ...]:
    """Return one sentence for each portfolio that must not have new targets; empty: all may."""
    found = missing_volatility(result, inputs).select("portfolio_id", "objection").iter_rows()
    return tuple(f"{names}: {objection}" for names, objection in grouped(found))


def missing_volatility(result: Computed, inputs: DayInputs) -> pl.DataFrame:
    """Return `portfolio_id, objection` of portfolios for whose names too many volatilities, or returns, are missing.

    Looked at: holdings, less those that must be sold, or may not be traded or held; and new names that every other gate
    lets pass. *Requires* what `rebalance` returns of the day.
    """
    reading = [name for name, one in inputs.limits.items() if one.reads_volatility]
    if not reading:
        return pl.DataFrame(schema={"portfolio_id": pl.String, "objection": pl.String})
    limits = limit_frame({name: inputs.limits[name] for name in reading}, _LIMITS)
    gate = pl.col("gate").fill_null("")
    is_settled = gate.is_in(_SETTLED) | pl.col("restriction").eq_missing(pl.lit(Gate.NO_TRADE.value))
    passes = gate.is_in(["", Gate.NO_VOLATILITY.value, *(one.value for one in SLOT_GATES)])
    lacking = lacking_volatility(result.risk_estimates.lazy().collect(), inputs).with_columns(
        is_missing=pl.lit(value=True)
    )
    shares = (
        result.decisions.lazy()
        .filter(pl.when("is_held").then(~is_settled).otherwise(passes))
        .join(limits.lazy(), on="portfolio_id", how="inner", maintain_order="left")
        .join(lacking.lazy(), on=["portfolio_id", "asset"], how="left", maintain_order="left")
        .with_columns(pl.col("is_missing").fill_null(value=False))
        .group_by("portfolio_id", maintain_order=True)
        .agg(
            n=pl.len(),
            n_missing=pl.col("is_missing").sum(),
            limit=pl.col("max_missing_volatility_share").first(),
            volatility_source=pl.col("volatility_source").first(),
            missing=pl.col("asset").filter("is_missing").sort().head(5).str.join(", "),
        )
        .filter(pl.col("n_missing") > pl.col("limit") * pl.col("n") + COUNT_TOLERANCE)
        .select("portfolio_id", objection=_missing_names())
    )
    short = (
        result.sizing_summary.lazy()
        .join(limits.lazy(), on="portfolio_id", how="inner", maintain_order="left")
        .filter(pl.col("target_volatility").is_not_null() & (pl.col("n_sessions") < pl.col("min_observations")))
        .select("portfolio_id", objection=_few_sessions())
    )
    return pl.concat([shares, short]).sort("portfolio_id", maintain_order=True).collect()


def _missing_names() -> pl.Expr:
    is_of_scores = pl.col("volatility_source") == "scores"
    return pl.format(
        "no volatility for {} of {} holdings and new names, more than max_missing_volatility_share {} ({}): deliver {}",
        *("n_missing", "n", "limit", "missing"),
        pl.when(is_of_scores)
        .then(pl.lit("it with their scores"))
        .otherwise(pl.lit("their prices, with adjustment_factor or daily_return where a return is suspect")),
    )


def _few_sessions() -> pl.Expr:
    return pl.format(
        "in {} sessions all of its names have a return, target_volatility needs min_observations {}: deliver the "
        "missing prices",
        *("n_sessions", "min_observations"),
    )
