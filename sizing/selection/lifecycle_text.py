"""What a decision says of the past of a name: grace, locks, terms, cooldown and round trips, with numbers and dates."""

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.frames.weight_units import UNITS
from sizing.lifecycle.core_assets import core_assets
from sizing.lifecycle.grace import RECOVERY_SCORE
from sizing.lifecycle.kept_holdings import CORE, GRACE, YOUNG
from sizing.limits.fields import SHOWN_DECIMALS
from sizing.selection.gates import Gate, gate

_LIMITS = (
    *("grace_period_days", "grace_decay_rate", "min_decay_factor", "min_holding_days", "max_holding_days"),
    *("reentry_cooldown_days", "max_round_trips", "round_trip_window_days"),
    *("min_score_threshold", "min_score_new_position", "grace_recovery_score"),
)
_ROUNDING = 1.5 / UNITS
"""A weight in grace is rounded down to a unit: more than this is another number."""
_KEY = ["portfolio_id", "asset"]
_ENDINGS = dict(enumerate(("st", "nd", "rd"), start=1))  # codespell:ignore nd
_GATES = (Gate.IN_COOLDOWN, Gate.ROUND_TRIPS, Gate.TERM_OVER, Gate.GRACE_OVER)


def has_past() -> pl.Expr:
    """Whether the past of a name decided something on it."""
    return (
        pl.col("kept_by").is_in([CORE, YOUNG, GRACE]).fill_null(value=False)
        | pl.any_horizontal(pl.col("gate").eq_missing(gate(code)) for code in _GATES)
        | pl.col("starts_term")
    )


def past_notes(rows: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return `number, past`: one sentence each. *Requires* decided rows with `has_past`, and their `number`."""
    states = inputs.states.select(
        *_KEY,
        "opened_on",
        "term_started_on",
        "days_in_term",
        "closed_on",
        "days_since_closes",
        entry_weight=pl.when("is_held").then("grace_entry_weight"),
    )
    known = (
        rows.join(limit_frame(inputs.limits, _LIMITS), on="portfolio_id", how="left", maintain_order="left")
        .join(states, on=_KEY, how="left", maintain_order="left")
        .join(core_assets(inputs), on=_KEY, how="left", maintain_order="left")
        .with_columns(recovery=RECOVERY_SCORE, entry_weight=pl.coalesce("entry_weight", "current_weight"))
    )
    return known.select("number", past=pl.concat_str(_grace(), _lock(), _term(), _shut_out(), ignore_nulls=True))


def _weight(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Float64).round(SHOWN_DECIMALS).cast(pl.String)


def _times(count: pl.Expr) -> pl.Expr:
    """Write how often: the 1st time, the 2nd time."""
    last = pl.when((count // 10) % 10 == 1).then(0).otherwise(count % 10)
    ending = pl.coalesce(*(pl.when(last == digit).then(pl.lit(one)) for digit, one in _ENDINGS.items()), pl.lit("th"))
    return pl.format("the {}{} time", count, ending)


def _sessions(count: str) -> pl.Expr:
    return pl.when(pl.col(count) == 1).then(pl.lit("1 session")).otherwise(pl.format("{} sessions", count))


def _grace() -> pl.Expr:
    count, limit = pl.col("grace_count"), pl.col("grace_period_days")
    fails = pl.format(" Score {} is below {} for {};", "score", "min_score_threshold", _times(count + 1))
    waits = pl.format(" Score {} has not reached {};", "score", "recovery")
    # A lock, or a close that positions withdraw, lets it count on.
    counted = pl.format(" grace {} of {}", pl.min_horizontal(count, limit), limit)
    left = pl.max_horizontal(pl.col("grace_decay_rate").pow(count), "min_decay_factor")
    kept_weight, product = pl.col("kept_weight").cast(pl.Float64), pl.col("entry_weight").cast(pl.Float64) * left
    computed = pl.format(
        "{} x {} = {}", _weight("entry_weight"), left.round(SHOWN_DECIMALS), product.round(SHOWN_DECIMALS)
    )
    decayed = (
        pl.when(count == 0)
        .then(None)
        .when(kept_weight > product + _ROUNDING)
        .then(pl.format(": {} is below min_position_size, at most {}", computed, _weight("kept_weight")))
        .when(kept_weight < product - _ROUNDING)
        .then(pl.format(": at most {}, and it has {}", computed, _weight("kept_weight")))
        .otherwise(pl.format(": at most {}", computed))
    )
    ends = pl.format(". From {} it is sized again.", "recovery")
    is_kept = pl.col("kept_by") == GRACE
    kept = pl.concat_str(pl.when("fails").then(fails).otherwise(waits), counted, decayed, ends, ignore_nulls=True)
    is_over = pl.col("gate").eq_missing(gate(Gate.GRACE_OVER))
    over = pl.concat_str(fails, counted, pl.lit(" is over."))
    return pl.when(is_over).then(over).when(is_kept).then(kept)


def _lock() -> pl.Expr:
    young = pl.format(
        " Opened {}, day {} of min_holding_days {}: it keeps its place.", "opened_on", "days_held", "min_holding_days"
    )
    core = pl.format(" Core asset until {} ({}): it keeps its place.", "core_until", "core_reason")
    return pl.when(pl.col("kept_by") == YOUNG).then(young).when(pl.col("kept_by") == CORE).then(core)


def _term() -> pl.Expr:
    began = pl.format(" Its term began {}, {} sessions ago", "term_started_on", "days_in_term")
    renewed = pl.format(": score {} passes like a new name, and a new term begins.", "score")
    is_over = pl.col("gate").eq_missing(gate(Gate.TERM_OVER))
    return pl.when(is_over).then(pl.concat_str(began, pl.lit("."))).when("starts_term").then(began + renewed)


def _shut_out() -> pl.Expr:
    last, ago = pl.col("closed_on").list.first(), pl.col("days_since_closes").list.first()
    again = pl.format(" in {} at the earliest.", _sessions("gate_days_left"))
    closed = pl.format(" Closed {}, {} of {} sessions ago: opened again", last, ago, "reentry_cooldown_days")
    often = pl.format(
        " Closed {} times within {} sessions, last {}: opened again", "max_round_trips", "round_trip_window_days", last
    )
    sentences = {Gate.IN_COOLDOWN: closed, Gate.ROUND_TRIPS: often}
    return pl.coalesce(
        pl.when(pl.col("gate").eq_missing(gate(code))).then(sentence + again) for code, sentence in sentences.items()
    )
