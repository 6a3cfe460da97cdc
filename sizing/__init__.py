"""Every portfolio rule, from scores to target weights. Pure: no engine, no database, no files, no clock.

What a notebook needs is here: `size_portfolios` from selected assets to weights, `rebalance` from the inputs of a whole
day to its targets, their limits, what these can never reach, and the errors that they raise.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sizing.checks.feasibility import find_infeasible
    from sizing.errors import BallastError, ContractError
    from sizing.frames.day_inputs import DayInputs
    from sizing.limits.model import RebalancingLimits
    from sizing.limits.presets import PRESETS, Preset
    from sizing.limits.sizing import ScoreTier
    from sizing.pipeline import Rebalance, SizedPortfolios, rebalance, size_portfolios
    from sizing.weights.raw_weights import DynamicPositionSizer
    from sizing.weights.two_stage import TwoStagePositionSizer

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
    "find_infeasible",
    "rebalance",
    "size_portfolios",
]

_MODULES = {
    "checks.feasibility": ("find_infeasible",),
    "weights.raw_weights": ("DynamicPositionSizer",),
    "errors": ("BallastError", "ContractError"),
    "frames.day_inputs": ("DayInputs",),
    "limits.model": ("RebalancingLimits",),
    "limits.sizing": ("ScoreTier",),
    "pipeline": ("Rebalance", "SizedPortfolios", "rebalance", "size_portfolios"),
    "limits.presets": ("PRESETS", "Preset"),
    "weights.two_stage": ("TwoStagePositionSizer",),
}
_MODULE_OF = {name: f"sizing.{module}" for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a name on first use: the limits alone load in a tenth of the time."""
    if name not in _MODULE_OF:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_MODULE_OF[name]), name)
