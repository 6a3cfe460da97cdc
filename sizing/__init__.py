"""Every portfolio rule, from scores to target weights. Pure: no engine, no database, no files, no clock."""

from sizing.dynamic import DynamicPositionSizer
from sizing.limits import RebalancingLimits, ScoreTier
from sizing.pipeline import SizedPortfolios, size_portfolios
from sizing.two_stage import TwoStagePositionSizer

__all__ = [
    "DynamicPositionSizer",
    "RebalancingLimits",
    "ScoreTier",
    "SizedPortfolios",
    "TwoStagePositionSizer",
    "size_portfolios",
]
