"""Runs that must be refused: what is wrong, the check that says so, and in which words."""

from collections.abc import Callable
from decimal import Decimal

import polars as pl

from tests.sql.warehouse_samples import DAY, TURNOVER, TWO, WEIGHT, make_frames, states_after

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
        "is 0.94999999, configured is 0.95000000",
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
        "max_single_position of target is 0.4, its limit is 0.5",
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
    "a state twice": ("rows_are_unique", _swap("lifecycle", twice), "AAA has 2 rows in lifecycle"),
    "a constraint twice": (
        "rows_are_unique",
        _swap("constraint_checks", twice),
        "max_single_position of target has 2 rows in constraint_checks",
    ),
    "a book a unit off its trade": (
        "every_book_adds_up",
        _swap("targets", lambda frame: frame.with_columns(_set("AAA", post_trade_weight=set_weight("0.49999999")))),
        "AAA has 0.49999999 after a trade of 0.50000000, held with 0.00000000",
    ),
    "a book that is not told": (
        "every_book_adds_up",
        _swap("targets", lambda frame: frame.with_columns(_set("BBB", post_trade_weight=pl.lit(None)))),
        "BBB has null after a trade of 0.30000000, held with 0.00000000",
    ),
    "a position below zero": (
        "every_book_adds_up",
        lambda frames: trade(frames, CCC="-0.10000001"),
        "CCC has -0.00000001 after a trade of -0.10000001, held with 0.10000000",
    ),
    "cash that was not there": (
        "every_book_adds_up",
        _swap("targets", lambda frame: frame.with_columns(_set("CASH", current_weight=set_weight("0.85000001")))),
        "p1: before 0.95000001, targets 0.95000000, after 0.95000000, trades 0.00000000: expected 0.95000000",
    ),
    "trades that come to more than nothing": (
        "every_book_adds_up",
        _swap("targets", lambda frame: frame.with_columns(_set("CASH", trade_weight=set_weight("0")))),
        "p1: before 0.95000000, targets 0.95000000, after 0.95000000, trades 0.70000000: expected",
    ),
    "a book that loses money": (
        "every_book_adds_up",
        _swap("targets", lambda frame: frame.with_columns(_set("CASH", post_trade_weight=set_weight("0.14999999")))),
        "p1: before 0.95000000, targets 0.95000000, after 0.94999999, trades 0.00000000: expected",
    ),
    "cash that is traded like an asset": (
        "one_cash_row",
        _swap("targets", lambda frame: frame.with_columns(_set("CASH", action=pl.lit("decrease")))),
        "cash has action decrease, place null, reason null, scale null",
    ),
    "cash with a reason": (
        "one_cash_row",
        _swap("targets", lambda frame: frame.with_columns(_set("CASH", trade_reason=pl.lit("rebalance")))),
        "cash has action hold, place null, reason rebalance, scale null",
    ),
    "negative cash beside what may be sold": (
        "one_cash_row",
        lambda _: freeze(make_frames({"p1": {"AAA": "0.96", "BBB": "0.02"}}, held={"AAA": "0.96", "BBB": "0"}), "AAA"),
        "cash is negative: -0.03000000",
    ),
    "an action of another sign": (
        "every_trade_leads_to_its_target",
        _swap("targets", lambda frame: frame.with_columns(_set("CCC", action=pl.lit("decrease")))),
        "CCC is decrease with trade -0.10000000, held with 0.10000000, target 0.00000000, reason close: expected close",
    ),
    "a trade beyond the target": (
        "every_trade_leads_to_its_target",
        lambda frames: trade(frames, AAA="0.50000001"),
        "AAA is open with trade 0.50000001, held with 0.00000000, target 0.50000000, reason open: expected open",
    ),
    "a trade away from the target": (
        "every_trade_leads_to_its_target",
        lambda _: trade(make_frames(held={"AAA": "0.4"}), AAA="-0.1"),
        "AAA is decrease with trade -0.10000000, held with 0.40000000, target 0.50000000",
    ),
    "a target of what is under no_trade": (
        "every_trade_leads_to_its_target",
        lambda frames: freeze(frames, "CCC"),
        "CCC is close with trade -0.10000000, held with 0.10000000, target 0.00000000, reason no_trade",
    ),
    "a change of what is under no_trade that waits": (
        "every_trade_leads_to_its_target",
        lambda frames: freeze(trade(frames, CCC="0"), "CCC"),
        "CCC is hold with trade 0.00000000, held with 0.10000000, target 0.00000000, reason no_trade",
    ),
    "a holding that says no_trade and is free": (
        "every_trade_leads_to_its_target",
        lambda _: _reason(make_frames(held={"AAA": "0.5"}), "AAA", "no_trade"),
        "AAA is hold with trade 0.00000000, held with 0.50000000, target 0.50000000, reason no_trade",
    ),
    "a change that says unchanged": (
        "every_trade_leads_to_its_target",
        lambda frames: _reason(frames, "BBB", "unchanged"),
        "BBB is open with trade 0.30000000, held with 0.00000000, target 0.30000000, reason unchanged",
    ),
    "a trade that does not say why": (
        "every_trade_leads_to_its_target",
        lambda frames: _reason(frames, "BBB", None),
        "BBB is open with trade 0.30000000, held with 0.00000000, target 0.30000000, reason null",
    ),
    "a change within the band that is traded": (
        "every_trade_leads_to_its_target",
        lambda _: make_frames(held={"AAA": "0.48"}),
        "AAA is increase with trade 0.02000000, held with 0.48000000, target 0.50000000, reason rebalance",
    ),
    "a purchase that is released": (
        "every_trade_leads_to_its_target",
        lambda _: _reason(make_frames(held={"AAA": "0.48"}), "AAA", "over_allocation"),
        "AAA is increase with trade 0.02000000, held with 0.48000000, target 0.50000000, reason over_allocation",
    ),
    "a change below the least trade that is traded": (
        "every_trade_leads_to_its_target",
        lambda _: make_frames({"p1": {"AAA": "0.5", "BBB": "0.10999999"}}, held={"AAA": "0.5", "BBB": "0.1"}),
        "BBB is increase with trade 0.00999999, held with 0.10000000, target 0.10999999, reason rebalance",
    ),
    "a change outside the band that is held": (
        "every_trade_leads_to_its_target",
        lambda _: hold_back(make_frames(held={"AAA": "0.4"}), "AAA", "held_by_band"),
        "AAA is hold with trade 0.00000000, held with 0.40000000, target 0.50000000, reason held_by_band",
    ),
    "a change of the least trade that is held": (
        "every_trade_leads_to_its_target",
        lambda _: hold_back(
            make_frames({"p1": {"AAA": "0.5", "BBB": "0.11"}}, held={"AAA": "0.5", "BBB": "0.1"}),
            "BBB",
            "held_by_min_trade",
        ),
        "BBB is hold with trade 0.00000000, held with 0.10000000, target 0.11000000, reason held_by_min_trade",
    ),
    "an opening within the least trade that is held": (
        "every_trade_leads_to_its_target",
        lambda frames: hold_back(frames, "BBB", "held_by_min_trade"),
        "BBB is hold with trade 0.00000000, held with 0.00000000, target 0.30000000, reason held_by_min_trade",
    ),
    "a position above its cap after the trades": (
        "no_book_above_its_limits",
        lambda _: trade(make_frames(held={"AAA": "0.50000001"}), AAA="0"),
        "AAA has 0.50000001 after the trades, max_single_position is 0.50000000",
    ),
    "a bucket above its limit after the trades": (
        "no_book_above_its_limits",
        lambda _: trade(make_frames(held={"AAA": "0.5", "CCC": "0.15000001"}), CCC="0"),
        "bucket tech has 0.65000001 after the trades, its limit is 0.65000000",
    ),
    "a bucket above what may not be traded in it": (
        "no_book_above_its_limits",
        lambda _: freeze(
            trade(make_frames({"p1": {"AAA": "0.66", "CCC": "0"}}, held={"AAA": "0.66", "CCC": "0.00000001"}), CCC="0"),
            "AAA",
        ),
        "bucket tech has 0.66000001 after the trades, its limit is 0.65000000",
    ),
    "more invested than there is": (
        "no_book_above_its_limits",
        lambda _: trade(
            make_frames({"p1": {"AAA": "0.5", "BBB": "0.45", "CCC": "0"}}, held={"CCC": "0.00000001"}), CCC="0"
        ),
        "0.95000001 is invested after the trades, target_total_allocation is 0.95000000",
    ),
    "a purchase before the sale that pays for it": (
        "cash_never_dips",
        lambda _: _place(
            make_frames({"p1": {"AAA": "0.5", "BBB": "0.45", "CCC": "0"}}, held={"CCC": "0.1", "AAA": "0.4"}),
            BBB=1,
            AAA=2,
            CCC=3,
        ),
        "after AAA at place 2 cash is -0.10000000",
    ),
    "cash that was used before and is used more": (
        "cash_never_dips",
        lambda _: _place(
            make_frames({"p1": {"AAA": "0.4", "BBB": "0.3", "CCC": "0"}}, held={"AAA": "0.9", "CCC": "0.1"}),
            BBB=1,
            AAA=2,
            CCC=3,
        ),
        "after BBB at place 1 cash is -0.35000000",
    ),
    "too much traded": (
        "no_turnover_above_max_turnover",
        lambda _: make_frames(held={"CCC": "0.50000001"}),
        "bought 0.80000000, sold 0.50000001: turnover above max_turnover 0.60000000, mandatory 0.000000000",
    ),
    "too much sold that is not mandatory": (
        "no_turnover_above_max_turnover",
        lambda _: tell_mandatory(_too_much_sold(), "0.6"),
        "bought 0.00000000, sold 1.21000000: turnover above max_turnover 0.60000000, mandatory 0.600000000",
    ),
    "purchases called mandatory": (
        "no_turnover_above_max_turnover",
        lambda _: tell_mandatory(make_frames(held={"CCC": "0.50000001"}), "0.650000005"),
        "bought 0.80000000, sold 0.50000001: turnover above max_turnover 0.60000000, mandatory 0.650000005",
    ),
    "no trade summary": (
        "every_portfolio_has_a_trade_summary",
        _swap("trade_summary", lambda frame: frame.clear()),
        "0 trade_summary rows instead of 1",
    ),
    "two trade summaries": (
        "every_portfolio_has_a_trade_summary",
        _swap("trade_summary", twice),
        "2 trade_summary rows instead of 1",
    ),
    **{
        f"another {column} in the trade summary": (
            "trade_summary_is_as_in_targets",
            _swap(
                "trade_summary", lambda frame, column=column: frame.with_columns(pl.col(column) + _step(frame, column))
            ),
            "targets have 0.10000000, 0.80000000, 0.10000000, after 0.80000000, cash 0.15000000, 3 trades, 0 held back",
        )
        for column in (
            "invested_before_weight",
            "bought_weight",
            "sold_weight",
            "turnover",
            "trade_scale",
            "n_trades",
            "n_held_back",
            "n_released",
            "invested_after_weight",
            "cash_after_weight",
        )
    },
    "mandatory trades that are not told": (
        "trade_summary_is_as_in_targets",
        lambda frames: tell_mandatory(frames, None),
        "turnover 0.450000000, mandatory null",
    ),
    "more mandatory trades than trades": (
        "trade_summary_is_as_in_targets",
        lambda frames: tell_mandatory(frames, "0.450000001"),
        "turnover 0.450000000, mandatory 0.450000001",
    ),
    "a smaller purchase before a larger one": (
        "trades_are_in_order",
        lambda frames: _place(frames, CCC=1, BBB=2, AAA=3),
        "BBB trades 0.30000000 at place 2",
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
        "CASH trades -0.70000000 at place 4",
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
    "no limit compared with the targets": (
        "every_portfolio_is_checked",
        _swap("constraint_checks", lambda frame: frame.clear()),
        "p1: no limit was compared with its targets",
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
        "p2: 1 rows in trade_summary of a portfolio that the run does not cover",
    ),
}


