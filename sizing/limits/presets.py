"""Named sets of limits to start from. What a preset does not name is as in the model, where all defaults live.

No preset sets a score threshold: what a score of 0.65 means is the scoring model's to say.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sizing.limits.model import RebalancingLimits


class Preset(NamedTuple):
    """A partial `RebalancingLimits`, and for whom it is.

    >>> RebalancingLimits(**PRESETS["aggressive"].limits).max_single_position
    0.25
    """

    reason: str
    own: Mapping[str, Any]

    @property
    def limits(self) -> dict[str, Any]:
        """Every limit that some preset sets: this one's, else the model's. So no other preset shines through."""
        return {name: self.own.get(name, RebalancingLimits.model_fields[name].default) for name in _set_by_any()}


PRESETS: Mapping[str, Preset] = {
    "conservative": Preset(
        "Many small positions in at least five buckets with weight limits, a tenth in reserve, few small trades, and "
        "no quick in and out: "
        "for who would rather miss a gain than carry a concentrated loss.",
        {
            "target_total_allocation": 0.90,
            "max_single_position": 0.08,
            "residual_strategy": "cash_bucket",
            "max_residual_per_asset": 0.02,
            "incumbent_bias": 0.05,
            "enable_bucket_diversification": True,
            "max_allocation_per_bucket": 0.25,
            "max_missing_score_share": 0.1,
            "max_total_positions": 20,
            "min_buckets_represented": 5,
            "rebalance_band": 0.10,
            "min_trade_weight": 0.005,
            "grace_period_days": 5,
            "min_holding_days": 3,
            "reentry_cooldown_days": 10,
            "max_round_trips": 2,
        },
    ),
    "balanced": Preset("Exactly the defaults: ten positions, the better the larger, almost fully invested.", {}),
    "aggressive": Preset(
        "Six large positions and hardly any reserve; a clearly better name replaces the weakest, and small changes are "
        "traded: for who trusts the scores.",
        {
            "target_total_allocation": 0.98,
            "max_single_position": 0.25,
            "min_position_size": 0.05,
            "max_residual_per_asset": 0.10,
            "max_residual_multiple": 1.0,
            "incumbent_bias": 0.0,
            "max_allocation_per_bucket": 0.60,
            "max_total_positions": 6,
            "replacement_margin": 0.05,
            "min_buckets_represented": 1,
            "rebalance_band": 0.02,
        },
    ),
}


def _set_by_any() -> tuple[str, ...]:
    """Name the limits that any preset sets, in the order of the model."""
    named = {name for preset in PRESETS.values() for name in preset.own}
    return tuple(name for name in RebalancingLimits.model_fields if name in named)
