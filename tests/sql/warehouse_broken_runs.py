"""Runs that must be refused: what is wrong, the check that says so, and in which words."""

from collections.abc import Callable
from decimal import Decimal

import polars as pl

from tests.sql.warehouse_samples import DAY, TWO, WEIGHT, make_frames

Frames = dict[str, pl.DataFrame]
ASSET = pl.col("asset")


def set_weight(value: str) -> pl.Expr:
    return pl.lit(Decimal(value)).cast(WEIGHT)


def _set(asset: str, /, **columns: pl.Expr) -> list[pl.Expr]:
    return [pl.when(asset == ASSET).then(value).otherwise(pl.col(name)).alias(name) for name, value in columns.items()]


def _swap(table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Frames], Frames]:
    return lambda frames: frames | {table: change(frames[table])}


def twice(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.head(1)])


def miss_buckets(checks: pl.DataFrame, reason: str) -> pl.DataFrame:
    return checks.with_columns(
        constraint_name=pl.lit("min_buckets_represented"),
        limit_value=pl.lit(2.0),
        value=pl.lit(1.0),
        slack=pl.lit(-1.0),
        reason=pl.lit(reason),
    )


def add_dropped(frames: Frames, *, is_held: bool = False) -> Frames:
    """Add DDD: selected, and dropped by the sizing."""
    weight, held = set_weight("0"), pl.lit(is_held)
    selected = frames["decisions"].filter(ASSET == "AAA")
    sized = frames["sizing_audit"].filter(ASSET == "AAA")
    decision = selected.with_columns(asset=pl.lit("DDD"), is_held=held)
    audit = sized.with_columns(
        asset=pl.lit("DDD"), is_held=held, target_weight=weight, drop_reason=pl.lit("below_min_position_size")
    )
    counts = [(pl.col(name) + 1).cast(pl.Int32).alias(name) for name in ("n_selected", "n_dropped")]
    return frames | {
        "decisions": pl.concat([frames["decisions"], decision]),
        "sizing_audit": pl.concat([frames["sizing_audit"], audit]),
        "sizing_summary": frames["sizing_summary"].with_columns(counts),
    }


def _weights(**weights: str) -> Callable[[Frames], Frames]:
    return lambda _: make_frames({"p1": weights})


