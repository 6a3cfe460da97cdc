"""Which scores count: the model, how the parts of a score combine, how old one may be, how many may be missing."""

from typing import Self

from pydantic import Field, model_validator
from pydantic.config import JsonDict

from sizing.limits.fields import Share, StrictModel
from sizing.names import Name

_SECTION: JsonDict = {"section": "Scores"}


class ScoreLimits(StrictModel):
    """Limits of the scores that a portfolio follows."""

    model: Name = Field(
        default="default",
        min_length=1,
        description="Scoring model that the portfolio follows.",
        json_schema_extra=_SECTION,
    )
    technical_score_weight: Share = Field(
        default=0.6,
        description="Weight of the technical part where no combined score comes.",
        json_schema_extra=_SECTION | {"unit": "share of the score"},
    )
    fundamental_score_weight: Share = Field(
        default=0.4,
        description="Weight of the fundamental part where no combined score comes.",
        json_schema_extra=_SECTION | {"unit": "share of the score"},
    )
    max_score_age_days: int = Field(
        default=3,
        ge=0,
        le=365,
        description="Trading days for which a holding's last score still counts.",
        json_schema_extra=_SECTION | {"unit": "trading days"},
    )
    max_missing_score_share: Share = Field(
        default=0.2,
        description="Share of holdings or of the last universe without a score that holds the run.",
        json_schema_extra=_SECTION | {"unit": "share of the names"},
    )

    @model_validator(mode="after")
    def _check_score_parts(self) -> Self:
        if self.technical_score_weight + self.fundamental_score_weight == 0:
            msg = "technical_score_weight and fundamental_score_weight are both 0: one of them must be above 0"
            raise ValueError(msg)
        return self
