"""What the past of a holding means today: who keeps its place and at which weight, who is judged anew, who stays out.

All rules of docs/lifecycle.md for all candidates at once; each has a module beside this one. They add facts; which of
them stops a candidate first is decided in selection/eligibility.py. With every limit off they add what no_trade and
missing scores alone mean.
"""

from collections.abc import Mapping

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.frames.plans import run_plan
from sizing.frames.score_units import score_units
from sizing.lifecycle.core_assets import core_assets
from sizing.lifecycle.grace import RECOVERY_SCORE, grace_count, grace_weight, is_grace_over, is_unobserved
from sizing.lifecycle.kept_holdings import keep_holdings
from sizing.lifecycle.needed_score import open_units
from sizing.lifecycle.reentry import is_gone, shut_out
from sizing.lifecycle.terms import is_reviewed, is_term_over

_LIMITS = (
    *("grace_period_days", "grace_decay_rate", "min_decay_factor", "grace_recovery_score", "min_holding_days"),
    *("max_holding_days", "max_holding_action", "reentry_cooldown_days", "max_round_trips", "round_trip_window_days"),
    *("reentry_score", "min_position_size", "enable_dynamic_sizing", "min_score_threshold", "min_score_new_position"),
)
_NAMES = ["portfolio_id", "asset"]

_NOT_IN_FORCE: Mapping[str, pl.Expr] = {
    "is_read": pl.lit(value=False),
    "fails": pl.lit(value=False),
    "is_core": pl.lit(value=False),
    "is_young": pl.lit(value=False),
    "is_unobserved": pl.lit(value=False),
    "grace_count": pl.lit(None, pl.Int32),
    "grace_weight": pl.col("current_weight"),
    "days_held": pl.lit(None, pl.Int32),
    "days_left": pl.lit(None, pl.Int32),
    "is_term_over": pl.lit(value=False),
    "is_grace_over": pl.lit(value=False),
    "is_in_cooldown": pl.lit(value=False),
    "has_round_trips": pl.lit(value=False),
    "starts_term": pl.lit(value=False),
    "open_units": pl.when("is_held").then("exit_units").when(~pl.col("lacks_volatility")).then("entry_units"),
    "grace_units": pl.lit(0, pl.Int64),
    "scenario_class": pl.col("lacks_volatility").cast(pl.Int64),
}
"""What holds of a candidate where no limit of the lifecycle is on."""

_FOR_KEEPING = (
    *("is_read", "is_no_trade", "must_leave", "is_core"),
    *("is_young", "is_unobserved", "grace_weight", "days_left"),
)


