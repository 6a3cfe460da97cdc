"""A pocket calculator and the page of `ballast explain` are enough: every number follows from those above it."""

import dataclasses
import io
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from math import fsum
from random import Random
from typing import Any

import duckdb
import polars as pl
import pytest
from rich.console import Console

from flows.cli.queries.explain_view import print_page
from sizing import RebalancingLimits, size_portfolios
from sizing.trading.targets import BOOK_COLUMNS
from sizing.trading.trades import trade_portfolios
from sizing.weights.working_frame import ONLY_FOR_SIZING
from sql.records import RunRecord
from sql.warehouse import Warehouse
from tests.properties.strategies import make_batch
from tests.sizing.cases import Asked, frame_and_limits
from tests.sizing.reference.portfolio import Line
from tests.sql.bare_runs import covering, make_visible
from tests.sql.checks.warehouse_broken_runs import Frames, hold_back, trade
from tests.sql.warehouse_samples import DAY, WEIGHT, make_frames, make_run

PORTFOLIOS = 220
MODES = ("is_dynamic", "sizing_mode", "residual_strategy", "has_minimum")
TOLERANCE = 2e-11
"""Twelve printed digits, multiplied once."""
_NUMBER = r"\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_SUM = re.compile(rf"= ((?:\s*(?:min|max|floor|x|{_NUMBER}|[-+/(),^]))+)")
_SIZING = ("Sizing", "Result")

Page = list[tuple[str, str, str]]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def published(make_migrated: Callable[[], Warehouse]) -> tuple[Warehouse, pl.DataFrame, dict[str, RebalancingLimits]]:
    """Random portfolios of all modes and strategies, as the sizer gives them, in a run that is published."""
    warehouse = make_migrated()
    return warehouse, *_publish(warehouse, "r1", make_batch(14, PORTFOLIOS))


def _publish(
    warehouse: Warehouse, run_id: str, asked: list[Asked]
) -> tuple[pl.DataFrame, dict[str, RebalancingLimits]]:
    frame, drawn = frame_and_limits(asked)
    limits = _draw_trade_limits(drawn)
    sized = size_portfolios(_freeze_some(frame), limits)
    covered = covering({name: one.model_dump(mode="json") for name, one in limits.items()})
    prints = {f"{name}_fingerprint": f"{name} {run_id}" for name in ("input", "config", "code")}
    warehouse.start_run(RunRecord(run_id, DAY, **covered, **prints, inputs={}), "test")
    with duckdb.connect(str(warehouse.path)) as con:
        for table, rows in _tables(sized.positions, sized.portfolios, limits).items():
            con.register("rows", rows.with_columns(run_id=pl.lit(run_id)))
            con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows")
        con.execute(
            "INSERT INTO run_events SELECT max(event_id) + 1, ?, 'published', now(), 'test', 'test' FROM run_events",
            [run_id],
        )
        make_visible(con)
    nothing = pl.lit(None, pl.Float64)
    return sized.positions.with_columns(volatility_multiplier=nothing, crowding_multiplier=nothing), limits


def _draw_trade_limits(limits: dict[str, RebalancingLimits]) -> dict[str, RebalancingLimits]:
    rng = Random(len(limits))
    return {
        name: one.model_copy(
            update={
                "rebalance_band": rng.choice((0.0, 0.05, 0.5)),
                "min_trade_weight": rng.choice((0.0, 0.01)),
                "max_turnover": rng.choice((None, 0.02, 0.3)),
            }
        )
        for name, one in limits.items()
    }


def _freeze_some(frame: pl.DataFrame) -> pl.DataFrame:
    """Put a third of what is pinned under no_trade."""
    rng = Random(frame.height)
    drawn = pl.Series("drawn", [rng.random() < 1 / 3 for _ in range(frame.height)], pl.Boolean)
    is_immovable = (pl.col("pinned_weight") > 0).fill_null(value=False) & drawn
    return frame.with_columns(
        pl.col("is_held") | is_immovable, pl.col("pinned_weight").round(8), is_immovable=is_immovable
    )


