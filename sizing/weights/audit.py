"""What the sizer did, per position and per portfolio (docs/sizing.md 7). It reads columns and decides nothing."""

import polars as pl

from sizing.frames.limit_columns import LimitColumns
from sizing.frames.schema import STORED_WEIGHT
from sizing.frames.weight_units import UNITS, as_weight
from sizing.limits.fields import SHOWN_DECIMALS, SHOWN_STEPS, WEIGHT_TOLERANCE
from sizing.weights.raw_weights import ABOVE_RISK, BELOW_MINIMUM, NO_SIZE
from sizing.weights.relaxation import add_relaxation
from sizing.weights.residual import zero_when_noise
from sizing.weights.risk_text import add_risk_reason
from sizing.weights.two_stage import STAGE_COLUMNS

POSITION_COLUMNS = (
    *("score_rank", "size_category", "score_multiplier", "raw_weight"),
    *STAGE_COLUMNS,
    *("target_weight", "drop_reason", "sizing_reason"),
    *("position_cap", "risk_share"),
)
"""What sizing adds to a selected asset, in this order."""

RISK_COLUMNS = (
    *("reference_volatility", "unscaled_volatility", "portfolio_volatility", "risk_scale", "n_sessions"),
    "n_unknown_correlations",
)
"""What is measured of a portfolio; null where nothing is."""

PORTFOLIO_COLUMNS = (
    *("portfolio_id", "n_selected", "n_sized", "n_dropped"),
    *("target_total_allocation", "raw_total"),
    *("stage1_total", "stage1_capped_count", "stage2_total", "stage2_capped_count"),
    *("residual", "residual_placed", "residual_strategy"),
    *("invested_weight", "cash_weight", "allocation_efficiency", "effective_positions", "largest_weight"),
    *("reachable_weight", "binding_limit", "relaxation"),
    *RISK_COLUMNS,
)
"""The sizing summary of a portfolio, in this order."""

_SHOWN_COLUMNS = (
    *("score", "score_multiplier", "raw_weight", "stage1_weight", "stage2_weight", "residual_weight", "target_weight"),
    *("pinned_weight", "min_position_size"),
)
_RATIO_DECIMALS = 12
"""Polars divides by a repeated value through its reciprocal: without rounding, company would change the last bit."""


def add_sizing_reason(working: pl.DataFrame, selected: pl.DataFrame) -> pl.DataFrame:
    """Explain each weight from the audit columns alone, in one sentence, and one more for each risk limit.

    *Requires* the `selected` assets that the working frame is of. *Adds* `sizing_reason`.
    """
    shown = working.select(
        "is_pinned",
        "is_immovable",
        "drop_reason",
        "size_category",
        *_shown(working),
        *(_suffix(cap, ", capped by ") for cap in ("stage1_cap", "stage2_cap")),
        _suffix("residual_limit", ", residual limited by "),
        rank=pl.col("score_rank").cast(pl.String),
        stored=pl.col("target_weight").cast(pl.String),
        has_residual=pl.col("residual_weight") > WEIGHT_TOLERANCE,
    )
    sentence = (
        pl.when("is_immovable")
        .then(pl.format("Not to be traded: pinned at {}, whatever the limits say.", "target_weight"))
        .when("is_pinned")
        .then(pl.format("Pinned at {}, limits applied: {}.", "pinned_weight", "target_weight"))
        .when(pl.col("drop_reason") == NO_SIZE)
        .then(pl.format("Rank {}, score {}: dropped, the score has no size (no_size).", "rank", "score"))
        .when(pl.col("drop_reason") == ABOVE_RISK)
        .then(
            pl.format(
                "Rank {}, score {}: dropped, its risk cap is below min_position_size {} (max_position_risk).",
                *("rank", "score", "min_position_size"),
            )
        )
        .when(pl.col("drop_reason") == BELOW_MINIMUM)
        .then(
            pl.format(
                "Rank {}, score {}: dropped, no room for another position of {} (below_min_position_size).",
                *("rank", "score", "min_position_size"),
            )
        )
        .otherwise(_sized_sentence())
    )
    return working.hstack(shown.select(sizing_reason=sentence)).pipe(add_risk_reason, selected)


def _sized_sentence() -> pl.Expr:
    residual = pl.when("has_residual").then(pl.format(", residual +{}", "residual_weight")).otherwise(pl.lit(""))
    return pl.format(
        "Rank {}, score {}, {} x{}: raw {}, stage 1 {}{}, stage 2 {}{}{}{}, target {}.",
        *("rank", "score", "size_category", "score_multiplier", "raw_weight"),
        *("stage1_weight", "stage1_cap", "stage2_weight", "stage2_cap"),
        *(residual, "residual_limit", "stored"),
    )


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    """Write numbers with at most four decimals: looked up, since to write each takes ten times as long."""
    steps = rows.select((pl.col(_SHOWN_COLUMNS).cast(pl.Float64) * SHOWN_STEPS).round().cast(pl.UInt32))
    highest = steps.max().max_horizontal().item() or 0
    written = (pl.int_range(highest + 1, eager=True) / SHOWN_STEPS).round(SHOWN_DECIMALS).cast(pl.String)
    return steps.select(pl.lit(written).gather(step).alias(step) for step in steps.columns)


def _suffix(column: str, words: str) -> pl.Expr:
    return (
        pl.when(pl.col(column).is_not_null()).then(pl.lit(words) + pl.col(column)).otherwise(pl.lit("")).alias(column)
    )


def summarise(working: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Return one row per portfolio that has limits, those without any selected asset too: all cash.

    *Requires* in `working` every stage's columns.
    """
    totals = working.group_by("portfolio_key", maintain_order=True).agg(
        n_selected=pl.len().cast(pl.Int32),
        n_dropped=pl.col("drop_reason").count().cast(pl.Int32),
        raw_total=pl.col("raw_weight").sum(),
        stage1_total=pl.col("stage1_weight").sum(),
        stage1_capped_count=pl.col("stage1_cap").count().cast(pl.Int32),
        stage2_total=pl.col("stage2_weight").sum(),
        stage2_capped_count=pl.col("stage2_cap").count().cast(pl.Int32),
        residual_placed=pl.col("residual_weight").sum(),
        invested_weight=pl.col("target_weight").sum().cast(STORED_WEIGHT),
        largest_weight=pl.col("target_weight").max().cast(pl.Float64),
        squares=(pl.col("target_weight").cast(pl.Float64) ** 2).sum(),
    )
    measured = working.group_by("portfolio_key").agg(pl.col(RISK_COLUMNS).max())
    invested = pl.col("invested_weight").cast(pl.Float64)
    total = pl.col("target_total_allocation")
    return (
        columns.portfolios.join(totals, on="portfolio_key", how="left", maintain_order="left")
        .with_columns(pl.col(name).fill_null(0).cast(kind) for name, kind in list(totals.schema.items())[1:])
        .with_columns(
            n_sized=pl.col("n_selected") - pl.col("n_dropped"),
            residual=zero_when_noise(total - pl.col("stage2_total")),
            allocation_efficiency=(invested / total).round(_RATIO_DECIMALS),
            effective_positions=pl.when(pl.col("squares") > 0).then(invested**2 / pl.col("squares")).otherwise(0.0),
            target_total_allocation=as_weight((total * UNITS).round().cast(pl.Int64)),
        )
        .with_columns(cash_weight=(pl.col("target_total_allocation") - pl.col("invested_weight")).cast(STORED_WEIGHT))
        .join(measured, on="portfolio_key", how="left", maintain_order="left")
        .pipe(add_relaxation, working, columns)
        .select(PORTFOLIO_COLUMNS)
    )
