"""Every portfolio rule, from scores to target weights. Pure: no engine, no database, no files, no clock.

What a notebook needs is here: `size_portfolios` from selected assets to weights, `rebalance` from the inputs of a whole
day to its targets, their limits, and the errors that they raise.
"""

from sizing.dynamic import DynamicPositionSizer
from sizing.errors import BallastError, ContractError
from sizing.inputs import DayInputs
from sizing.limits import RebalancingLimits, ScoreTier
from sizing.pipeline import Rebalance, SizedPortfolios, rebalance, size_portfolios
from sizing.presets import PRESETS, Preset
from sizing.two_stage import TwoStagePositionSizer

__all__ = [
    "PRESETS",
    "BallastError",
    "ContractError",
    "DayInputs",
    "DynamicPositionSizer",
    "Preset",
    "Rebalance",
    "RebalancingLimits",
    "ScoreTier",
    "SizedPortfolios",
    "TwoStagePositionSizer",
    "rebalance",
    "size_portfolios",
]