def _hold_some(positions: pl.DataFrame) -> pl.DataFrame:
    """Draw a book for the targets: of each asset nothing, its target, nearly that, or any weight."""
    rng = Random(positions.height)
    held = [
        target if is_immovable else min(rng.choice((0.0, target, target * rng.uniform(0.9, 1.2), rng.random() / 4)), 1)
        for target, is_immovable in positions.select(pl.col("target_weight").cast(float), "is_immovable").iter_rows()
    ]
    current = pl.Series(held, dtype=pl.Float64).round(8).cast(pl.Decimal(10, 8))
    must_close = (pl.col("target_weight") == 0) & (pl.col("asset").str.len_chars() % 2 == 0)
    return positions.with_columns(current_weight=current, must_close=must_close & ~pl.col("is_immovable"))


def _tables(
    positions: pl.DataFrame, portfolios: pl.DataFrame, limits: dict[str, RebalancingLimits]
) -> dict[str, pl.DataFrame]:
    book = _hold_some(positions).sort("portfolio_id", maintain_order=True)
    trades = trade_portfolios(
        book.filter((pl.col("target_weight") > 0) | (pl.col("current_weight") > 0)).select(BOOK_COLUMNS), limits
    )
    total = pl.col("target_total_allocation").cast(WEIGHT)
    cash = portfolios.join(trades.portfolios, on="portfolio_id", how="left").select(
        "portfolio_id",
        asset=pl.lit("CASH"),
        target_weight="cash_weight",
        is_cash=pl.lit(value=True),
        current_weight=total - pl.col("invested_before_weight").fill_null(0),
        trade_weight=(pl.col("sold_weight") - pl.col("bought_weight")).fill_null(0),
        post_trade_weight=pl.coalesce("cash_after_weight", total),
        action=pl.lit("hold"),
    )
    decided = book.select(
        *("portfolio_id", "asset", "bucket", "score", "is_held", "current_weight"),
        *(pl.lit(value=False).alias(name) for name in ("has_partial_score", "is_score_stale", "is_pinned")),
        is_selected=pl.lit(value=True),
        restriction=pl.when("is_immovable").then(pl.lit("no_trade")),
        decision_reason=pl.lit("because"),
        score_date=pl.lit(DAY),
        candidate_rank="score_rank",
        bucket_rank="score_rank",
    )
    targets = trades.assets.drop("is_immovable", "must_close", "position_cap").with_columns(is_cash=pl.lit(value=False))
    return {
        "decisions": decided,
        "sizing_audit": positions.drop(ONLY_FOR_SIZING),
        "sizing_summary": portfolios,
        "trade_summary": trades.portfolios,
        "targets": pl.concat([targets, cash], how="diagonal_relaxed")
        .with_columns(
            *(pl.lit(value=False).alias(name) for name in ("is_pinned", "is_score_stale")),
            as_of_date=pl.lit(DAY),
            target_reason=pl.coalesce("trade_text", pl.lit("because")),
        )
        .drop("trade_text"),
    }


def read_page(con: duckdb.DuckDBPyConnection, portfolio: str, asset: str, day: date = DAY) -> Page:
    """Print the page as it is piped, and read quantity, value and words off it."""
    steps = con.execute("SELECT *, false AS is_change FROM explain(?, ?, ?)", [portfolio, asset, day]).pl()
    printed = io.StringIO()
    print_page(Console(file=printed, width=10_000, highlight=False), portfolio, asset, day, steps)
    lines = [line for line in printed.getvalue().splitlines() if line.startswith("  ")]
    page = [(line[2:18].strip(), line[20:37].strip(), line[39:]) for line in lines]
    assert [quantity for quantity, _, _ in page] != []
    return page


