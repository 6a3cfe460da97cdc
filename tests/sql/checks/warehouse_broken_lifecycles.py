"""Runs that must be rejected for what they say of the past of a name: what is wrong, the check, and in which words."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from tests.sql.checks.warehouse_broken_runs import ASSET, Frames, lock, set_weight, trade
from tests.sql.warehouse_samples import DAY, make_frames

TRUE, FALSE = pl.lit(value=True), pl.lit(value=False)
NOTHING = pl.lit(None)


def change(table: str, asset: str, /, **columns: pl.Expr) -> Callable[[Frames], Frames]:
    """Change columns of the rows of an asset."""
    is_it = asset == ASSET
    changed = [pl.when(is_it).then(value).otherwise(pl.col(name)).alias(name) for name, value in columns.items()]
    return lambda frames: frames | {table: frames[table].with_columns(changed)}


def days(*ago: int) -> pl.Expr:
    """Return days before the run's, as a list."""
    return pl.lit([_before(one) for one in ago], pl.List(pl.Date))


def holding(**weights: str) -> Frames:
    """Hold AAA at 0.5 before and afterwards, or at these weights, which say what it is to be and what it was."""
    return make_frames(
        {"p1": {"AAA": weights.get("target", "0.5"), "BBB": "0.3", "CCC": "0"}},
        held={"AAA": weights.get("held", "0.5")},
    )


def in_grace(frames: Frames, count: int = 1, entry_weight: str = "0.5", **columns: pl.Expr) -> Frames:
    """Keep AAA in grace."""
    counted = pl.lit(count, pl.Int32)
    decided = {"kept_by": pl.lit("grace_period_days"), "is_pinned": TRUE, "grace_count": counted} | columns
    kept = {
        "grace_started_on": pl.lit(_before(1)),
        "grace_count": counted,
        "grace_entry_weight": set_weight(entry_weight),
    }
    return change("lifecycle", "AAA", **kept)(change("decisions", "AAA", **decided)(frames))


def select_more(frames: Frames, *assets: str) -> Frames:
    """Select other assets too, as AAA is."""
    row = frames["decisions"].filter(ASSET == "AAA")
    others = [row.with_columns(asset=pl.lit(asset)) for asset in assets]
    return frames | {"decisions": pl.concat([frames["decisions"], *others])}


def rest_of_a_file(weight: str) -> Frames:
    """Hold CCC at so little that it counts as gone, and leave it."""
    frames = make_frames({"p1": {"AAA": "0.5", "BBB": "0.3", "CCC": "0"}}, held={"CCC": weight})
    return frames | {"lifecycle": frames["lifecycle"].filter(ASSET != "CCC")}


def _before(days_ago: int) -> date:
    return DAY - timedelta(days=days_ago)


def stopped(gate: str, days_left: int | None, *closed: int) -> Callable[[Frames], Frames]:
    """Stop CCC for what was closed so many days ago."""

    def stop(frames: Frames) -> Frames:
        left = pl.lit(days_left, pl.Int32)
        decided = change("decisions", "CCC", gate=pl.lit(gate), gate_days_left=left)(frames)
        return change("lifecycle", "CCC", closed_on=days(*closed))(decided)

    return stop


def _state(**columns: pl.Expr) -> Callable[[Frames], Frames]:
    return lambda _: change("lifecycle", "AAA", **columns)(holding())


def _sell_locked() -> Frames:
    return trade(lock(holding(), "AAA", "core_assets"), AAA="-0.5")


_LOCKED = "locked_holdings_stay"
_TOO_SOON = "nothing_comes_back_too_soon"
_GRACE = "grace_never_grows"
_STATES = "states_are_as_in_targets"

