"""How scores become weights: modes, tiers, caps, the minimum size, the residual, weight limits of buckets."""

from functools import partial
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sizing.limits.fields import WEIGHT_UNIT, Share, StrictModel, Weight, limit
from sizing.names import Name

SizingMode = Literal["adaptive", "equal_weight", "score_weighted"]
ResidualStrategy = Literal["safe_top_slice", "proportional", "cash_bucket"]

_limit = partial(limit, "Sizing")
_RESERVED_CATEGORIES = {
    "pinned": "a weight that is given",
    "disabled": "a position of a portfolio without dynamic sizing",
}


class ScoreTier(StrictModel):
    """One step of the adaptive sizing: from `min_score` up, the multiplier is `score_multiplier`."""

    min_score: float = Field(ge=0, le=1, description="Lowest score of the tier.")
    size_category: Name = Field(min_length=1, description="Name of the tier in the audit.")
    score_multiplier: float = Field(ge=0, le=100, description="Multiple of the base size T / n.")

    @field_validator("size_category")
    @classmethod
    def _reject_reserved_category(cls, name: str) -> str:
        if name in _RESERVED_CATEGORIES:
            msg = f"{name} is what the sizer calls {_RESERVED_CATEGORIES[name]}: give the tier another name"
            raise ValueError(msg)
        return name

    @model_validator(mode="before")
    @classmethod
    def _read_sequence(cls, value: object) -> object:
        if not isinstance(value, tuple | list):
            return value
        names = tuple(cls.model_fields)
        if len(value) != len(names):
            msg = f"expected {', '.join(names)}"
            raise ValueError(msg)
        return dict(zip(names, value, strict=True))


DEFAULT_SCORE_TIERS = (
    ScoreTier(min_score=0.9, size_category="max", score_multiplier=1.5),
    ScoreTier(min_score=0.8, size_category="standard", score_multiplier=1.2),
    ScoreTier(min_score=0.7, size_category="base", score_multiplier=1.0),
    ScoreTier(min_score=0.6, size_category="light", score_multiplier=0.8),
)


class SizingLimits(StrictModel):
    """Limits of the sizer, with the equations of docs/sizing.md."""

    target_total_allocation: Weight = _limit(
        0.95, "Positions and residual cash together; the rest is reserve, never invested.", WEIGHT_UNIT, gt=0, le=1
    )
    enable_dynamic_sizing: bool = _limit(
        default=True, description="False: every selected asset gets target_total_allocation / n, no cap and no floor."
    )
    sizing_mode: SizingMode = _limit("adaptive", "How scores become raw weights.")
    max_single_position: Weight = _limit(
        0.15, "No position is ever above this weight, cash excepted.", WEIGHT_UNIT, gt=0, le=1
    )
    min_position_size: Weight = _limit(
        0.02, "No position is ever below this weight; what cannot reach it is not held.", WEIGHT_UNIT, ge=0, le=1
    )
    residual_strategy: ResidualStrategy = _limit("safe_top_slice", "Where the weight goes that caps left over.")
    max_residual_per_asset: Weight = _limit(
        0.05, "Most residual weight that one position may receive.", WEIGHT_UNIT, ge=0, le=1
    )
    max_residual_multiple: float | None = _limit(
        0.5,
        "Most residual as a multiple of the stage 2 weight; null: no limit.",
        "multiple of the stage 2 weight",
        ge=0,
    )
    score_tiers: tuple[ScoreTier, ...] = _limit(
        DEFAULT_SCORE_TIERS, "Adaptive multipliers by falling score; below the last: none.", min_length=1
    )
    incumbent_bias: Share = _limit(
        0.02, "Adaptive: a held asset's multiplier is raised by this fraction.", "fraction of the multiplier"
    )
    enable_bucket_diversification: bool = _limit(default=False, description="Whether bucket weight limits apply.")
    max_allocation_per_bucket: Weight = _limit(0.40, "No bucket is ever above this weight.", WEIGHT_UNIT, gt=0, le=1)
    max_allocation_by_bucket: dict[Name, Annotated[Weight, Field(gt=0, le=1)]] = _limit(
        {}, "Weight limits of single buckets, instead of max_allocation_per_bucket.", WEIGHT_UNIT
    )

    @model_validator(mode="after")
    def _check_sizing(self) -> Self:
        if self.min_position_size > self.max_single_position:
            msg = (
                f"min_position_size {self.min_position_size} is above max_single_position {self.max_single_position}: "
                f"no position could exist; lower the one to at most {self.max_single_position} or raise the other"
            )
            raise ValueError(msg)
        scores = [tier.min_score for tier in self.score_tiers]
        if scores != sorted(set(scores), reverse=True):
            msg = f"score_tiers must fall strictly from tier to tier, got {scores}: order them from high to low"
            raise ValueError(msg)
        multipliers = [tier.score_multiplier for tier in self.score_tiers]
        if multipliers != sorted(multipliers, reverse=True):
            msg = (
                f"score_multiplier must not rise from tier to tier, got {multipliers}: "
                "a higher score would get less; order the multipliers from high to low"
            )
            raise ValueError(msg)
        return self