def value_of(words: str) -> tuple[float, list[str]] | None:
    """Type the sum of a line into the calculator; give what it shows, and the numbers that were typed."""
    found = _SUM.match(words)
    if not found:
        return None
    typed = found[1].strip().rstrip(",. ")
    python = typed.replace(" x ", " * ").replace("^", "**")
    shown = eval(python, {"__builtins__": {}}, {"min": min, "max": max, "floor": math.floor})  # noqa: S307 - matched above
    return float(shown), re.findall(_NUMBER, typed)


def sums_of(rows: list[Row], own: Row) -> Iterator[float]:
    """Return the sums over several positions that a page about one of them may show."""
    free = [row for row in rows if row["pinned_weight"] is None and row["drop_reason"] in {None, "target_volatility"}]
    pinned = [row for row in rows if row["pinned_weight"] is not None]
    better = [row for row in rows if row["score_rank"] < own["score_rank"]]
    for group in (lambda _: True, lambda row: row["bucket"] == own["bucket"]):
        yield fsum(row["raw_weight"] for row in pinned if group(row))
        for kept in (lambda row: row["stage1_cap"] is None, lambda row: row["stage1_cap"] is not None):
            yield fsum(row["stage1_weight"] for row in free if group(row) and kept(row))
        for limit in (None, "bucket_cap"):
            yield fsum(row["stage2_weight"] for row in free if group(row) and row["residual_limit"] == limit)
            yield fsum(row["residual_weight"] for row in free if group(row) and row["residual_limit"] != limit)
        yield fsum(row["residual_weight"] for row in better if group(row))
        yield fsum(row["stage2_weight"] for row in free if group(row))
    yield fsum(row["stage2_weight"] for row in rows)
    mine = [row for row in free if row["bucket"] == own["bucket"]]
    yield fsum(row["stage1_weight"] for row in mine if row["stage2_cap"] == "bucket")
    smallest = min((row["raw_weight"] for row in free), default=0.0)
    yield fsum(size_of(row) for row in free)
    yield fsum(size_of(row) for row in free if row["raw_weight"] > smallest)
    for stage in ("stage1_cap", "stage2_cap"):
        yield fsum(float(row["position_cap"]) for row in mine if row[stage] == "risk")
    capped = [row for row in mine if row["stage1_cap"] == "bucket"]
    yield fsum(row["raw_weight"] for row in capped)
    yield fsum(
        row["raw_weight"] for row in capped if row["stage1_weight"] > min(one["stage1_weight"] for one in capped)
    )


def size_of(row: Row) -> float:
    """Return what the total is divided by: the multiplier of the score, of the volatility and of crowding."""
    risk = (row["volatility_multiplier"], row["crowding_multiplier"])
    return math.prod((row["score_multiplier"], *(one for one in risk if one is not None)))


def sums_of_pins(rows: list[Row], own: Row, limits: RebalancingLimits) -> Iterator[float]:
    """Return what is pinned in the bucket and in all: the immovable, the others at the cap and in what they leave."""
    cap = limits.max_single_position if limits.enable_dynamic_sizing else 1.0
    immovable: dict[str, float] = defaultdict(float)
    movable: dict[str, float] = defaultdict(float)
    for row in rows:
        if row["is_immovable"]:
            immovable[row["bucket"]] += row["pinned_weight"]
        elif row["pinned_weight"] is not None:
            movable[row["bucket"]] += min(row["pinned_weight"], cap)
    yield immovable[own["bucket"]]
    yield movable[own["bucket"]]
    yield fsum(immovable.values())
    yield fsum(min(total, max(limit_of(limits, one) - immovable[one], 0)) for one, total in movable.items())


def limit_of(limits: RebalancingLimits, bucket: str) -> float:
    has_limit = limits.enable_dynamic_sizing and limits.enable_bucket_diversification
    return limits.max_allocation_by_bucket.get(bucket, limits.max_allocation_per_bucket) if has_limit else math.inf


