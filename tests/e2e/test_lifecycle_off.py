"""With every limit of the lifecycle and of risk off, three real years give the bytes that they gave before.

The digest was taken at the release before (commit e64f98b), of the columns that it had. Skipped where the data is not.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayFrames
from sizing.multi_day.day_chain import DayChain
from sizing.multi_day.followed_states import Corrections
from sizing.weights.audit import RISK_COLUMNS
from tests.sizing.days import ASSETS, HOLDINGS, RESTRICTIONS, SCORES

LIMITS = {
    "adaptive": RebalancingLimits(rebalance_band=0.2),
    "buckets": RebalancingLimits(
        sizing_mode="score_weighted",
        residual_strategy="proportional",
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.25,
        max_positions_per_bucket=3,
        min_buckets_represented=4,
        replacement_margin=0.1,
    ),
    "held": RebalancingLimits(
        sizing_mode="equal_weight", target_total_allocation=0.9, allow_bucket_overflow=True, max_score_age_days=1
    ),
}
WINDOW_DAYS = 4
BATCH = 63
THEN = {
    "decisions": (
        *("portfolio_id", "asset", "bucket", "score", "score_date", "score_age_days", "has_partial_score"),
        *("is_score_stale", "is_held", "current_weight", "restriction", "candidate_rank", "bucket_rank", "is_pinned"),
        *("is_reserved", "is_selected", "gate", "gate_limit", "entry_score", "rival", "decision_reason"),
    ),
}
"""The columns of tables that have more today."""

ADDED = {
    "sizing_audit": (
        *("volatility", "n_returns", "volatility_multiplier", "crowding", "crowding_multiplier", "moves_with"),
        *("position_cap", "risk_share"),
    ),
    "sizing_summary": RISK_COLUMNS,
}
"""The columns of risk limits: null where these are off."""

QUARTER = "first quarter"
DIGESTS = {
    QUARTER: "64655bdf9de34beb8cd0a17d4456233636753e1f8cbdcce92308859d0f75c2fc",
    "three years": "598b1d55c687d162ccecb9214dd957d40794162d5172287b9e2caadf647e1f0f",
}


def days_of(data: Path) -> list[DayFrames]:
    scores = pl.read_parquet(data / "scores.parquet")
    dates = sorted(scores["date"].unique())
    listed = pl.read_csv(data / "assets.csv").select("asset", "bucket").unique("asset").sort("asset").cast(ASSETS)
    by_day = scores.partition_by("date", as_dict=True, include_key=False)
    absent = {"model": pl.lit("default"), "score": pl.lit(None), "fundamental_score": pl.lit(None)}

    def of(day: date, age: int) -> pl.DataFrame:
        return (
            by_day[(day,)]
            .with_columns(
                **absent,
                score_date=pl.lit(day),
                score_age_days=pl.lit(age, pl.Int32),
            )
            .select(pl.col(name).cast(kind) for name, kind in SCORES.items())
        )

    def frames(number: int, day: date) -> DayFrames:
        window = dates[max(0, number - WINDOW_DAYS + 1) : number + 1]
        seen = pl.concat(of(one, len(window) - 1 - place) for place, one in enumerate(window))
        nothing = pl.DataFrame(schema=HOLDINGS), pl.DataFrame(schema=RESTRICTIONS)
        return DayFrames(
            day, LIMITS, seen.unique(["model", "asset", "score_date"]).sort("score_date", "asset"), listed, *nothing
        )

    return [frames(number, day) for number, day in enumerate(dates)]


def results(days: list[DayFrames]) -> Iterator[dict[str, pl.DataFrame]]:
    """Yield the result of the days, a batch at a time, each from the book that the one before left."""
    held, corrections = pl.DataFrame(schema=HOLDINGS), Corrections.of(pl.Series([day.as_of_date for day in days]))
    for start in range(0, len(days), BATCH):
        batch = days[start : start + BATCH]
        batch[0] = batch[0]._replace(holdings=held)
        yield (result := DayChain.of(batch, corrections).rebalance().result)._asdict()
        last = result.targets.filter((pl.col("as_of_date") == batch[-1].as_of_date) & ~pl.col("is_cash"))
        held = (
            last.filter(pl.col("post_trade_weight") > 0)
            .select("portfolio_id", "asset", current_weight="post_trade_weight")
            .sort("portfolio_id", "asset")
        )


def digest(parts: Iterable[dict[str, pl.DataFrame]]) -> str:
    seen = sha256()
    for frames in parts:
        for name in ("decisions", "sizing_audit", "sizing_summary", "targets", "trade_summary", "constraint_checks"):
            added = ADDED.get(name, ())
            assert all(frames[name][column].is_null().all() for column in added)
            frame = frames[name].drop(added)
            rows = frame.select("as_of_date", *THEN[name]) if name in THEN else frame.select(sorted(frame.columns))
            seen.update(repr(rows.schema).encode())
            for row in rows.iter_rows():
                seen.update(repr(row).encode())
    return seen.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("span", DIGESTS)
def test_without_limits_of_lifecycle_and_risk_nothing_has_changed(span: str, real_inbox: Path) -> None:
    days = days_of(real_inbox.parent)
    assert digest(results(days[:BATCH] if span == QUARTER else days)) == DIGESTS[span]
