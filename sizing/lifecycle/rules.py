"""What the past of a holding means today: who keeps its place and at which weight, who is judged anew, who stays out.

Every rule of docs/lifecycle.md 3, for all candidates at once. It adds facts; which of them stops a candidate first is
decided in selection/eligibility.py. With every limit off it adds what no_trade and missing scores alone mean.

With e = min_score_threshold, N = grace_period_days, k counts failing scores, and a failing holding is kept at

    p = min(current, max(w0 max(r^k, f), m)),  w0 its weight on the first failing day.
"""

from collections.abc import Mapping

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.frames.plans import run_plan
from sizing.frames.score_units import score_units
from sizing.frames.weight_units import SNAP, UNITS, as_weight

NO_TRADE, SCORE_MISSING, VOLATILITY_MISSING, CORE, YOUNG, GRACE = (
    *("no_trade", "score_missing", "volatility_missing", "core_assets", "min_holding_days", "grace_period_days"),
)
"""Why a holding is kept: the codes of `decisions.kept_by`, in the order in which they count."""

DATA_MISSING = (NO_TRADE, SCORE_MISSING, VOLATILITY_MISSING)
"""What pins a holding at its current weight whatever its score."""

BELOW_EXIT = "below_min_score_threshold"
"""The gate of a holding that fails, while no grace is over: that is the gate of its grace."""

_LIMITS = (
    *("grace_period_days", "grace_decay_rate", "min_decay_factor", "grace_recovery_score", "min_holding_days"),
    *("max_holding_days", "max_holding_action", "reentry_cooldown_days", "max_round_trips", "round_trip_window_days"),
    *("reentry_score", "min_position_size", "enable_dynamic_sizing", "min_score_threshold", "min_score_new_position"),
)
_NAMES = ["portfolio_id", "asset"]

RECOVERY_SCORE = pl.coalesce("grace_recovery_score", pl.max_horizontal("min_score_new_position", "min_score_threshold"))
"""The score that ends grace, from the limits of a portfolio."""

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

GATE_FACTS = ("is_term_over", "is_grace_over", "is_in_cooldown", "has_round_trips")
"""What stops a candidate."""

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
    return _keep(_judge(rows, inputs) if is_on else rows.with_columns(**_NOT_IN_FORCE)).drop(_FOR_KEEPING)


def _is(restriction: str) -> pl.Expr:
    return pl.col("restriction").eq_missing(pl.lit(restriction))


