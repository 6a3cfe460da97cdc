"""The limits of one portfolio: every number a rule may use, its default, its bounds and its unit.

Defaults are written here and nowhere else. What does not belong here: settings of the installation.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sizing.names import Name

SizingMode = Literal["adaptive", "equal_weight", "score_weighted"]
ResidualStrategy = Literal["safe_top_slice", "proportional", "cash_bucket"]

WEIGHT_DECIMALS = 8
"""Decimals of a stored weight, DECIMAL(10, 8)."""

MOST_POSITIONS = 2**31 - 1
"""Highest count that a limit can be set to: what an INTEGER column holds."""

WEIGHT_TOLERANCE = 1e-12
"""Two weights closer than this are the same weight: float noise, ten thousand times below a stored unit."""


def _at_most_eight_decimals(value: float) -> float:
    stored = round(value, WEIGHT_DECIMALS)
    if abs(value - stored) > WEIGHT_TOLERANCE:
        decimals = len(f"{Decimal(repr(value)).normalize():f}".partition(".")[2])
        msg = f"has {decimals} decimals, at most {WEIGHT_DECIMALS} can be stored: round it to {stored:.8f}"
        raise ValueError(msg)
    return stored


Weight = Annotated[float, AfterValidator(_at_most_eight_decimals)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Numbers(BaseModel):
    """A model in which true is no number."""

    @field_validator("*", mode="before")
    @classmethod
    def _no_yes_or_no(cls, value: object, info: ValidationInfo) -> object:
        """Refuse true, which pydantic takes for 1, also among the values of a mapping."""
        values = value.values() if isinstance(value, dict) else [value]
        if cls.model_fields[str(info.field_name)].annotation is not bool and any(isinstance(x, bool) for x in values):
            kind, msg = "true_or_false", "true and false are no numbers and no names"
            raise PydanticCustomError(kind, msg)
        return value


_OWN_CATEGORIES = {
    "pinned": "a weight that is given",
    "disabled": "a position of a portfolio without dynamic sizing",
}


class ScoreTier(_Numbers):
    """One step of the adaptive sizing: from `min_score` up, the multiplier is `score_multiplier`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_score: float = Field(ge=0, le=1, description="Lowest score of the tier.")
    size_category: Name = Field(min_length=1, description="Name of the tier in the audit.")
    score_multiplier: float = Field(ge=0, le=100, description="Multiple of the base size T / n.")

    @field_validator("size_category")
    @classmethod
    def _is_no_word_of_the_sizer(cls, name: str) -> str:
        if name in _OWN_CATEGORIES:
            msg = f"{name} is what the sizer calls {_OWN_CATEGORIES[name]}: give the tier another name"
            raise ValueError(msg)
        return name

    @model_validator(mode="before")
    @classmethod
    def _from_sequence(cls, value: object) -> object:
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


