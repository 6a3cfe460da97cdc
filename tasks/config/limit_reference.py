"""The limits as pages and files show them to a person: by section, each with its unit."""

from collections.abc import Mapping
from typing import NamedTuple

from sizing.limits.model import SECTIONS, RebalancingLimits
from tasks.config.field_descriptions import Field, fields_of

_WEIGHT, _SCORE, _POSITIONS = "fraction of the portfolio's value", "score", "positions"
UNITS: Mapping[str, str] = {
    "target_total_allocation": _WEIGHT,
    "max_single_position": _WEIGHT,
    "min_position_size": _WEIGHT,
    "max_residual_per_asset": _WEIGHT,
    "max_residual_multiple": "multiple of the stage 2 weight",
    "incumbent_bias": "fraction of the multiplier",
    "max_allocation_per_bucket": _WEIGHT,
    "max_allocation_by_bucket": _WEIGHT,
    "technical_score_weight": "share of the score",
    "fundamental_score_weight": "share of the score",
    "max_score_age_days": "trading days",
    "max_missing_score_share": "share of the names",
    "min_score_threshold": _SCORE,
    "min_score_new_position": _SCORE,
    "max_new_positions": "positions a day",
    "max_total_positions": _POSITIONS,
    "replacement_margin": _SCORE,
    "max_positions_per_bucket": _POSITIONS,
    "max_positions_by_bucket": _POSITIONS,
    "min_buckets_represented": "buckets",
    "rebalance_band": "fraction of the current weight",
}
"""The unit of every limit that is a number."""


class Limit(NamedTuple):
    """One limit, the section that it belongs to, and its unit; empty: it is no number."""

    section: str
    unit: str
    field: Field


def limits_by_section() -> tuple[Limit, ...]:
    """Give every limit in the order of the model."""
    section, found = "", []
    for field in fields_of(RebalancingLimits):
        section = SECTIONS.get(field.name, section)
        found.append(Limit(section, UNITS.get(field.name, ""), field))
    return tuple(found)