def add_lifecycle(candidates: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return the candidates with what their past means today.

    *Requires* what `universe.candidates` returns, `exit_units, entry_units, lacks_volatility`. *Adds* `is_locked` (it
    cannot lose its place), `is_in_grace` (it keeps its place if there is one), `is_pinned` (its weight is
    `kept_weight`), `kept_by`, `kept_from` (the gate that it would have had), `fails` (below the exit score),
    `grace_count`, `days_held`, `gate_days_left`, `starts_term`; the gates `is_term_over, is_grace_over,
    is_in_cooldown, has_round_trips`; `open_units` (the least score with which nothing but a slot is missing; null: no
    score does), `grace_units` (below it the holding is in grace), and `scenario_class`, equal where these two arise
    alike.
    """
    rows = candidates.with_columns(is_no_trade=_is("no_trade"), must_leave=_is("must_sell") | pl.col("is_excluded"))
    is_on = any(one.reads_lifecycle or one.core_assets for one in inputs.limits.values())
    return keep_holdings(_judge(rows, inputs) if is_on else rows.with_columns(**_NOT_IN_FORCE)).drop(_FOR_KEEPING)


def _is(restriction: str) -> pl.Expr:
    return pl.col("restriction").eq_missing(pl.lit(restriction))


def _judge(rows: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Judge every candidate by its state, under the limits of its portfolio."""
    known = (
        rows.lazy()
        .join(_limits(inputs), on="portfolio_id", how="left", maintain_order="left")
        .join(
            core_assets(inputs).lazy().select(*_NAMES, is_core=pl.lit(value=True)),
            on=_NAMES,
            how="left",
            maintain_order="left",
        )
        .join(_states(inputs), on=_NAMES, how="left", maintain_order="left")
        .with_columns(
            is_core=pl.col("is_held") & pl.col("is_core").fill_null(value=False) & ~is_gone(),
            has_clocks=pl.col("counts_as_held").fill_null(value=False),
            is_read=_is_read(inputs),
            has_score_today=pl.col("score_units").is_not_null() & (pl.col("score_age_days") == 0),
            fails=pl.col("is_held") & (pl.col("score_units") < pl.col("exit_units")).fill_null(value=False),
            is_young=(pl.col("days_held") < pl.col("min_holding_days")).fill_null(value=False),
            n_failing=pl.col("grace_before").fill_null(-1) + 1,
        )
    )
    counted = known.with_columns(
        grace_count=grace_count(),
        is_reviewed=is_reviewed(),
        is_unobserved=is_unobserved(),
        **shut_out(),
    )
    judged = counted.with_columns(
        grace_weight=grace_weight(),
        is_term_over=is_term_over(),
        is_grace_over=is_grace_over(),
        **open_units(),
    )
    return (
        judged.with_columns(starts_term=pl.col("is_reviewed") & ~pl.col("is_term_over"), days_left=_days_left())
        .select(*rows.columns, *_NOT_IN_FORCE)
        .pipe(run_plan)
    )


def _limits(inputs: DayInputs) -> pl.LazyFrame:
    return (
        limit_frame(inputs.limits, _LIMITS)
        .lazy()
        .with_columns(grace_recovery_score=RECOVERY_SCORE)
        .with_columns(
            recovery_units=score_units("grace_recovery_score"),
            reentry_units=score_units("reentry_score"),
            closes_at_term=pl.col("max_holding_action") == "close",
            least_weight=pl.when("enable_dynamic_sizing").then("min_position_size").otherwise(0.0),
        )
        .drop("min_score_threshold", "min_score_new_position")
    )


def _is_read(inputs: DayInputs) -> pl.Expr:
    """Whether a limit of the portfolio reads what happened to its holdings before the day."""
    return pl.col("portfolio_id").is_in([name for name, one in inputs.limits.items() if one.reads_lifecycle])


def _states(inputs: DayInputs) -> pl.LazyFrame:
    """Return what the rules read of the states: the clocks of what is held, the closes of every name."""
    clocks = {"days_held": "days_held", "days_in_term": "days_in_term", "grace_before": "grace_count"}
    return (
        inputs.states.lazy()
        .filter(_is_read(inputs))
        .select(
            *_NAMES,
            "grace_entry_weight",
            "days_since_closes",
            counts_as_held="is_held",
            **{name: pl.when("is_held").then(clock) for name, clock in clocks.items()},
        )
    )


def _days_left() -> pl.Expr:
    """Count the sessions until a lock ends, a term is over or a name may return; of grace the failing scores left."""
    closes, due = pl.col("days_since_closes"), pl.col("max_holding_days") - pl.col("days_in_term")
    left = (
        pl.when("is_young")
        .then(pl.col("min_holding_days") - pl.col("days_held"))
        .when("is_in_cooldown")
        .then(pl.col("reentry_cooldown_days") + 1 - closes.list.first())
        .when("has_round_trips")
        .then(pl.col("round_trip_window_days") + 1 - pl.col("nth_close"))
        .when(pl.col("is_term_over") | pl.col("is_grace_over") | pl.col("must_leave"))
        .then(None)
        .when(pl.col("grace_count").is_not_null())
        .then((pl.col("grace_period_days") - pl.col("grace_count")).clip(0))
        .when(pl.col("is_held") & ~((pl.col("grace_period_days") == 0) & pl.col("fails")))
        .then(pl.when("is_reviewed").then("max_holding_days").otherwise(due.clip(0)))
    )
    return left.cast(pl.Int32)