BROKEN_LIFECYCLES: dict[str, tuple[str, Callable[[Frames], Frames], str]] = {
    "no word of whether it is locked": (
        _LOCKED,
        change("decisions", "AAA", is_locked=NOTHING),
        "AAA has is_locked null",
    ),
    "locked for no reason": (
        _LOCKED,
        lambda _: change("decisions", "AAA", is_locked=TRUE)(holding()),
        "AAA has is_locked true, is_pinned false, kept_by null",
    ),
    "locked by grace": (
        _LOCKED,
        lambda _: lock(holding(), "AAA", "grace_period_days"),
        "AAA has is_locked true, is_pinned true, kept_by grace_period_days",
    ),
    "kept by a lock that is none": (
        _LOCKED,
        lambda _: change("decisions", "AAA", kept_by=pl.lit("core_assets"))(holding()),
        "AAA has is_locked false, is_pinned false, kept_by core_assets",
    ),
    "a locked holding that is not selected": (
        _LOCKED,
        lambda frames: lock(frames, "CCC", "core_assets"),
        "CCC has is_locked true, is_pinned true, kept_by core_assets, is_selected false",
    ),
    "a locked holding that is sold": (
        _LOCKED,
        lambda _: _sell_locked(),
        "is_selected true, days_held null, held with 0.50000000, then with 0.00000000",
    ),
    "a locked new name": (_LOCKED, lambda frames: lock(frames, "AAA", "score_missing"), "held with 0.00000000"),
    "a locked holding that must be sold": (
        _LOCKED,
        lambda _: lock(holding(), "AAA", "core_assets", restriction=pl.lit("must_sell")),
        "AAA has is_locked true",
    ),
    "a locked holding that is excluded": (
        _LOCKED,
        lambda _: lock(holding(), "AAA", "core_assets", gate=pl.lit("excluded")),
        "AAA has is_locked true",
    ),
    "pinned for no reason": (
        _LOCKED,
        lambda _: change("decisions", "AAA", is_pinned=TRUE)(holding()),
        "AAA has is_locked false, is_pinned true, kept_by null",
    ),
    "a new name that is kept": (
        _LOCKED,
        change("decisions", "AAA", kept_by=pl.lit("grace_period_days")),
        "AAA has is_locked false, is_pinned false, kept_by grace_period_days",
    ),
    "kept by a restriction that is none": (
        _LOCKED,
        lambda _: lock(holding(), "AAA", "no_trade"),
        "AAA has is_locked true, is_pinned true, kept_by no_trade",
    ),
    "a lock that is over": (
        _LOCKED,
        lambda _: lock(holding(), "AAA", "min_holding_days", days_held=pl.lit(3, pl.Int32)),
        "kept_by min_holding_days, is_selected true, days_held 3",
    ),
    "a lock of what was opened on an unknown day": (
        _LOCKED,
        lambda _: lock(holding(), "AAA", "min_holding_days"),
        "kept_by min_holding_days, is_selected true, days_held null",
    ),
    "no lock though it is not over": (
        _LOCKED,
        lambda _: change("decisions", "AAA", days_held=pl.lit(2, pl.Int32))(holding()),
        "AAA has is_locked false, is_pinned false, kept_by null, is_selected true, days_held 2",
    ),
    "an opening within the cooldown": (
        _TOO_SOON,
        change("lifecycle", "AAA", closed_on=days(5)),
        "AAA with score 0.8 has gate null, no days left, opened 2026-03-02, closed [2026-02-25]; limits: 5 days",
    ),
    "an opening after too many round trips": (
        _TOO_SOON,
        change("lifecycle", "AAA", closed_on=days(6, 20)),
        "closed [2026-02-24, 2026-02-10]; limits: 5 days, 2 closings in 20 days",
    ),
    "a stop without a close": (
        _TOO_SOON,
        lambda _: stopped("reentry_cooldown_days", 3)(rest_of_a_file("0.00005")),
        "CCC with score 0.8 has gate reentry_cooldown_days, 3 days left, opened no day, closed []",
    ),
    "a stop of more days than have passed": (
        _TOO_SOON,
        stopped("reentry_cooldown_days", 3, 2),
        "gate reentry_cooldown_days, 3 days left, opened no day, closed [2026-02-28]",
    ),
    "a stop without an end": (_TOO_SOON, stopped("reentry_cooldown_days", None, 3), "CCC with score 0.8 has gate"),
    "a stop that is over": (_TOO_SOON, stopped("reentry_cooldown_days", 0, 6), "reentry_cooldown_days, 0 days left"),
    "a stop longer than the limit": (_TOO_SOON, stopped("reentry_cooldown_days", 7, 0), "7 days left"),
    "a stop for one round trip of two": (_TOO_SOON, stopped("max_round_trips", 20, 1), "gate max_round_trips"),
    "a stop for an older round trip than so many days": (
        _TOO_SOON,
        stopped("max_round_trips", 2, 1, 18),
        "gate max_round_trips, 2 days left",
    ),
    "more selected than there may be": (
        "no_more_selected_than_max_total_positions",
        lambda frames: select_more(frames, "DDD", "EEE"),
        "4 are selected, 0 of them locked, max_total_positions is 3",
    ),
    "more selected than the locked ones": (
        "no_more_selected_than_max_total_positions",
        lambda _: select_more(lock(holding(), "AAA", "core_assets"), "DDD", "EEE", "FFF"),
        "5 are selected, 4 of them locked, max_total_positions is 3",
    ),
    "grace that grows": (
        _GRACE,
        lambda _: in_grace(holding(held="0.3", target="0.31")),
        "AAA in grace 1 of 3 has kept_by grace_period_days, is_pinned true, a score of 0 days, current 0.30000000",
    ),
    "grace above its schedule": (
        _GRACE,
        lambda _: in_grace(holding(target="0.40000002")),
        "current 0.50000000, target 0.40000002, at most 0.40000000",
    ),
    "grace above the least of its schedule": (
        _GRACE,
        lambda _: in_grace(holding(held="0.03", target="0.02000002"), count=2, entry_weight="0.03"),
        "target 0.02000002, at most 0.02000000",
    ),
    "grace that the sizer sizes": (
        _GRACE,
        lambda _: in_grace(holding(target="0.4"), is_pinned=FALSE),
        "is_pinned false",
    ),
    "grace by a score of another day": (
        _GRACE,
        lambda _: in_grace(holding(target="0.4"), score_age_days=pl.lit(1, pl.Int32)),
        "a score of 1 days",
    ),
    "grace beyond its last failing score": (_GRACE, lambda _: in_grace(holding(target="0.2"), count=3), "grace 3 of 3"),
    "grace that is not said": (
        _GRACE,
        lambda _: in_grace(holding(target="0.4"), kept_by=NOTHING, is_pinned=FALSE),
        "AAA in grace 1 of 3 has kept_by null",
    ),
    "grace that is not counted": (
        _GRACE,
        lambda _: in_grace(holding(target="0.4"), grace_count=NOTHING),
        "AAA in grace null of 3",
    ),
    "grace that is not remembered": (
        _GRACE,
        lambda _: change("lifecycle", "AAA", grace_count=pl.lit(0, pl.Int32))(in_grace(holding(target="0.4"))),
        "AAA in grace 1 of 3",
    ),
    "a holding without a state": (
        _STATES,
        lambda frames: frames | {"lifecycle": frames["lifecycle"].filter(ASSET != "AAA")},
        "AAA goes from 0.00000000 to 0.50000000; its state: none",
    ),
    "a state without a holding": (
        _STATES,
        change("lifecycle", "AAA", asset=pl.lit("ZZZ")),
        "ZZZ goes from nothing to nothing; its state: {'run_id'",
    ),
    "a closed name that is held": (
        _STATES,
        change("lifecycle", "CCC", is_held=TRUE),
        "CCC goes from 0.10000000 to 0.00000000",
    ),
    "a holding that is not held": (
        _STATES,
        lambda _: change("lifecycle", "AAA", is_held=FALSE, closed_on=days(3))(holding()),
        "AAA goes from 0.50000000 to 0.50000000",
    ),
    "an opening that is not remembered": (
        _STATES,
        change("lifecycle", "AAA", opened_on=pl.lit(_before(1))),
        "AAA goes from 0.00000000 to 0.50000000",
    ),
    "an opening that was none": (_STATES, _state(opened_on=pl.lit(DAY)), "AAA goes from 0.50000000 to 0.50000000"),
    "a closing that is not remembered": (
        _STATES,
        change("lifecycle", "CCC", closed_on=days(1)),
        "CCC goes from 0.10000000 to 0.00000000",
    ),
    "a closing that was none": (_STATES, _state(closed_on=days(0)), "AAA goes from 0.50000000 to 0.50000000"),
    "a state of what is neither held nor closed": (
        _STATES,
        lambda _: change("lifecycle", "CCC", asset=pl.lit("ZZZ"), closed_on=days())(make_frames()),
        "ZZZ goes from nothing to nothing",
    ),
    "a holding without a term": (_STATES, _state(term_started_on=NOTHING), "'term_started_on': NULL"),
    "a term of tomorrow": (_STATES, _state(term_started_on=pl.lit(_before(-1))), "'term_started_on': 2026-03-03"),
    "a close of tomorrow": (_STATES, _state(closed_on=days(-1)), "'closed_on': [2026-03-03]"),
    "closes out of order": (_STATES, _state(closed_on=days(5, 3)), "'closed_on': [2026-02-25, 2026-02-27]"),
    "a close that is there twice": (_STATES, _state(closed_on=days(3, 3)), "'closed_on': [2026-02-27, 2026-02-27]"),
    "grace without a count": (
        _STATES,
        _state(grace_started_on=pl.lit(DAY), grace_entry_weight=set_weight("0.5")),
        "AAA",
    ),
    "grace without a weight": (_STATES, _state(grace_started_on=pl.lit(DAY), grace_count=pl.lit(0, pl.Int32)), "AAA"),
    "grace from nothing": (
        _STATES,
        lambda _: in_grace(holding(), entry_weight="0"),
        "'grace_entry_weight': 0.00000000",
    ),
    "a count below 0": (_STATES, lambda _: in_grace(holding(), count=-1), "'grace_count': -1"),
}
