"""Samples small enough to be read: runs of two positions, one sale and cash; a few scores and rejects."""

import copy
import subprocess
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from sql.records import INGEST_KEYS, Ingest, IngestBatch, IngestKind, IngestSource, RunRecord
from sql.warehouse import Warehouse
from tests.sql.bare_runs import covering

DAY = date(2026, 3, 2)
WEIGHT = pl.Decimal(10, 8)
TURNOVER = pl.Decimal(11, 9)
LIMITS = {
    "target_total_allocation": 0.95,
    "enable_dynamic_sizing": True,
    "max_single_position": 0.5,
    "min_position_size": 0.02,
    "enable_bucket_diversification": True,
    "max_allocation_per_bucket": 0.6,
    "max_allocation_by_bucket": {"tech": 0.65},
    "rebalance_band": 0.05,
    "min_trade_weight": 0.01,
    "max_turnover": 0.6,
    "min_score_threshold": 0.85,
    "max_total_positions": 3,
    "min_holding_days": 3,
    "grace_period_days": 3,
    "grace_decay_rate": 0.8,
    "min_decay_factor": 0.1,
    "reentry_cooldown_days": 5,
    "max_round_trips": 2,
    "round_trip_window_days": 20,
    "reentry_score": 0.9,
}
ESTIMATE = {
    "as_of_date": pl.Date,
    "source": pl.String,
    "model": pl.String,
    **dict.fromkeys(("half_life_days", "window_days", "min_observations"), pl.Int32),
    "max_plausible_return": pl.Float64,
    "asset": pl.String,
    "volatility": pl.Float64,
    "n_returns": pl.Int32,
    "last_return_date": pl.Date,
    "missing_reason": pl.String,
    "suspect_session": pl.Date,
}
_RISK_NUMBERS = ("volatility", "volatility_multiplier", "crowding", "crowding_multiplier", "risk_share")
_VOLATILITIES = ("reference_volatility", "unscaled_volatility", "portfolio_volatility", "risk_scale")
BUCKETS = {"AAA": "tech", "BBB": "health", "CCC": "tech"}

Weights = Mapping[str, Mapping[str, str]]
StartWorker = Callable[..., subprocess.Popen[str]]
ONE: Weights = {"p1": {"AAA": "0.5", "BBB": "0.3", "CCC": "0"}}
TWO: Weights = ONE | {"p2": {"AAA": "0.4", "BBB": "0.4", "CCC": "0"}}


def make_warehouse(folder: Path, **settings: float) -> Warehouse:
    return Warehouse(folder / "live.duckdb", folder / "readers" / "snapshot.duckdb", folder / "export", **settings)


def make_run(run_id: str, portfolios: Weights = ONE, as_of_date: date = DAY, **limits: object) -> RunRecord:
    own = {portfolio_id: copy.deepcopy(LIMITS) | limits for portfolio_id in portfolios}
    prints = {f"{name}_fingerprint": f"{name}-{run_id}" for name in ("input", "config", "code")}
    return RunRecord(run_id, as_of_date, **covering(own), **prints, inputs={"ingests": [1]})


def make_frames(
    portfolios: Weights = ONE, as_of_date: date = DAY, held: Mapping[str, str] | None = None
) -> dict[str, pl.DataFrame]:
    """Build the frames of a run in which every check passes: what 0.95 leaves is cash, what has weight 0 is sold.

    `held` gives the current weights; without it, 0.1 of what is sold.
    """
    rows = [
        (portfolio_id, asset, BUCKETS[asset], Decimal(weight))
        for portfolio_id, weights in portfolios.items()
        for asset, weight in weights.items()
    ]
    base = pl.DataFrame(
        rows,
        {"portfolio_id": pl.String, "asset": pl.String, "bucket": pl.String, "target_weight": WEIGHT},
        orient="row",
    )
    is_closed = pl.col("target_weight") == 0
    known = {asset: Decimal(weight) for asset, weight in (held or {}).items()}
    unknown = pl.when(is_closed).then(pl.lit(Decimal("0.1"))).otherwise(pl.lit(Decimal(0))).cast(WEIGHT)
    current = pl.col("asset").replace_strict(known, default=None, return_dtype=WEIGHT)
    base = base.with_columns(current_weight=pl.coalesce(current, unknown))
    cash = pl.DataFrame(
        [
            (portfolio_id, "CASH", None, Decimal("0.95") - sum(map(Decimal, weights.values())), Decimal("0.95"))
            for portfolio_id, weights in portfolios.items()
        ],
        base.schema,
        orient="row",
    )
    invested = base.group_by("portfolio_id").agg(invested=pl.col("current_weight").sum())
    cash = (
        cash.join(invested, on="portfolio_id", how="left", maintain_order="left")
        .with_columns(current_weight=(pl.col("current_weight") - pl.col("invested").fill_null(0)).cast(WEIGHT))
        .drop("invested")
    )
    targets = _targets(pl.concat([base, cash]), as_of_date)
    return {
        "decisions": _decisions(base, as_of_date),
        "sizing_audit": _audit(base.filter(~is_closed)),
        "sizing_summary": _summary(base, cash),
        "targets": targets,
        "trade_summary": _trade_summary(base, cash),
        "constraint_checks": _constraints(cash),
        "lifecycle": states_after(targets),
        "risk_estimates": pl.DataFrame(schema=ESTIMATE),
    }


