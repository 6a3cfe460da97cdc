"""Which holdings keep their place whatever others score, why, and at which weight."""

import polars as pl

from sizing.frames.plans import run_plan

NO_TRADE, SCORE_MISSING, VOLATILITY_MISSING, CORE, YOUNG, GRACE = (
    *("no_trade", "score_missing", "volatility_missing", "core_assets", "min_holding_days", "grace_period_days"),
)
"""Why a holding is kept: the codes of `decisions.kept_by`, in the order in which they count."""

DATA_MISSING = (NO_TRADE, SCORE_MISSING, VOLATILITY_MISSING)
"""What pins a holding at its current weight whatever its score."""

BELOW_EXIT = "below_min_score_threshold"
"""The gate of a holding that fails, while no grace is over: that is the gate of its grace."""

GATE_FACTS = ("is_term_over", "is_grace_over", "is_in_cooldown", "has_round_trips")
"""What stops a candidate."""


def keep_holdings(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with who keeps its place, why, and at which weight. *Requires* what the rules add."""
    has_no_score = ~pl.col("must_leave") & (pl.col("is_score_stale") | pl.col("is_unobserved"))
    reasons = {
        NO_TRADE: pl.col("is_no_trade"),
        SCORE_MISSING: has_no_score,
        VOLATILITY_MISSING: pl.col("lacks_volatility") & ~_leaves(),
        CORE: pl.col("is_core") & ~pl.col("must_leave"),
        YOUNG: pl.col("is_young") & ~pl.col("must_leave"),
    }
    locked = pl.coalesce(pl.when(pl.col("is_held") & reason).then(pl.lit(code)) for code, reason in reasons.items())
    is_over = pl.any_horizontal("must_leave", *GATE_FACTS)
    return (
        rows.lazy()
        .with_columns(kept_by=locked, is_locked=locked.is_not_null())
        .with_columns(is_in_grace=~pl.col("is_locked") & pl.col("grace_count").is_not_null() & ~is_over)
        .with_columns(
            is_pinned=pl.col("is_in_grace")
            | pl.col("kept_by").is_in(DATA_MISSING).fill_null(value=False)
            | (pl.col("is_locked") & (pl.col("fails") | pl.col("grace_count").is_not_null())),
            kept_weight=pl.when("is_in_grace").then("grace_weight").otherwise("current_weight"),
            kept_by=pl.when("is_in_grace").then(pl.lit(GRACE)).otherwise("kept_by"),
            kept_from=pl.when(pl.col("fails") & pl.col("is_read") & (pl.col("is_locked") | pl.col("is_in_grace"))).then(
                pl.when("is_grace_over").then(pl.lit(GRACE)).otherwise(pl.lit(BELOW_EXIT))
            ),
            gate_days_left=pl.when(~pl.col("is_locked") | (pl.col("kept_by") == YOUNG)).then("days_left"),
        )
        .pipe(run_plan)
    )


def _leaves() -> pl.Expr:
    """Whether a holding closes whatever slots and sizes there are: exits come before a volatility that is missing."""
    is_kept = pl.col("is_core") | pl.col("is_young")
    fails = (pl.col("score_units") < pl.col("exit_units")).fill_null(value=False)
    has_no_grace = pl.col("grace_count").is_null() | pl.col("is_grace_over")
    return pl.col("must_leave") | pl.col("is_term_over") | (fails & has_no_grace & ~is_kept)