def _keep(rows: pl.DataFrame) -> pl.DataFrame:
    """Decide who keeps its place, and at which weight."""
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
            is_core=pl.col("is_held") & pl.col("is_core").fill_null(value=False) & ~_is_gone(),
            has_clocks=pl.col("counts_as_held").fill_null(value=False),
            is_read=_is_read(inputs),
            has_score_today=pl.col("score_units").is_not_null() & (pl.col("score_age_days") == 0),
            fails=pl.col("is_held") & (pl.col("score_units") < pl.col("exit_units")).fill_null(value=False),
            is_young=(pl.col("days_held") < pl.col("min_holding_days")).fill_null(value=False),
            n_failing=pl.col("grace_before").fill_null(-1) + 1,
        )
    )
    counted = known.with_columns(
        grace_count=_grace_count(),
        is_reviewed=_is_reviewed(),
        is_unobserved=pl.col("is_held")
        & (pl.col("grace_period_days") > 0)
        & (pl.col("score_age_days") > 0).fill_null(value=False)
        & (pl.col("fails") | pl.col("grace_before").is_not_null()),
        **_shut_out(),
    )
    judged = counted.with_columns(
        grace_weight=_grace_weight(),
        is_term_over=pl.col("is_reviewed")
        & (pl.col("closes_at_term") | (pl.col("score_units") < pl.col("entry_units"))),
        is_grace_over=pl.col("fails")
        & pl.col("has_score_today")
        & (pl.col("grace_period_days") > 0)
        & (pl.col("grace_count") >= pl.col("grace_period_days")).fill_null(value=False),
        **_open_units(),
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


def core_assets(inputs: DayInputs) -> pl.DataFrame:
    """Return the core assets of the day: `portfolio_id, asset, core_until, core_reason`."""
    rows = [
        (name, asset, core.until, core.reason)
        for name, one in inputs.limits.items()
        for asset, core in one.core_on(inputs.day_of(name)).items()
    ]
    schema = {**dict.fromkeys(_NAMES, pl.String()), "core_until": pl.Date(), "core_reason": pl.String()}
    return pl.DataFrame(rows, schema=schema, orient="row")


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


def _is_gone() -> pl.Expr:
    """Whether a name counts as closed: what is held of it is dust, which has no clocks and no place to keep."""
    return (~pl.col("counts_as_held")).fill_null(value=False)


def _grace_count() -> pl.Expr:
    """Count the failing scores after the first. Only a score of today is an observation."""
    before, recovers = pl.col("grace_before"), pl.col("score_units") >= pl.col("recovery_units")
    counted = (
        pl.when(~pl.col("has_score_today")).then(before).when("fails").then("n_failing").when(~recovers).then(before)
    )
    return pl.when(pl.col("has_clocks") & (pl.col("grace_period_days") > 0)).then(counted).cast(pl.Int32)


def _grace_weight() -> pl.Expr:
    """Return p, rounded down to a unit; the current weight where no grace runs."""
    current, is_first = pl.col("current_weight").cast(pl.Float64), pl.col("grace_before").is_null()
    entry = pl.when(is_first).then(current).otherwise(pl.col("grace_entry_weight").cast(pl.Float64))
    kept = decayed_weight(entry, pl.col("grace_count"))
    return pl.when(pl.col("grace_count").is_null()).then("current_weight").otherwise(kept)


def decayed_weight(entry: pl.Expr, count: pl.Expr) -> pl.Expr:
    """Return p after `count` failing scores, rounded down to a unit.

    *Requires* `current_weight, grace_decay_rate, min_decay_factor, least_weight`.
    """
    left = pl.max_horizontal(pl.col("grace_decay_rate").pow(count), "min_decay_factor")
    units = (pl.max_horizontal(entry * left, "least_weight") * UNITS + SNAP).floor().cast(pl.Int64)
    return pl.min_horizontal("current_weight", as_weight(units))


def _is_reviewed() -> pl.Expr:
    """Whether a term is over and can be judged: postponed without a score of today, or while the place is locked."""
    is_due = (pl.col("days_in_term") >= pl.col("max_holding_days")).fill_null(value=False)
    is_locked = pl.col("is_no_trade") | pl.col("is_core") | pl.col("is_young")
    return pl.col("is_held") & is_due & pl.col("has_score_today") & ~is_locked


def _shut_out() -> Mapping[str, pl.Expr]:
    """Whether a name was closed too lately or too often to come back; of holdings only what a file shows as gone."""
    cooldown, closes = pl.col("reentry_cooldown_days"), pl.col("days_since_closes")
    nth = closes.list.get(pl.col("max_round_trips") - 1, null_on_oob=True)
    is_out = ~pl.col("is_held") | _is_gone()
    returns = (pl.col("score_units") >= pl.col("reentry_units")).fill_null(value=False)
    is_recent = is_out & ((cooldown > 0) & (closes.list.first() <= cooldown)).fill_null(value=False)
    is_frequent = is_out & (nth <= pl.col("round_trip_window_days")).fill_null(value=False)
    return {
        "is_shut_out": is_recent | is_frequent,
        "is_in_cooldown": is_recent & ~returns,
        "has_round_trips": is_frequent & ~returns,
        "nth_close": nth,
    }


def _open_units() -> Mapping[str, pl.Expr]:
    """Return the least score that leaves only the slot to be found, below which grace runs, and the class of both."""
    has_grace = pl.col("has_clocks") & (pl.col("grace_period_days") > 0)
    is_keepable = has_grace & (pl.col("n_failing") < pl.col("grace_period_days"))
    is_running = has_grace & pl.col("grace_before").is_not_null()
    exits = pl.when(is_keepable).then(0).otherwise("exit_units")
    passes = pl.when(~pl.col("closes_at_term")).then(pl.max_horizontal(exits, "entry_units"))
    held = pl.when("is_reviewed").then(passes).otherwise(exits)
    least = pl.when("is_held").then(held).when(~pl.col("lacks_volatility")).then("entry_units")
    returns = pl.when(pl.col("reentry_units").is_not_null()).then(pl.max_horizontal(least, "reentry_units"))
    flags = (pl.col("lacks_volatility"), is_keepable, is_running, pl.col("is_reviewed"), pl.col("is_shut_out"))
    return {
        "open_units": pl.when("is_shut_out").then(returns).otherwise(least),
        "grace_units": pl.when(is_running).then("recovery_units").when(has_grace).then("exit_units").otherwise(0),
        "scenario_class": pl.sum_horizontal(flag.cast(pl.Int64) * 2**bit for bit, flag in enumerate(flags)),
    }


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