def assert_recomputed(
    page: Page, limits: RebalancingLimits, rows: list[Row], own: Row, remembered: Iterable[float] = ()
) -> set[str]:
    """Recompute every number of the sizing; give the quantities that were."""
    known = [float(value) for value in _numbers(limits)] + [0.0, 1.0, 1e8, 0.0001, 0.000001, 0.5 / len(rows)]
    known += remembered
    known += [float(count) for count in range(len(rows) + 1)]
    sums = [*sums_of(rows, own), *sums_of_pins(rows, own, limits)]
    done = set()
    for quantity, value, words in page:
        told = value_of(words)
        if quantity == "change":  # from here on the trade: assert_trade_recomputed
            break
        if told is not None:
            shown, typed = told
            if value:
                assert shown == pytest.approx(float(value), abs=TOLERANCE, rel=1e-10), (quantity, value, words)
            for number in map(float, typed):
                is_above = any(math.isclose(number, one, rel_tol=1e-11, abs_tol=1e-12) for one in (*known, *sums))
                assert is_above, (quantity, number, words, page)
            done.add(quantity)
        known += [float(one) for one in re.findall(_NUMBER, value)] if re.fullmatch(_NUMBER, value) else []
    return done


def _numbers(limits: RebalancingLimits) -> Iterator[float]:
    dumped = limits.model_dump()
    yield from (value for value in dumped.values() if isinstance(value, int | float))
    yield from limits.max_allocation_by_bucket.values()
    yield from (tier.score_multiplier for tier in limits.score_tiers)


@pytest.mark.slow
def test_every_number_of_a_page_follows_from_those_above(
    published: tuple[Warehouse, pl.DataFrame, dict[str, RebalancingLimits]],
) -> None:
    warehouse, positions, limits = published
    modes = pl.DataFrame(
        [
            (name, one.enable_dynamic_sizing, one.sizing_mode, one.residual_strategy, one.min_position_size > 0)
            for name, one in limits.items()
        ],
        schema=["portfolio_id", *MODES],
        orient="row",
    )
    kinds = (*MODES, "stage1_cap", "stage2_cap", "residual_limit", "drop_reason")
    asked = (
        positions.join(modes, on="portfolio_id")
        .with_columns(is_pinned=pl.col("pinned_weight").is_not_null(), has_residual=pl.col("residual_weight") > 0)
        .unique((*kinds, "is_pinned", "has_residual"), keep="first", maintain_order=True)
    )
    seen: set[tuple[object, ...]] = set()
    done: set[str] = set()
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        for own in asked.iter_rows(named=True):
            one = limits[own["portfolio_id"]]
            rows = positions.filter(pl.col("portfolio_id") == own["portfolio_id"]).to_dicts()
            page = read_page(con, own["portfolio_id"], own["asset"])
            done |= assert_recomputed(page, one, rows, own | {"score": own["score"]})
            values = {quantity: value for quantity, value, _ in page}
            if own["drop_reason"] is None:
                whole = Decimal(values["rounded down"]) + Decimal(values["rounding unit"])
                assert whole == own["target_weight"] == Decimal(values["target weight"])
                last = "within limits" if own["pinned_weight"] is not None else "stage 2 weight"
                assert {last, "rounded down"} <= done
            seen.add((one.enable_dynamic_sizing, one.sizing_mode, one.residual_strategy))
        for name in list(limits)[:20]:
            cash = {quantity: (value, words) for quantity, value, words in read_page(con, name, "CASH")}
            for quantity in ("reachable weight", "residual", "target weight"):
                value, words = cash[quantity]
                told = value_of(words)
                if told:
                    assert told[0] == pytest.approx(float(value), abs=TOLERANCE, rel=1e-10), (quantity, words)
    strategies = ("safe_top_slice", "proportional", "cash_bucket")
    assert seen >= {(True, mode, one) for mode in ("adaptive", "equal_weight", "score_weighted") for one in strategies}
    assert any(not is_dynamic for is_dynamic, _, _ in seen)
    assert done >= {
        *(
            "within limits",
            "total to divide",
            "multiplier",
            "lambda",
            "raw weight",
            "theta",
            "stage 1 weight",
            "factor",
        ),
        *("bucket factor", "stage 2 weight", "left over", "room", "bucket room", "left for it", "mu", "bucket mu"),
        *("residual weight", "rounded down"),
    }


