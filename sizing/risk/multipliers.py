"""What volatility and correlation do to a size: two multipliers (docs/risk.md 3).

    v_i = clip((s_ref / s_i)^strength, lo, hi),   n_i^(-strength) of crowding,   q' = q x both

What does not belong here: caps and the scale of the whole portfolio (scale.py).
"""

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.risk.correlation import add_crowding

_LIMITS = (
    *("volatility_mode", "volatility_strength", "min_volatility_multiplier", "max_volatility_multiplier"),
    *("reference_volatility", "correlation_strength"),
)
MULTIPLIER_COLUMNS = ("reference_volatility", "volatility_multiplier", "crowding_multiplier", "risk_multiplier")


def add_multipliers(selected: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return the selected assets with what their size is multiplied by.

    *Requires* `portfolio_id, asset, volatility` (null: none, of pinned names alone), `pinned_weight` (null: free).
    *Adds* what `add_crowding` adds, `reference_volatility` (of the portfolio), `volatility_multiplier,
    crowding_multiplier` (null where they are off or the name is pinned) and their product `risk_multiplier`, else 1.
    """
    if not any(one.reads_volatility for one in inputs.limits.values()):
        nothing = dict.fromkeys(MULTIPLIER_COLUMNS[:-1], pl.lit(None, pl.Float64))
        return add_crowding(selected, inputs).with_columns(**nothing, risk_multiplier=pl.lit(1.0))
    is_free, volatility = pl.col("pinned_weight").is_null(), pl.col("volatility")
    is_inverse = pl.col("volatility_mode") == "inverse"
    median = volatility.filter(is_free).median().over("portfolio_id")
    return (
        add_crowding(selected, inputs)
        .join(limit_frame(inputs.limits, _LIMITS), on="portfolio_id", how="left", maintain_order="left")
        .with_columns(reference_volatility=pl.when(is_inverse).then(pl.coalesce("reference_volatility", median)))
        .with_columns(
            volatility_multiplier=pl.when(is_free).then(
                (pl.col("reference_volatility") / volatility)
                .pow(pl.col("volatility_strength"))
                .clip("min_volatility_multiplier", "max_volatility_multiplier")
            ),
            crowding_multiplier=pl.when(is_free).then(pl.col("crowding").pow(-pl.col("correlation_strength"))),
        )
        .with_columns(
            risk_multiplier=pl.col("volatility_multiplier").fill_null(1.0)
            * pl.col("crowding_multiplier").fill_null(1.0)
        )
        .drop("volatility_mode", "volatility_strength", "min_volatility_multiplier", "max_volatility_multiplier")
        .drop("correlation_strength")
    )
