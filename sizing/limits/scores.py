"""Which scores count: the model, how the parts of a score combine, how old one may be, how many may be missing."""

from functools import partial
from typing import Self

from pydantic import model_validator

from sizing.limits.fields import Share, StrictModel, limit
from sizing.names import Name

_limit = partial(limit, "Scores")


class ScoreLimits(StrictModel):
    """Limits of the scores that a portfolio follows."""

    model: Name = _limit("default", "Scoring model that the portfolio follows.", min_length=1)
    technical_score_weight: Share = _limit(
        0.6, "Weight of the technical part where no combined score comes.", "share of the score"
    )
    fundamental_score_weight: Share = _limit(
        0.4, "Weight of the fundamental part where no combined score comes.", "share of the score"
    )
    max_score_age_days: int = _limit(
        3, "Trading days for which a holding's last score still counts.", "trading days", ge=0, le=365
    )
    max_missing_score_share: Share = _limit(
        0.2, "Share of holdings or of the last universe without a score that holds the run.", "share of the names"
    )

    @model_validator(mode="after")
    def _check_score_parts(self) -> Self:
        if self.technical_score_weight + self.fundamental_score_weight == 0:
            msg = "technical_score_weight and fundamental_score_weight are both 0: one of them must be above 0"
            raise ValueError(msg)
        return self