@pytest.mark.slow
def test_every_number_of_a_random_trade_follows_from_those_above(
    published: tuple[Warehouse, pl.DataFrame, dict[str, RebalancingLimits]],
) -> None:
    warehouse, _, limits = published
    targets = warehouse.query("current_targets").filter(~pl.col("is_cash"))
    change = pl.col("target_weight") - pl.col("current_weight")
    kinds = ("trade_reason", "is_whole", "action")
    asked = targets.with_columns(is_whole=pl.col("trade_weight") == change).unique(kinds, keep="any").sort(kinds)
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        for own in asked.iter_rows(named=True):
            page = read_page(con, own["portfolio_id"], own["asset"])
            traded = targets.filter(portfolio_id=own["portfolio_id"])["trade_weight"]
            assert_trade_recomputed(page, limits[own["portfolio_id"]], float(traded.abs().sum()))
            told = {quantity: value for quantity, value, _ in page}
            assert Decimal(told["trade"]) == own["trade_weight"]
            assert Decimal(told["post-trade"]) == own["post_trade_weight"]
    assert set(asked["trade_reason"]) == {
        *("no_trade", "unchanged", "open", "close", "rebalance", "held_by_band", "held_by_min_trade"),
        *("held_by_turnover", "above_cap", "above_bucket_limit", "over_allocation"),
    }
    assert set(asked["is_whole"]) == {True, False}


def assert_trade_recomputed(page: Page, limits: RebalancingLimits, all_traded: float) -> None:
    known = [limits.rebalance_band, 2.0, all_traded]
    proved = 0
    for quantity, shown, words in page:
        result = value_of(words) if quantity in {"change", "held back to", "turnover", "post-trade"} else None
        if result:
            proved += 1
            assert result[0] == pytest.approx(float(shown), abs=TOLERANCE)
            assert all(any(abs(float(one) - above) < TOLERANCE for above in known) for one in result[1]), words
        known += [abs(float(shown))] if re.fullmatch(f"-?{_NUMBER}", shown) else []
    assert proved >= 2


def _held_back(_: Frames) -> Frames:
    return hold_back(make_frames(held={"AAA": "0.48"}), "AAA", "held_by_band")


def _released(_: Frames) -> Frames:
    """Sell 0.02 of AAA, within its band, since BBB takes the money: without it 0.97 would be held."""
    frames = make_frames({"p1": {"AAA": "0.48", "BBB": "0.47"}}, held={"AAA": "0.5"})
    released = pl.when(pl.col("asset") == "AAA").then(pl.lit("over_allocation")).otherwise("trade_reason")
    return frames | {
        "targets": frames["targets"].with_columns(trade_reason=released),
        "trade_summary": frames["trade_summary"].with_columns(n_released=pl.lit(1, pl.Int32)),
    }


def _scaled(frames: Frames) -> Frames:
    scaled = trade(frames, AAA="0.1", BBB="0.06")
    for table in ("targets", "trade_summary"):
        part = pl.when(pl.col("trade_scale").is_not_null()).then(0.2)
        scaled[table] = scaled[table].with_columns(trade_scale=part)
    return scaled


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            _held_back,
            {
                ("held back to", "0.02400000", "rebalance_band 0.05"),
                ("trade", "0.00000000", "rebalance_band 0.05"),
                ("post-trade", "0.48000000", None),
            },
        ),
        (
            _released,
            {
                ("trade", "-0.02000000", "target_total_allocation 0.95000000"),
                ("post-trade", "0.48000000", None),
            },
        ),
        (
            _scaled,
            {
                ("turnover", "0.130000000", "max_turnover 0.6"),
                ("change", "0.50000000", None),
                ("post-trade", "0.10000000", None),
            },
        ),
    ],
)
def test_every_number_of_a_trade_follows_from_those_above(
    warehouse: Warehouse, make: Callable[[Frames], Frames], told: set[tuple[str, str, str | None]]
) -> None:
    warehouse.start_run(make_run("r1"), "test")
    warehouse.publish("r1", make(make_frames()), "test")
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        steps = con.execute("SELECT quantity, value, limit_value FROM explain('p1', 'AAA', ?)", [DAY]).fetchall()
        page = read_page(con, "p1", "AAA")
    assert told <= set(steps)
    targets = warehouse.query("current_targets").filter(~pl.col("is_cash"))
    assert_trade_recomputed(page, RebalancingLimits(), float(targets["trade_weight"].abs().sum()))