def _decisions(base: pl.DataFrame, as_of_date: date) -> pl.DataFrame:
    is_closed = pl.col("target_weight") == 0
    return base.select(
        "portfolio_id",
        "asset",
        "bucket",
        score=pl.lit(0.8),
        score_date=pl.lit(as_of_date),
        score_age_days=pl.lit(0, pl.Int32),
        has_partial_score=pl.lit(value=False),
        is_score_stale=pl.lit(value=False),
        is_held=pl.col("current_weight") > 0,
        current_weight="current_weight",
        restriction=pl.lit(None, pl.String),
        candidate_rank=pl.lit(1, pl.Int32),
        bucket_rank=pl.lit(1, pl.Int32),
        is_pinned=pl.lit(value=False),
        is_reserved=pl.lit(value=False),
        is_selected=~is_closed,
        gate=pl.when(is_closed).then(pl.lit("below_min_score_threshold")),
        gate_limit=pl.when(is_closed).then(pl.lit(0.85)),
        entry_score=pl.when(is_closed).then(pl.lit(0.85)).otherwise(pl.lit(0.8)),
        rival=pl.when(~is_closed).then(pl.lit("CCC")),
        decision_reason=pl.lit("because"),
        is_locked=pl.lit(value=False),
        kept_by=pl.lit(None, pl.String),
        kept_from=pl.lit(None, pl.String),
        days_held=pl.lit(None, pl.Int32),
        grace_count=pl.lit(None, pl.Int32),
        gate_days_left=pl.lit(None, pl.Int32),
    )


def _audit(base: pl.DataFrame) -> pl.DataFrame:
    weight = pl.col("target_weight").cast(pl.Float64)
    return base.select(
        "portfolio_id",
        "asset",
        "bucket",
        score=pl.lit(0.8),
        is_held=pl.col("current_weight") > 0,
        pinned_weight=pl.lit(None, pl.Float64),
        score_rank=pl.lit(1, pl.Int32),
        size_category=pl.lit("standard"),
        score_multiplier=pl.lit(1.2),
        raw_weight=weight,
        stage1_weight=weight,
        stage1_cap=pl.lit(None, pl.String),
        stage2_weight=weight,
        stage2_cap=pl.lit(None, pl.String),
        residual_weight=pl.lit(0.0),
        residual_limit=pl.lit(None, pl.String),
        target_weight="target_weight",
        drop_reason=pl.lit(None, pl.String),
        sizing_reason=pl.lit("because"),
        n_returns=pl.lit(None, pl.Int32),
        moves_with=pl.lit(None, pl.String),
        position_cap=pl.lit(None, WEIGHT),
        **dict.fromkeys(_RISK_NUMBERS, pl.lit(None, pl.Float64)),
    )