BROKEN: dict[str, tuple[str, Callable[[Frames], Frames], str]] = {
    "a unit too much": (
        "targets_add_up_to_total",
        _swap("targets", lambda frame: frame.with_columns(_set("BBB", target_weight=set_weight("0.30000001")))),
        "targets add up to 0.95000001, target_total_allocation is 0.95000000",
    ),
    "another total than configured": (
        "total_is_as_configured",
        _swap("sizing_summary", lambda frame: frame.with_columns(target_total_allocation=set_weight("0.94999999"))),
        "is 0.94999999, the config says 0.95000000",
    ),
    "an asset twice": ("one_target_per_asset", _swap("targets", twice), "AAA has 2 targets"),
    "no cash": (
        "one_cash_row",
        _swap("targets", lambda frame: frame.filter(ASSET != "CASH")),
        "0 cash rows instead of 1",
    ),
    "cash twice": (
        "one_cash_row",
        _swap("targets", lambda frame: pl.concat([frame, frame.filter(ASSET == "CASH")])),
        "2 cash rows instead of 1",
    ),
    "negative cash": (
        "one_cash_row",
        _weights(AAA="0.5", BBB="0.45000001", CCC="0"),
        "cash is negative: -0.00000001",
    ),
    "cash of another name": (
        "one_cash_row",
        _swap("targets", lambda frame: frame.with_columns(_set("CASH", asset=pl.lit("EUR")))),
        "EUR has is_cash true",
    ),
    "a position a unit too large": (
        "no_weight_above_max_single_position",
        _weights(AAA="0.50000001", BBB="0.3"),
        "AAA has 0.50000001, max_single_position is 0.50000000",
    ),
    "a position a unit too small": (
        "no_weight_below_min_position_size",
        _weights(AAA="0.5", BBB="0.01999999"),
        "BBB has 0.01999999, min_position_size is 0.02000000",
    ),
    "a bucket of its own limit too large": (
        "no_bucket_above_its_limit",
        _weights(AAA="0.5", CCC="0.15000001"),
        "bucket tech has 0.65000001, its limit is 0.65000000",
    ),
    "a bucket of the general limit too large": (
        "no_bucket_above_its_limit",
        lambda _: _health_of_two(),
        "bucket health has 0.60000001, its limit is 0.60000000",
    ),
    "no bucket": (
        "every_position_has_a_bucket",
        _swap("targets", lambda frame: frame.with_columns(_set("AAA", bucket=pl.lit(None)))),
        "AAA has bucket null",
    ),
    "no audit row": (
        "every_position_is_explained",
        _swap("sizing_audit", lambda frame: frame.filter(ASSET != "AAA")),
        "AAA has 0.50000000, sizing_audit has no row",
    ),
    "an audit row of another weight": (
        "every_position_is_explained",
        _swap("sizing_audit", lambda frame: frame.with_columns(_set("AAA", target_weight=set_weight("0.49999999")))),
        "AAA has 0.50000000, sizing_audit has 0.49999999",
    ),
    "an audit row without target": (
        "every_size_is_a_target",
        _swap("targets", lambda frame: frame.filter(ASSET != "BBB")),
        "BBB was sized 0.30000000, targets has no row",
    ),
    "a dropped holding without target": (
        "every_size_is_a_target",
        lambda frames: add_dropped(frames, is_held=True),
        "DDD was sized 0.00000000, targets has no row",
    ),
    "a holding without target": (
        "every_holding_is_answered",
        _swap("targets", lambda frame: frame.filter(ASSET != "CCC")),
        "CCC is held with 0.10000000 and has no target",
    ),
    "no summary": (
        "every_portfolio_is_summarised",
        _swap("sizing_summary", lambda frame: frame.clear()),
        "0 sizing_summary rows instead of 1",
    ),
    "two summaries": ("every_portfolio_is_summarised", _swap("sizing_summary", twice), "2 sizing_summary rows"),
    "a broken constraint": (
        "every_constraint_holds",
        _swap("constraint_checks", lambda frame: frame.with_columns(is_ok=pl.lit(value=False))),
        "max_single_position is 0.4, its limit is 0.5",
    ),
    "a selected candidate a unit below its entry score": (
        "selected_reach_their_entry_score",
        _swap("decisions", lambda frame: frame.with_columns(_set("AAA", entry_score=pl.lit(0.800000000001)))),
        "AAA is selected with score 0.8, its entry_score is 0.800000000001",
    ),
    "a selected candidate without a score": (
        "selected_reach_their_entry_score",
        _swap("decisions", lambda frame: frame.with_columns(_set("AAA", score=pl.lit(None)))),
        "AAA is selected with score null, its entry_score is 0.8",
    ),
    "a refused candidate at its entry score": (
        "refused_miss_their_entry_score",
        _swap("decisions", lambda frame: frame.with_columns(_set("CCC", entry_score=pl.lit(0.8)))),
        "CCC is not selected with score 0.8, its entry_score is 0.8",
    ),
    "a refused candidate without a gate": (
        "every_decision_has_its_gate",
        _swap("decisions", lambda frame: frame.with_columns(_set("CCC", gate=pl.lit(None)))),
        "CCC has is_selected false, gate null, is_reserved false",
    ),
    "a selected candidate with a gate": (
        "every_decision_has_its_gate",
        _swap("decisions", lambda frame: frame.with_columns(_set("AAA", gate=pl.lit("replaced")))),
        "AAA has is_selected true, gate replaced, is_reserved false",
    ),
    "a decision that does not say whether its place was reserved": (
        "every_decision_has_its_gate",
        _swap("decisions", lambda frame: frame.with_columns(_set("AAA", is_reserved=pl.lit(None)))),
        "AAA has is_selected true, gate null, is_reserved null",
    ),
    "a missed minimum of buckets without a word": (
        "every_missed_minimum_of_buckets_says_why",
        _swap("constraint_checks", lambda frame: miss_buckets(frame, reason=" ")),
        "1.0 buckets are represented instead of 2.0, without a reason",
    ),
    "a purchase of what may not be bought": (
        "nothing_is_bought_against_a_restriction",
        _swap("decisions", lambda frame: frame.with_columns(_set("BBB", restriction=pl.lit("no_buy")))),
        "BBB is under no_buy, held with 0.00000000, and has target 0.30000000",
    ),
    "a trade of what may not be traded": (
        "nothing_is_bought_against_a_restriction",
        _swap("decisions", lambda frame: frame.with_columns(_set("BBB", restriction=pl.lit("no_trade")))),
        "BBB is under no_trade, held with 0.00000000, and has target 0.30000000",
    ),
    "a position in what must be sold": (
        "nothing_is_bought_against_a_restriction",
        _swap("decisions", lambda frame: frame.with_columns(_set("AAA", restriction=pl.lit("must_sell")))),
        "AAA is under must_sell, held with 0.00000000, and has target 0.50000000",
    ),
    "another cash in the summary": (
        "summary_is_as_in_targets",
        _swap("sizing_summary", lambda frame: frame.with_columns(cash_weight=set_weight("0.15000001"))),
        "has cash 0.15000001 and invested 0.80000000, targets have 0.15000000 and 0.80000000",
    ),
    "another sum of positions in the summary": (
        "summary_is_as_in_targets",
        _swap("sizing_summary", lambda frame: frame.with_columns(invested_weight=set_weight("0.79999999"))),
        "has cash 0.15000000 and invested 0.79999999",
    ),
    "a candidate twice": ("rows_are_unique", _swap("decisions", twice), "AAA has 2 rows in decisions"),
    "a size twice": ("rows_are_unique", _swap("sizing_audit", twice), "AAA has 2 rows in sizing_audit"),
    "a constraint twice": (
        "rows_are_unique",
        _swap("constraint_checks", twice),
        "max_single_position has 2 rows in constraint_checks",
    ),
    "a trade that is a unit off": (
        "every_trade_fits_its_target",
        _swap("targets", lambda frame: frame.with_columns(_set("AAA", trade_weight=set_weight("0.49999999")))),
        "AAA is open with trade 0.49999999, held with 0.00000000, target 0.50000000: expected open",
    ),
    "an action of another sign": (
        "every_trade_fits_its_target",
        _swap("targets", lambda frame: frame.with_columns(_set("CCC", action=pl.lit("decrease")))),
        "CCC is decrease with trade -0.10000000, held with 0.10000000, target 0.00000000: expected close",
    ),
    "a hold that is traded": (
        "every_trade_fits_its_target",
        lambda _: make_frames(held={"AAA": "0.48"}),
        "AAA is increase with trade 0.02000000, held with 0.48000000, target 0.50000000: expected hold",
    ),
    "a hold outside the band": (
        "every_trade_fits_its_target",
        lambda _: _hold(make_frames(held={"AAA": "0.4"})),
        "AAA is hold with trade 0.00000000, held with 0.40000000, target 0.50000000: expected increase",
    ),
    "cash that is traded": (
        "every_trade_fits_its_target",
        _swap("targets", lambda frame: frame.with_columns(_set("CASH", trade_weight=set_weight("0.15")))),
        "CASH is hold with trade 0.15000000",
    ),
    "a purchase before a sale": (
        "trades_are_in_order",
        _swap("targets", lambda frame: frame.with_columns(trade_rank=4 - pl.col("trade_rank"))),
        "CCC trades -0.10000000 at place 3",
    ),
    "two trades at one place": (
        "trades_are_in_order",
        _swap("targets", lambda frame: frame.with_columns(_set("BBB", trade_rank=pl.lit(2, pl.Int32)))),
        "BBB trades 0.30000000 at place 2",
    ),
    "a trade without a place": (
        "trades_are_in_order",
        _swap("targets", lambda frame: frame.with_columns(_set("BBB", trade_rank=pl.lit(None)))),
        "BBB trades 0.30000000 at place null",
    ),
    "a place without a trade": (
        "trades_are_in_order",
        _swap("targets", lambda frame: frame.with_columns(_set("CASH", trade_rank=pl.lit(4, pl.Int32)))),
        "CASH trades 0.00000000 at place 4",
    ),
    "a target without a decision": (
        "every_target_has_its_decision",
        _swap("decisions", lambda frame: frame.filter(ASSET != "CCC")),
        "CCC in tech held with 0.10000000 has target 0.00000000; its decision: none",
    ),
    "a target of another bucket than decided": (
        "every_target_has_its_decision",
        _swap("targets", lambda frame: frame.with_columns(_set("AAA", bucket=pl.lit("health")))),
        "AAA in health held with 0.00000000 has target 0.50000000; its decision: tech",
    ),
    "a target of another holding than decided": (
        "every_target_has_its_decision",
        _swap("decisions", lambda frame: frame.with_columns(_set("CCC", current_weight=set_weight("0.2")))),
        "CCC in tech held with 0.10000000 has target 0.00000000; its decision: tech, held with 0.20000000",
    ),
    "a position that was not selected": (
        "every_target_has_its_decision",
        _swap("decisions", lambda frame: frame.with_columns(_set("AAA", is_selected=pl.lit(value=False)))),
        "target 0.50000000; its decision: tech, held with 0.00000000, not selected",
    ),
    "a target of nothing for nothing": (
        "every_target_has_its_decision",
        lambda _: make_frames(held={"CCC": "0"}),
        "CCC in tech held with 0.00000000 has target 0.00000000",
    ),
    "a selected candidate without a size": (
        "selected_are_sized",
        _swap("sizing_audit", lambda frame: frame.filter(ASSET != "AAA")),
        "AAA is selected and was not sized",
    ),
    "a size of what was not selected": (
        "selected_are_sized",
        _swap("decisions", lambda frame: frame.with_columns(_set("AAA", is_selected=pl.lit(value=False)))),
        "AAA is sized and was not selected",
    ),
    "no limit held against the targets": (
        "every_portfolio_is_checked",
        _swap("constraint_checks", lambda frame: frame.clear()),
        "p1: no limit was held against its targets",
    ),
    "another count of selected": (
        "summary_counts_are_right",
        _swap("sizing_summary", lambda frame: frame.with_columns(n_selected=pl.lit(3, pl.Int32))),
        "sizing_summary has 3 selected, 2 sized, 0 dropped; sizing_audit has 2, 2, 0, targets have 2 positions",
    ),
    "another count of dropped": (
        "summary_counts_are_right",
        lambda frames: add_dropped(frames) | {"sizing_summary": frames["sizing_summary"]},
        "sizing_summary has 2 selected, 2 sized, 0 dropped; sizing_audit has 3, 2, 1, targets have 2 positions",
    ),
    "another count of sized": (
        "summary_counts_are_right",
        _swap("sizing_summary", lambda frame: frame.with_columns(n_sized=pl.lit(1, pl.Int32))),
        "sizing_summary has 2 selected, 1 sized, 0 dropped",
    ),
    "targets of another day": (
        "rows_belong_to_the_run",
        _swap("targets", lambda frame: frame.with_columns(as_of_date=pl.lit(DAY).dt.offset_by("1d"))),
        "AAA is of 2026-03-03, the run is of 2026-03-02",
    ),
    "a portfolio too many": (
        "rows_belong_to_the_run",
        lambda _: make_frames(TWO),
        "p2: 4 rows in targets of a portfolio that the run does not cover",
    ),
}


def _hold(frames: Frames) -> Frames:
    held = _set("AAA", action=pl.lit("hold"), trade_weight=set_weight("0"), trade_rank=pl.lit(None))
    return frames | {"targets": frames["targets"].with_columns(held)}


def _health_of_two() -> Frames:
    frames = make_frames({"p1": {"AAA": "0.3", "BBB": "0.3", "CCC": "0.30000001"}})
    return {
        name: frame.with_columns(_set("CCC", bucket=pl.lit("health"))) if "bucket" in frame.columns else frame
        for name, frame in frames.items()
    }
