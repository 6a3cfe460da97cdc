"""A limit compared with what was reached: the shape of every check."""

import polars as pl

from sizing.limits.fields import WEIGHT_TOLERANCE

CHECK_COLUMNS = (
    "portfolio_id",
    "constraint_name",
    "basis",
    "limit_value",
    "value",
    "slack",
    "is_binding",
    "is_ok",
    "reason",
)
"""A constraint check, one row per portfolio, constraint and basis, in this order."""

TARGET, POST_TRADE = "target", "post_trade"
"""What a limit is compared with: the targets, or the book after the day's trades."""

BELOW = pl.col("limit_value") - pl.col("value")
ABOVE = pl.col("value") - pl.col("limit_value")


def checked(  # noqa: PLR0913 - a check in one call
    rows: pl.DataFrame,
    name: str,
    *,
    slack: pl.Expr,
    excused: pl.Expr | None = None,
    reason: pl.Expr | None = None,
    binds_within: float = WEIGHT_TOLERANCE,
) -> pl.DataFrame:
    """Return the checks of one constraint: kept, or excused with a reason. *Requires* `limit_value, value`.

    `binds_within`: how near to its limit a value is at it.
    """
    is_kept = pl.col("slack") >= -WEIGHT_TOLERANCE
    is_excused = pl.lit(value=False) if excused is None else excused
    return (
        rows.with_columns(
            pl.col("limit_value", "value").cast(pl.Float64).fill_null(0.0),
            constraint_name=pl.lit(name),
            basis=pl.lit(TARGET),
        )
        .with_columns(slack=slack)
        .with_columns(
            is_binding=pl.col("slack") <= binds_within,
            is_ok=is_kept | is_excused,
            reason=pl.when(~is_kept & is_excused).then(pl.lit(None, pl.String) if reason is None else reason),
        )
        .select(CHECK_COLUMNS)
    )