def _summary(base: pl.DataFrame, cash: pl.DataFrame) -> pl.DataFrame:
    numbers = ("raw_total", "stage1_total", "stage2_total", "residual", "residual_placed", "allocation_efficiency")
    sizes = ("effective_positions", "largest_weight", "reachable_weight")
    is_sized = pl.col("target_weight") > 0
    totals = base.group_by("portfolio_id").agg(
        invested_weight=pl.col("target_weight").sum(), n_sized=is_sized.sum().cast(pl.Int32)
    )
    return cash.join(totals, on="portfolio_id").select(
        "portfolio_id",
        *(pl.lit(0.5).alias(name) for name in numbers + sizes),
        *(pl.lit(0, pl.Int32).alias(name) for name in ("n_dropped", "stage1_capped_count", "stage2_capped_count")),
        "n_sized",
        pl.col("n_sized").alias("n_selected"),
        pl.lit(Decimal("0.95")).cast(WEIGHT).alias("target_total_allocation"),
        pl.col("invested_weight").cast(WEIGHT),
        pl.col("target_weight").alias("cash_weight"),
        residual_strategy=pl.lit("safe_top_slice"),
        binding_limit=pl.lit(None, pl.String),
        relaxation=pl.lit(None, pl.String),
        **dict.fromkeys(("n_sessions", "n_unknown_correlations"), pl.lit(None, pl.Int32)),
        **dict.fromkeys(_VOLATILITIES, pl.lit(None, pl.Float64)),
    )


def _targets(rows: pl.DataFrame, as_of_date: date) -> pl.DataFrame:
    is_cash, target, current = pl.col("asset") == "CASH", pl.col("target_weight"), pl.col("current_weight")
    action = (
        pl.when(is_cash | (target == current))
        .then(pl.lit("hold"))
        .when(target == 0)
        .then(pl.lit("close"))
        .when(current == 0)
        .then(pl.lit("open"))
        .when(target > current)
        .then(pl.lit("increase"))
        .otherwise(pl.lit("decrease"))
    )
    traded = rows.with_columns(trade_weight=(target - current).cast(WEIGHT))
    trade = pl.col("trade_weight")
    is_traded = (trade != 0) & ~is_cash
    order = [~is_traded, trade > 0, -trade.cast(pl.Float64).abs(), pl.col("asset")]
    reason = (
        pl.when(action.is_in(["open", "close"]))
        .then(action)
        .otherwise(pl.when(trade == 0).then(pl.lit("unchanged")).otherwise(pl.lit("rebalance")))
    )
    return traded.select(
        "portfolio_id",
        "asset",
        "bucket",
        "target_weight",
        "current_weight",
        "trade_weight",
        post_trade_weight="target_weight",
        trade_reason=pl.when(~is_cash).then(reason),
        trade_scale=pl.when(~is_cash).then(1.0),
        as_of_date=pl.lit(as_of_date),
        is_cash=is_cash,
        action=action,
        trade_rank=pl.when(is_traded).then(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("portfolio_id", order_by=order)
        ),
        is_pinned=pl.lit(value=False),
        is_score_stale=pl.lit(value=False),
        target_reason=pl.lit("because"),
    )


def _trade_summary(base: pl.DataFrame, cash: pl.DataFrame) -> pl.DataFrame:
    """Sum the trades up; everything is traded at once, so what is held afterwards are the targets."""
    trade = pl.col("target_weight") - pl.col("current_weight")
    totals = base.group_by("portfolio_id").agg(
        invested_before_weight=pl.col("current_weight").sum().cast(WEIGHT),
        bought_weight=trade.filter(trade > 0).sum().cast(WEIGHT),
        sold_weight=(-trade.filter(trade < 0).sum()).cast(WEIGHT),
        n_trades=(trade != 0).sum().cast(pl.Int32),
        invested_after_weight=pl.col("target_weight").sum().cast(WEIGHT),
    )
    half = ((pl.col("bought_weight") + pl.col("sold_weight")).cast(pl.Decimal(20, 9)) * Decimal("0.5")).cast(TURNOVER)
    return (
        cash.select("portfolio_id", cash_after_weight="target_weight")
        .join(totals, on="portfolio_id")
        .with_columns(
            turnover=half,
            mandatory_turnover=pl.lit(0).cast(TURNOVER),
            trade_scale=pl.lit(1.0),
            n_held_back=pl.lit(0, pl.Int32),
            n_released=pl.lit(0, pl.Int32),
        )
    )


