"""The limits of one portfolio: every number a rule may use, its default, its bounds and its unit, a section a file.

Defaults are written in the sections and nowhere else. What does not belong here: settings of the installation.
"""

from typing import Self

from pydantic import ConfigDict, model_validator

from sizing.limits.diversification import DiversificationLimits
from sizing.limits.lifecycle import LifecycleLimits
from sizing.limits.risk import RiskLimits
from sizing.limits.scores import ScoreLimits
from sizing.limits.selection import SelectionLimits
from sizing.limits.sizing import SizingLimits
from sizing.limits.trading import TradingLimits


# pydantic collects the fields from the last base to the first: read the bases from right to left
class RebalancingLimits(
    RiskLimits, LifecycleLimits, TradingLimits, DiversificationLimits, SelectionLimits, ScoreLimits, SizingLimits
):
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

    @model_validator(mode="after")
    def _check_against_each_other(self) -> Self:
        """Reject limits of one section that contradict those of another."""
        if self.reads_volatility and not self.enable_dynamic_sizing:
            msg = (
                "enable_dynamic_sizing false gives every asset the same weight, and risk limits (volatility_mode, "
                "max_position_risk, correlation_mode, target_volatility) would change it: enable it, or leave them out"
            )
            raise ValueError(msg)
        recovery, exit_score = self.grace_recovery_score, self.min_score_threshold
        if recovery is not None and recovery < exit_score:
            msg = (
                f"grace_recovery_score {recovery} is below min_score_threshold {exit_score}: a score that fails would "
                f"end grace; raise it to at least {exit_score}, or leave it out"
            )
            raise ValueError(msg)
        if both := sorted(set(self.core_assets) & set(self.exclude_assets)):
            msg = (
                f"core_assets and exclude_assets both name {', '.join(both)}: what the portfolio never holds cannot "
                "keep its place; take it out of one of them"
            )
            raise ValueError(msg)
        return self
