"""Portfolios on their way into the product's sizer and back: one frame in, one `Case` a portfolio out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from sizing import RebalancingLimits, size_portfolios
from tests.sizing.reference.portfolio import Line
from tests.sizing.reference.sizer import size_by_hand, summarise

SCHEMA = {
    "portfolio_id": pl.String,
    "asset": pl.String,
    "bucket": pl.String,
    "score": pl.Float64,
    "is_held": pl.Boolean,
    "pinned_weight": pl.Float64,
}

Asked = tuple[list[Line], RebalancingLimits]


@dataclass(frozen=True)
class Case:
    """One portfolio as sized: rows in rank order and the summary, both under the tables' column names."""

    limits: RebalancingLimits
    rows: list[dict[str, Any]]
    summary: dict[str, Any]

    def __repr__(self) -> str:
        asked = ("asset", "bucket", "score", "is_held", "pinned_weight", "stage2_weight", "target_weight")
        rows = "\n".join(str({name: row[name] for name in asked}) for row in self.rows)
        return f"{self.limits.model_dump(exclude_defaults=True)}\n{rows}\n{self.summary}"

    def sized(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["drop_reason"] is None]

    def placed(self) -> list[dict[str, Any]]:
        """The sized rows that are not pinned."""
        return [row for row in self.sized() if row["pinned_weight"] is None]

    def row(self, asset: str) -> dict[str, Any]:
        return next(row for row in self.rows if row["asset"] == asset)

    def weights(self) -> dict[str, Decimal]:
        return {row["asset"]: row["target_weight"] for row in self.rows}


def to_frame(portfolios: Mapping[str, Sequence[Line]]) -> pl.DataFrame:
    rows = [
        (portfolio_id, line.asset, line.bucket, line.score, line.is_held, line.pinned_weight)
        for portfolio_id, lines in portfolios.items()
        for line in lines
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def name_portfolios(asked: Sequence[Asked]) -> dict[str, Asked]:
    return {f"P{number:06d}": portfolio for number, portfolio in enumerate(asked)}


def frame_and_limits(asked: Sequence[Asked]) -> tuple[pl.DataFrame, dict[str, RebalancingLimits]]:
    named = name_portfolios(asked)
    frame = to_frame({portfolio_id: lines for portfolio_id, (lines, _) in named.items()})
    return frame, {portfolio_id: limits for portfolio_id, (_, limits) in named.items()}


def size_all(asked: Sequence[Asked]) -> list[Case]:
    """Size every portfolio in one call; the cases come in the order asked."""
    frame, limits = frame_and_limits(asked)
    result = size_portfolios(frame, limits)
    rows: dict[str, list[dict[str, Any]]] = {portfolio_id: [] for portfolio_id in limits}
    for row in result.positions.iter_rows(named=True):
        rows[row["portfolio_id"]].append(row)
    summaries = {row["portfolio_id"]: row for row in result.portfolios.iter_rows(named=True)}
    return [Case(limits[name], rows[name], summaries[name]) for name in limits]


def size_by_reference(lines: list[Line], limits: RebalancingLimits) -> Case:
    """The reference's answer in the same shape; of two right marks the first by name (null first)."""
    portfolio = size_by_hand(lines, limits)
    rows = [_row(line) for line in portfolio.lines]
    return Case(limits, rows, summarise(portfolio))


def _row(line: Line) -> dict[str, Any]:
    kept = {name: value for name, value in vars(line).items() if name not in {"stage2_caps", "residual_limits"}}
    return {
        **kept,
        "stage2_cap": min(line.stage2_caps, key=lambda mark: mark or ""),
        "residual_limit": min(line.residual_limits, key=lambda mark: mark or ""),
        "target_weight": line.target_weight,
    }