def _constraints(cash: pl.DataFrame) -> pl.DataFrame:
    return cash.select(
        "portfolio_id",
        constraint_name=pl.lit("max_single_position"),
        basis=pl.lit("target"),
        limit_value=pl.lit(0.5),
        value=pl.lit(0.4),
        slack=pl.lit(0.1),
        is_binding=pl.lit(value=False),
        is_ok=pl.lit(value=True),
        reason=pl.lit(None, pl.String),
    )


def states_after(targets: pl.DataFrame) -> pl.DataFrame:
    """Return the states after the trades: no opening is known of what was held before, what is sold is closed."""
    is_held, is_new = pl.col("post_trade_weight") > 0, pl.col("current_weight") == 0
    day, nothing = pl.col("as_of_date"), pl.lit([], pl.List(pl.Date))
    return targets.filter(~pl.col("is_cash") & (is_held | ~is_new)).select(
        "portfolio_id",
        "asset",
        is_held=is_held,
        is_confirmed=pl.lit(value=False),
        opened_on=pl.when(is_new).then(day),
        term_started_on=day,
        grace_started_on=pl.lit(None, pl.Date),
        grace_count=pl.lit(None, pl.Int32),
        grace_entry_weight=pl.lit(None, WEIGHT),
        closed_on=pl.when(is_held).then(nothing).otherwise(pl.concat_list(day)),
    )


def publish(warehouse: Warehouse, run_id: str, portfolios: Weights = ONE, as_of_date: date = DAY) -> tuple[str, ...]:
    """Start and publish a run in which every check passes, and return the runs it superseded."""
    with warehouse.kept_open() as session:
        session.start_run(make_run(run_id, portfolios, as_of_date), "test")
        return session.publish(run_id, make_frames(portfolios, as_of_date), "test").superseded


def make_source(sha256: str, kind: IngestKind = "scores", as_of_date: date = DAY) -> IngestSource:
    return IngestSource(kind, f"inbox/{kind}.csv", sha256, as_of_date)


def accept(_accepted: int, _rejected: int) -> None:
    """Return the verdict that refuses nothing."""


def make_batch(
    accepted: pl.DataFrame, rejected: pl.DataFrame | None = None, kind: IngestKind = "scores", **repeated: list[object]
) -> IngestBatch:
    key = accepted.select(INGEST_KEYS[kind]).clear()
    return IngestBatch(accepted, make_rejects() if rejected is None else rejected, pl.DataFrame(repeated, key.schema))


def ingest(
    warehouse: Warehouse, source: IngestSource, accepted: pl.DataFrame, rejected: pl.DataFrame | None = None
) -> Ingest:
    """Record what comes in one batch and is not refused."""
    return warehouse.record_ingest(source, [make_batch(accepted, rejected, source.kind)], accept)


def make_scores(as_of_date: date = DAY, model: str = "default", **scores: float | None) -> pl.DataFrame:
    """Build accepted rows of scores, one an asset. None: only the technical part came."""
    rows = [
        (number, as_of_date, model, asset, score, 0.7 if score is None else None, None, None)
        for number, (asset, score) in enumerate(scores.items(), start=1)
    ]
    parts = dict.fromkeys(("score", "technical_score", "fundamental_score", "volatility"), pl.Float64)
    schema = {"row_number": pl.Int32, "as_of_date": pl.Date, "model": pl.String, "asset": pl.String} | parts
    return pl.DataFrame(rows, schema, orient="row")


def make_rejects(*row_numbers: int) -> pl.DataFrame:
    columns = {"row_json": '{"asset": "", "score": "x"}', "rule": "score_is_a_number", "reason": "score is no number"}
    numbers = pl.DataFrame({"row_number": row_numbers}, {"row_number": pl.Int32})
    return numbers.with_columns(pl.lit(value).alias(name) for name, value in columns.items())


def states_of(warehouse: Warehouse, run_id: str) -> list[str]:
    """Return the states of a run, the first one first."""
    return warehouse.query("run_events", run_id=run_id)["state"].to_list()


def visible_runs(warehouse: Warehouse) -> dict[str, str]:
    """Return the run whose targets are visible, by portfolio."""
    return dict(warehouse.query("current_targets").select("portfolio_id", "run_id").unique().rows())


def read(warehouse: Warehouse, sql: str) -> pl.DataFrame:
    """Return what a query of the warehouse finds."""
    with warehouse.connected() as con:
        return con.sql(sql).pl()