def trade(frames: Frames, **trades: str) -> Frames:
    """Trade the assets by other weights, as if turnover stopped the rest: book, cash, places and summary follow."""
    targets = frames["targets"]
    for asset, weight in trades.items():
        targets = targets.with_columns(_set(asset, trade_weight=set_weight(weight)))
    traded, current, is_cash = pl.col("trade_weight"), pl.col("current_weight"), pl.col("is_cash")
    after = current + traded
    action = (
        pl.when(traded == 0)
        .then(pl.lit("hold"))
        .when(current == 0)
        .then(pl.lit("open"))
        .when(after == 0)
        .then(pl.lit("close"))
        .otherwise(pl.when(traded > 0).then(pl.lit("increase")).otherwise(pl.lit("decrease")))
    )
    is_traded = (traded != 0) & ~is_cash
    order = [~is_traded, traded > 0, -traded.cast(pl.Float64).abs(), ASSET]
    targets = targets.with_columns(
        trade_weight=pl.when(is_cash).then(-traded.filter(~is_cash).sum()).otherwise(traded).cast(WEIGHT)
    ).with_columns(
        post_trade_weight=after.cast(WEIGHT),
        action=pl.when(is_cash).then(pl.lit("hold")).otherwise(action),
        trade_rank=pl.when(is_traded).then(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(pl.lit(1), order_by=order)
        ),
        trade_reason=pl.when((traded == 0) & (pl.col("target_weight") != current) & ~is_cash)
        .then(pl.lit("held_by_turnover"))
        .otherwise("trade_reason"),
    )
    assets = targets.filter(~is_cash)
    bought, sold = assets["trade_weight"].clip(Decimal(0)).sum(), -assets["trade_weight"].clip(None, Decimal(0)).sum()
    summary = frames["trade_summary"].with_columns(
        bought_weight=set_weight(str(bought)),
        sold_weight=set_weight(str(sold)),
        turnover=pl.lit((bought + sold) / 2).cast(TURNOVER),
        n_trades=pl.lit((assets["trade_weight"] != 0).sum(), pl.Int32),
        invested_after_weight=set_weight(str(assets["post_trade_weight"].sum())),
        cash_after_weight=set_weight(str(targets.filter(is_cash)["post_trade_weight"].sum())),
    )
    return frames | {"targets": targets, "trade_summary": summary, "lifecycle": states_after(targets)}


