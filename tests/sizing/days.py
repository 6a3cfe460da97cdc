"""Small days for the rules: a few assets, scores and holdings on their way in, answers by asset on their way out.

The first letter of an asset is its bucket ("t1" is in bucket "t"), and "P" is the portfolio, unless a test says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from sizing import RebalancingLimits
from sizing.frames.day_inputs import AssetBuckets, DayInputs, DayScores, Restrictions
from sizing.frames.day_inputs import Holdings as HoldingsOfADay
from sizing.pipeline import Rebalance, decide, rebalance, select_candidates

AS_OF = date(2026, 11, 20)

SCORES = DayScores.create_empty().schema
ASSETS = AssetBuckets.create_empty().schema
HOLDINGS = HoldingsOfADay.create_empty().schema
RESTRICTIONS = Restrictions.create_empty().schema

WIDE = {"max_new_positions": 100, "max_total_positions": 100, "max_positions_per_bucket": 100}
"""Limits that stop nobody from getting a place."""


@dataclass(frozen=True)
class Score:
    """One score, `age` trading days old."""

    asset: str
    score: float | None = None
    technical: float | None = None
    fundamental: float | None = None
    age: int = 0
    model: str = "default"


@dataclass(frozen=True)
class Ban:
    """A restriction; for every portfolio unless one is named."""

    asset: str
    restriction: str
    portfolio_id: str | None = None
    reason: str | None = None


Scores = Mapping[str, float] | Iterable[Score]
Holdings = Mapping[str, str | float] | Mapping[tuple[str, str], str | float]
Rows = dict[str, dict[str, Any]]


def limits(**changes: object) -> RebalancingLimits:
    return RebalancingLimits(**changes)


def score_frame(scores: Scores) -> pl.DataFrame:
    listed = [Score(asset, score) for asset, score in scores.items()] if isinstance(scores, Mapping) else scores
    rows = [
        (one.model, one.asset, AS_OF - timedelta(days=one.age), one.age, one.score, one.technical, one.fundamental)
        for one in listed
    ]
    return pl.DataFrame(rows, schema=SCORES, orient="row")


def holding_frame(holdings: Holdings) -> pl.DataFrame:
    rows = [
        (*(key if isinstance(key, tuple) else ("P", key)), Decimal(str(weight))) for key, weight in holdings.items()
    ]
    return pl.DataFrame(rows, schema=HOLDINGS, orient="row")


def restriction_frame(bans: Iterable[Ban]) -> pl.DataFrame:
    rows = [(ban.portfolio_id, ban.asset, ban.restriction, ban.reason) for ban in bans]
    return pl.DataFrame(rows, schema=RESTRICTIONS, orient="row")


def asset_frame(names: Iterable[str], buckets: Mapping[str, str | None]) -> pl.DataFrame:
    """List the assets with their buckets; a bucket of None leaves the asset out of the list."""
    listed = {name: buckets.get(name, name[0]) for name in sorted(set(names))}
    return pl.DataFrame([row for row in listed.items() if row[1] is not None], schema=ASSETS, orient="row")


def a_day(
    of: RebalancingLimits | Mapping[str, RebalancingLimits] | None = None,
    *,
    scores: Scores = (),
    held: Holdings | None = None,
    bans: Iterable[Ban] = (),
    buckets: Mapping[str, str | None] | None = None,
) -> DayInputs:
    """Build one day; limits alone are those of portfolio P."""
    scored, holdings = score_frame(scores), holding_frame(held or {})
    return DayInputs(
        as_of_date=AS_OF,
        limits=of if isinstance(of, Mapping) else {"P": of or RebalancingLimits()},
        scores=scored,
        assets=asset_frame([*scored["asset"], *holdings["asset"]], buckets or {}),
        holdings=holdings,
        restrictions=restriction_frame(bans),
    )


def by_asset(frame: pl.DataFrame, portfolio_id: str = "P") -> Rows:
    rows = frame.filter(pl.col("portfolio_id") == portfolio_id).to_dicts()
    named = {row["asset"]: row for row in rows}
    assert len(named) == len(rows), f"an asset has two rows: {rows}"
    return named


def decisions(day: DayInputs, portfolio_id: str = "P") -> Rows:
    return by_asset(decide(select_candidates(day), day), portfolio_id)


def gates(day: DayInputs, portfolio_id: str = "P") -> dict[str, str | None]:
    """Return the gate of each candidate, None: selected; a gate without its is_selected would be no answer."""
    rows = decisions(day, portfolio_id)
    assert all(row["is_selected"] == (row["gate"] is None) for row in rows.values())
    return {asset: row["gate"] for asset, row in rows.items()}


def selected(day: DayInputs, portfolio_id: str = "P") -> set[str]:
    return {asset for asset, gate in gates(day, portfolio_id).items() if gate is None}


def reason(day: DayInputs, asset: str) -> str:
    return str(decisions(day)[asset]["decision_reason"])


def targets(day: DayInputs, portfolio_id: str = "P") -> Rows:
    return by_asset(rebalance(day).targets, portfolio_id)


def checks(result: Rebalance | pl.DataFrame, portfolio_id: str = "P", basis: str = "target") -> Rows:
    frame = result.constraint_checks if isinstance(result, Rebalance) else result
    rows = frame.filter(pl.col("portfolio_id") == portfolio_id, pl.col("basis") == basis).to_dicts()
    return {row["constraint_name"]: row for row in rows}


def broken(result: Rebalance | pl.DataFrame) -> set[tuple[str, str]]:
    """Return portfolio and constraint of each check that is not ok."""
    frame = result.constraint_checks if isinstance(result, Rebalance) else result
    return set(frame.filter(~pl.col("is_ok")).select("portfolio_id", "constraint_name").iter_rows())