class RebalancingLimits(_Numbers):
    """Limits of one portfolio. Weights are fractions of the portfolio's value, scores are in [0, 1].

    *Raises* `pydantic.ValidationError` for an unknown name, a value out of bounds, or limits that
    contradict each other. Limits that can be met but will disappoint are told by
    `sizing.checks.feasibility.find_infeasible`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target_total_allocation: Weight = Field(
        default=0.95,
        gt=0,
        le=1,
        description="Positions and residual cash together; the rest is reserve, never invested.",
    )
    enable_dynamic_sizing: bool = Field(
        default=True,
        description="False: every selected asset gets target_total_allocation / n, no cap and no floor.",
    )
    sizing_mode: SizingMode = Field(default="adaptive", description="How scores become raw weights.")
    max_single_position: Weight = Field(
        default=0.15, gt=0, le=1, description="No position is ever above this weight, cash excepted."
    )
    min_position_size: Weight = Field(
        default=0.02,
        ge=0,
        le=1,
        description="No position is ever below this weight; what cannot reach it is not held.",
    )
    residual_strategy: ResidualStrategy = Field(
        default="safe_top_slice", description="Where the weight goes that caps left over."
    )
    max_residual_per_asset: Weight = Field(
        default=0.05, ge=0, le=1, description="Most residual weight that one position may receive."
    )
    max_residual_multiple: float | None = Field(
        default=0.5, ge=0, description="Most residual as a multiple of the stage 2 weight; null: no limit."
    )
    score_tiers: tuple[ScoreTier, ...] = Field(
        default=DEFAULT_SCORE_TIERS,
        min_length=1,
        description="Adaptive multipliers by falling score; below the last: none.",
    )
    incumbent_bias: Share = Field(
        default=0.02, description="Adaptive: a held asset's multiplier is raised by this fraction."
    )
    enable_bucket_diversification: bool = Field(default=False, description="Whether bucket weight limits apply.")
    max_allocation_per_bucket: Weight = Field(
        default=0.40, gt=0, le=1, description="No bucket is ever above this weight."
    )
    max_allocation_by_bucket: dict[Name, Annotated[Weight, Field(gt=0, le=1)]] = Field(
        default={}, description="Weight limits of single buckets, instead of max_allocation_per_bucket."
    )

    model: Name = Field(default="default", min_length=1, description="Scoring model that the portfolio follows.")
    technical_score_weight: Share = Field(
        default=0.6, description="Weight of the technical part where no combined score comes."
    )
    fundamental_score_weight: Share = Field(
        default=0.4, description="Weight of the fundamental part where no combined score comes."
    )
    max_score_age_days: int = Field(
        default=3, ge=0, le=365, description="Trading days for which a holding's last score still counts."
    )
    max_missing_score_share: Share = Field(
        default=0.2,
        description="Share of holdings or of the last universe without a score that holds the run.",
    )

    min_score_threshold: Share = Field(default=0.60, description="A holding below this score is closed.")
    min_score_new_position: Share = Field(default=0.65, description="A new name below this score is not opened.")
    max_new_positions: int = Field(default=3, ge=0, le=MOST_POSITIONS, description="Most new names a day.")
    max_total_positions: int = Field(
        default=10, ge=1, le=MOST_POSITIONS, description="Most positions, holdings included."
    )
    replacement_margin: Share | None = Field(
        default=None,
        description="Score lead with which a new name replaces the weakest holding it may meet; null: never.",
    )
    include_buckets: tuple[Name, ...] = Field(
        default=(), description="Where this or include_assets is given: only these buckets, besides those assets."
    )
    include_assets: tuple[Name, ...] = Field(
        default=(), description="Where this or include_buckets is given: only these assets, besides those buckets."
    )
    exclude_buckets: tuple[Name, ...] = Field(default=(), description="Buckets that the portfolio never holds.")
    exclude_assets: tuple[Name, ...] = Field(default=(), description="Assets that the portfolio never holds.")
    allow_unclassified: bool = Field(
        default=False, description="True: a new name may enter though the asset list does not know its bucket."
    )

    max_positions_per_bucket: int = Field(
        default=4, ge=1, le=MOST_POSITIONS, description="Most positions in one bucket."
    )
    max_positions_by_bucket: dict[Name, Annotated[int, Field(ge=1, le=MOST_POSITIONS)]] = Field(
        default={}, description="Most positions in single buckets, instead of max_positions_per_bucket."
    )
    allow_bucket_overflow: bool = Field(
        default=False, description="True: holdings above the positions of their bucket are kept."
    )
    min_buckets_represented: int = Field(
        default=2,
        ge=0,
        le=MOST_POSITIONS,
        description="Buckets that should hold a position; the best name of each has its place reserved.",
    )

    rebalance_band: Share = Field(
        default=0.05, description="A change of at most this fraction of the current weight is not traded."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
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
        if self.technical_score_weight + self.fundamental_score_weight == 0:
            msg = "technical_score_weight and fundamental_score_weight are both 0: one of them must be above 0"
            raise ValueError(msg)
        return self


SECTIONS: Mapping[str, str] = {
    "target_total_allocation": "Sizing",
    "model": "Scores",
    "min_score_threshold": "Selection",
    "max_positions_per_bucket": "Diversification",
    "rebalance_band": "Trading",
}
"""The first limit of each section of `RebalancingLimits`, whose fields stand in this order, and the section's name."""
