"""The limits of one portfolio: every number a rule may use, its default, its bounds and its unit, a section a file.

Defaults are written in the sections and nowhere else. What does not belong here: settings of the installation.
"""

from pydantic import ConfigDict

from sizing.limits.diversification import DiversificationLimits
from sizing.limits.scores import ScoreLimits
from sizing.limits.selection import SelectionLimits
from sizing.limits.sizing import SizingLimits
from sizing.limits.trading import TradingLimits


# pydantic collects the fields from the last base to the first: read the bases from right to left
class RebalancingLimits(TradingLimits, DiversificationLimits, SelectionLimits, ScoreLimits, SizingLimits):
    """Limits of one portfolio. Weights are fractions of the portfolio's value, scores are in [0, 1].

    *Raises* `pydantic.ValidationError` for an unknown name, a value out of bounds, or limits that
    contradict each other. Limits that can be met but will disappoint are reported by
    `sizing.checks.feasibility.find_infeasible`.

    >>> limits = RebalancingLimits(max_single_position=0.1, residual_strategy="proportional")
    >>> limits.max_single_position, limits.target_total_allocation
    (0.1, 0.95)
    >>> RebalancingLimits.model_fields["max_single_position"].json_schema_extra["unit"]
    "fraction of the portfolio's value"
    """

    model_config = ConfigDict(allow_inf_nan=False)