def hold_back(frames: Frames, asset: str, reason: str) -> Frames:
    """Leave a change untraded, say why, and count it."""
    held = _reason(trade(frames, **{asset: "0"}), asset, reason)
    return held | {"trade_summary": held["trade_summary"].with_columns(n_held_back=pl.lit(1, pl.Int32))}


def _reason(frames: Frames, asset: str, reason: str | None) -> Frames:
    return frames | {"targets": frames["targets"].with_columns(_set(asset, trade_reason=pl.lit(reason)))}


def freeze(frames: Frames, asset: str) -> Frames:
    """Put a holding under no_trade, and let its trade say so."""
    return lock(_reason(frames, asset, "no_trade"), asset, "no_trade", restriction=pl.lit("no_trade"))


def lock(frames: Frames, asset: str, kept_by: str, **columns: pl.Expr) -> Frames:
    """Let a holding keep its place and its weight, and say why."""
    true = pl.lit(value=True)
    kept = _set(asset, is_locked=true, is_pinned=true, kept_by=pl.lit(kept_by), **columns)
    return frames | {"decisions": frames["decisions"].with_columns(kept)}


def _place(frames: Frames, **places: int) -> Frames:
    ranked = ASSET.replace_strict(places, default=None, return_dtype=pl.Int32)
    return frames | {"targets": frames["targets"].with_columns(trade_rank=ranked)}


def tell_mandatory(frames: Frames, turnover: str | None) -> Frames:
    told = pl.lit(None if turnover is None else Decimal(turnover)).cast(TURNOVER)
    return frames | {"trade_summary": frames["trade_summary"].with_columns(mandatory_turnover=told)}


def _too_much_sold() -> Frames:
    """Sell 1.21 of a book that is far above what there is."""
    return make_frames(
        {"p1": {"AAA": "0.02", "BBB": "0.02", "CCC": "0"}}, held={"AAA": "0.5", "BBB": "0.5", "CCC": "0.25"}
    )


def _step(frame: pl.DataFrame, column: str) -> pl.Expr:
    """Return the least that can be added to a column."""
    dtype = frame.schema[column]
    if isinstance(dtype, pl.Decimal):
        return pl.lit(Decimal(1).scaleb(-dtype.scale)).cast(dtype)
    return pl.lit(1).cast(dtype)


def _health_of_two() -> Frames:
    frames = make_frames({"p1": {"AAA": "0.3", "BBB": "0.3", "CCC": "0.30000001"}})
    return {
        name: frame.with_columns(_set("CCC", bucket=pl.lit("health"))) if "bucket" in frame.columns else frame
        for name, frame in frames.items()
    }
