"""How volatility and correlation decide sizes. All of it is off by default.

A volatility is a year's, as a fraction (0.2 = 20 %), of a year of 252 sessions. Days are sessions of the portfolio's
exchange.
"""

from functools import partial
from typing import Literal, Self

from pydantic import model_validator

from sizing.limits.fields import Share, StrictModel, Weight, limit

VolatilityMode = Literal["none", "inverse"]
VolatilitySource = Literal["prices", "scores"]
CorrelationMode = Literal["none", "crowding"]

_SESSIONS_UNIT, _VOLATILITY_UNIT, _SIZE_UNIT = "sessions", "a year, fraction", "multiple of the size"

_limit = partial(limit, "Risk")


class RiskLimits(StrictModel):
    """Limits that need the volatility of assets, with the equations of docs/risk.md."""

    volatility_mode: VolatilityMode = _limit(
        "none", "Whether sizes are multiplied by (reference volatility / volatility)^volatility_strength."
    )
    volatility_source: VolatilitySource = _limit(
        "prices", "Whether volatility is estimated from prices, or comes with the scores."
    )
    volatility_half_life_days: int = _limit(
        40, "Age at which a return counts half in a volatility.", _SESSIONS_UNIT, ge=5, le=250
    )
    volatility_window_days: int = _limit(252, "Sessions whose returns count.", _SESSIONS_UNIT, ge=20, le=1000)
    min_observations: int = _limit(60, "Returns in the window without which there is no estimate.", "returns", ge=20)
    volatility_strength: Share = _limit(
        1.0, "Exponent of the ratio of volatilities; 0: it changes nothing.", "exponent"
    )
    min_volatility_multiplier: float = _limit(0.5, "Least multiplier by volatility.", _SIZE_UNIT, gt=0, le=1)
    max_volatility_multiplier: float = _limit(2.0, "Largest multiplier by volatility.", _SIZE_UNIT, ge=1, le=10)
    reference_volatility: float | None = _limit(
        None,
        "Volatility of the multiplier 1; null: the median over the portfolio's selected names that are not pinned.",
        _VOLATILITY_UNIT,
        gt=0,
    )
    max_position_risk: Weight | None = _limit(
        None, "No weight times its volatility is ever above this; null: no limit.", "weight x volatility", gt=0
    )
    correlation_mode: CorrelationMode = _limit(
        "none", "Whether sizes are multiplied by crowding^-correlation_strength."
    )
    correlation_half_life_days: int = _limit(
        120, "Age at which a return counts half in a correlation.", _SESSIONS_UNIT, ge=20, le=500
    )
    correlation_strength: Share = _limit(0.5, "Exponent of crowding; 0: it changes nothing.", "exponent")
    correlation_shrinkage: Share = _limit(
        0.2, "How far each correlation moves to the mean of those among the selected names.", "fraction"
    )
    min_crowding: float = _limit(0.5, "Least crowding, in names.", "names", ge=0.1, le=1)
    target_volatility: float | None = _limit(
        None,
        "Most volatility of the targets: positions that are not pinned are scaled down to it; null: no limit.",
        _VOLATILITY_UNIT,
        gt=0,
        le=1,
    )
    max_plausible_return: float = _limit(
        0.4, "A larger return, or a fall that only a larger one makes up for, is suspect.", "fraction", gt=0
    )
    max_missing_volatility_share: Share = _limit(
        0.2, "The run is held when more of holdings and new names have no volatility; 1: never.", "fraction"
    )

    @property
    def reads_volatility(self) -> bool:
        """Whether any of these limits reads the volatility of assets."""
        return (
            self.volatility_mode != "none"
            or self.max_position_risk is not None
            or self.correlation_mode != "none"
            or self.target_volatility is not None
        )

    @property
    def reads_returns(self) -> bool:
        """Whether any of these limits reads the returns of assets."""
        return self.reads_volatility and self.volatility_source == "prices"

    @model_validator(mode="after")
    def _check_risk(self) -> Self:
        if self.min_observations > self.volatility_window_days:
            msg = (
                f"min_observations {self.min_observations} is above volatility_window_days "
                f"{self.volatility_window_days}: no asset would have a volatility; lower the one or raise the other"
            )
            raise ValueError(msg)
        wants_returns = {
            "target_volatility": self.target_volatility is not None,
            "correlation_mode": self.correlation_mode != "none",
        }
        refused = [name for name, is_set in wants_returns.items() if is_set]
        if self.volatility_source == "scores" and refused:
            msg = (
                f"{' and '.join(refused)} need returns, which volatility_source scores does not give: set "
                "volatility_source to prices, or leave them out"
            )
            raise ValueError(msg)
        return self