def test_a_run_before_trades_were_kept_says_so(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    warehouse.publish("r1", make_frames(), "test")
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("DELETE FROM trade_summary")
        con.execute("UPDATE targets SET post_trade_weight = NULL, trade_reason = NULL, trade_scale = NULL")
        told = con.execute("SELECT quantity, value FROM explain('p1', 'AAA', ?)", [DAY]).fetchall()
    assert ("post-trade", None) in told
    assert ("trade", "0.50000000") in told


@pytest.mark.slow
def test_the_bucket_mu_of_a_full_bucket_is_zero(make_migrated: Callable[[], Warehouse]) -> None:
    base = {"residual_strategy": "proportional", "enable_bucket_diversification": True, "max_single_position": 0.3}
    asked = [
        (
            [Line(f"A{n}", "full" if n < n_full else "wide", 0.9 - n / 100) for n in range(n_full + 2)],
            RebalancingLimits(**base, max_allocation_per_bucket=0.5, max_allocation_by_bucket={"full": limit}),
        )
        for n_full in (3, 6, 7, 9)
        for limit in (0.1, 0.2, 0.3)
    ]
    warehouse = make_migrated()
    positions, _ = _publish(warehouse, "r1", asked)
    limited = positions.filter(residual_limit="bucket_cap").unique("portfolio_id", maintain_order=True)
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        values = {
            value
            for portfolio, asset in limited.select("portfolio_id", "asset").iter_rows()
            for quantity, value, _ in read_page(con, portfolio, asset)
            if quantity == "bucket mu"
        }
    assert values == {"0"}


def _moved(asked: list[Asked], rng: Random) -> list[Asked]:
    """Move scores, pins and names of most portfolios, and give some the limits of another."""
    others = [limits for _, limits in asked]
    return [
        (
            [
                dataclasses.replace(line, score=None if line.score is None else rng.choice((line.score, rng.random())))
                for line in lines
                if rng.random() < 0.9
            ],
            rng.choice((limits, limits, rng.choice(others))),
        )
        for lines, limits in asked
    ]


@pytest.mark.slow
def test_the_causes_of_a_change_add_up_to_it(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse, asked = make_migrated(), make_batch(15, PORTFOLIOS)
    _, limits = _publish(warehouse, "r1", asked)
    _publish(warehouse, "r2", _moved(asked, Random(15)))
    pairs = [{"portfolio_id": name, "run_id": "r2", "previous_run_id": "r1"} for name in limits]
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        rows = con.execute("SELECT weight_change, causes FROM differences_of(?)", [pairs]).fetchall()
    seen: set[str] = set()
    for change, causes in rows:
        assert (causes is None) == (change == 0)
        parts = [part.split(" ") for part in (causes or "").split(", ") if part]
        weights = [Decimal(weight) for _, weight in parts]
        assert sum(weights, Decimal(0)) == change, causes
        assert [abs(one) for one in weights] == sorted(map(abs, weights), reverse=True), causes
        assert all(abs(Decimal(weight)) < Decimal("1e-6") for cause, weight in parts if cause == "rounding"), causes
        seen |= {cause for cause, _ in parts}
    assert seen == {
        *("size", "others", "total", "minimum", "caps", "residual", "rounding", "selection", "pinned", "positions")
    }
