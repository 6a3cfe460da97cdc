"""The words of a decision: one sentence for all candidates that were stopped, or let in, by the same.

A million candidates share a few thousand sentences, so these are written once each and then handed out.
"""

import polars as pl

from sizing.frames.score_units import SCORE_UNITS
from sizing.lifecycle.kept_holdings import VOLATILITY_MISSING
from sizing.selection.gates import Gate, gate


def verdict(is_hopeless: pl.Expr) -> pl.Expr:
    """Explain the outcome of a candidate, and its entry score. *Requires* gate, limits, flags and counterfactual."""
    return pl.concat_str(_outcome(), _counterfactual_text(is_hopeless))


def _outcome() -> pl.Expr:
    sentences = {
        Gate.MUST_SELL: pl.when("is_held").then(pl.lit("must be sold.")).otherwise(pl.lit("may not be held.")),
        Gate.NO_TRADE: pl.lit("may not be traded."),
        Gate.NO_BUY: pl.lit("may not be bought."),
        Gate.EXCLUDED: pl.lit("left out by the portfolio's universe."),
        Gate.NO_BUCKET: pl.lit("the asset list does not know its bucket."),
        Gate.NO_VOLATILITY: pl.lit("it has no volatility, which the limits of the portfolio need."),
        Gate.IN_COOLDOWN: pl.format("stays out, reentry_cooldown_days {}.", "reentry_cooldown_days"),
        Gate.ROUND_TRIPS: pl.format(
            "stays out, max_round_trips {} in {} days.", "max_round_trips", "round_trip_window_days"
        ),
        Gate.TERM_OVER: pl.format("its term of max_holding_days {} is over.", "max_holding_days"),
        Gate.GRACE_OVER: pl.format("its grace is over, grace_period_days {}.", "grace_period_days"),
        Gate.BELOW_EXIT: pl.format("below min_score_threshold {}.", "min_score_threshold"),
        Gate.BELOW_ENTRY: pl.format("below min_score_new_position {}.", "min_score_new_position"),
        Gate.BUCKET_FULL: pl.format("no place in bucket {}, at most {} positions.", "bucket", "bucket_limit"),
        Gate.TOTAL_FULL: pl.format("no place, at most {} positions in all.", "max_total_positions"),
        Gate.NEW_FULL: pl.format("no place, at most {} new names a day.", "max_new_positions"),
        Gate.MIN_BUCKETS: pl.format(
            "its place goes to a missing bucket, {} must be represented.", "min_buckets_represented"
        ),
        Gate.REPLACED: pl.format("replaced by a new name that scores {}more.", _at_least()),
    }
    stopped = pl.coalesce(pl.when(pl.col("gate") == gate(code)).then(sentence) for code, sentence in sentences.items())
    return (
        pl.when("is_locked")
        .then(pl.when("is_pinned").then(pl.lit("kept at its weight.")).otherwise(pl.lit("kept.")))
        .when(pl.col("gate").is_not_null())
        .then(stopped)
        .when("is_pinned")
        .then(pl.lit("kept in grace."))
        .when(pl.col("is_held") & pl.col("is_reserved"))
        .then(pl.format("kept, it stands for bucket {}.", "bucket"))
        .when("is_held")
        .then(pl.lit("kept."))
        .when("is_reserved")
        .then(pl.format("selected for a place kept for bucket {}.", "bucket"))
        .otherwise(pl.lit("selected."))
    )


def _at_least() -> pl.Expr:
    has_margin = pl.col("replacement_margin") > 0
    return pl.when(has_margin).then(pl.format("at least {} ", "replacement_margin")).otherwise(pl.lit(""))


def _counterfactual_text(is_hopeless: pl.Expr) -> pl.Expr:
    """Explain the entry score, unless the outcome already names it."""
    has_rival, selected = pl.col("rival").is_not_null(), pl.col("gate").is_null()
    names_threshold = (pl.col("gate") == gate(Gate.BELOW_EXIT)) | (pl.col("gate") == gate(Gate.BELOW_ENTRY))
    is_in_outcome = names_threshold & ~has_rival & (pl.col("entry_units") == pl.col("open_units"))
    enters = pl.concat_str(
        pl.when("is_held").then(pl.lit(" It would stay at ")).otherwise(pl.lit(" It would enter at ")),
        _entry_score(),
        pl.format(", in the place of {}", "rival"),
        pl.lit("."),
        ignore_nulls=True,
    )
    leaves = pl.concat_str(
        pl.lit(" It would leave below "),
        _entry_score(),
        pl.format(", {} would come", "rival"),
        pl.lit("."),
        ignore_nulls=True,
    )
    return (
        pl.when(is_in_outcome)
        .then(pl.lit(""))
        .when(pl.col("question").is_not_null())
        .then(pl.when(selected).then(leaves).otherwise(enters))
        .when(is_hopeless)
        .then(pl.lit(" No score would do."))
        .otherwise(pl.lit(""))
    )


def _entry_score() -> pl.Expr:
    """Write the entry score from its whole units: every decimal that it has, and none from a division."""
    whole, rest = pl.col("entry_units") // SCORE_UNITS, pl.col("entry_units") % SCORE_UNITS
    decimals = (rest + SCORE_UNITS).cast(pl.String).str.slice(1)
    return pl.format("{}.{}", whole, decimals).str.strip_chars_end("0").str.strip_chars_end(".")


def notes() -> pl.Expr:
    """Note what else a reader must know: the restriction, an old score, a missing one, half a score."""
    restriction = pl.format(
        " Restriction {}: {}.", "restriction", pl.col("restriction_reason").fill_null("no reason given")
    )
    stale = pl.format(" No score within {} trading days: never sold for missing data.", "max_score_age_days")
    return pl.concat_str(
        pl.when(pl.col("restriction").is_not_null()).then(restriction),
        pl.when(pl.col("is_score_stale") & pl.col("is_pinned"))
        .then(stale)
        .when(pl.col("score_age_days") > 0)
        .then(pl.format(" The score is from {}.", "score_date")),
        pl.when("has_partial_score").then(pl.lit(" Only one part of the score came.")),
        pl.when(pl.col("kept_by") == VOLATILITY_MISSING).then(
            pl.lit(" It has no volatility: never traded for missing data.")
        ),
        ignore_nulls=True,
    )


def has_notes() -> pl.Expr:
    """Whether there is anything to note."""
    return (
        pl.col("restriction").is_not_null()
        | (pl.col("is_score_stale") & pl.col("is_pinned"))
        | (pl.col("score_age_days") > 0)
        | pl.col("has_partial_score")
        | (pl.col("kept_by") == VOLATILITY_MISSING).fill_null(value=False)
    )
