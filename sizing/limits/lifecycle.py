"""How long a holding stays, and when a name may come back. All of it is off by default.

A day is a session of the portfolio's exchange; the day of an opening or a closing is day 0.
"""

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from sizing.limits.fields import SCORE_UNIT, Share, StrictModel, limit
from sizing.names import Name

MaxHoldingAction = Literal["review", "close"]

_SESSIONS_UNIT = "sessions"

_limit = partial(limit, "Lifecycle")


class CoreAsset(StrictModel):
    """A holding that keeps its place until a day, that day included."""

    until: date = Field(description="Last day on which the holding keeps its place.")
    reason: str = Field(min_length=1, description="Why it does.")


class LifecycleLimits(StrictModel):
    """Limits of how long a holding stays, with the rules of docs/lifecycle.md."""

    grace_period_days: int = _limit(
        0, "Failing scores, after the first, before a holding closes; 0: it closes at once.", "scores", ge=0, le=60
    )
    grace_decay_rate: float = _limit(
        0.8, "Part of the weight that each further failing score leaves.", "fraction of the weight", gt=0, le=1
    )
    min_decay_factor: Share = _limit(
        0.1, "Least part of the weight that failing scores leave.", "fraction of the weight"
    )
    grace_recovery_score: Share | None = _limit(
        None, "Score that ends grace; null: the larger of min_score_new_position and min_score_threshold.", SCORE_UNIT
    )
    min_holding_days: int = _limit(
        0,
        "Until so many days after its opening a holding keeps its place; 0: no such lock.",
        _SESSIONS_UNIT,
        ge=0,
        le=260,
    )
    max_holding_days: int | None = _limit(
        None, "Days after which a holding is judged like a new name; null: never.", _SESSIONS_UNIT, ge=1, le=2600
    )
    max_holding_action: MaxHoldingAction = _limit(
        "review", "Whether a holding is judged like a new name after max_holding_days, or closed."
    )
    reentry_cooldown_days: int = _limit(
        0, "Whole days between closing a name and opening it again; 0: none.", _SESSIONS_UNIT, ge=0, le=260
    )
    max_round_trips: int | None = _limit(
        None, "Closings of a name in the window with which it stays out; null: no limit.", "closings", ge=1, le=20
    )
    round_trip_window_days: int = _limit(20, "Days in which closings are counted.", _SESSIONS_UNIT, ge=1, le=260)
    reentry_score: Share | None = _limit(
        None, "Score with which a name comes back despite cooldown and round trips; null: none does.", SCORE_UNIT
    )
    core_assets: dict[Name, CoreAsset] = _limit({}, "Holdings that keep their place until a day, and why.")

    @property
    def reads_lifecycle(self) -> bool:
        """Whether any of these limits reads what happened to a holding before the day."""
        return bool(
            self.grace_period_days
            or self.min_holding_days
            or self.max_holding_days
            or self.reentry_cooldown_days
            or self.max_round_trips
        )

    def core_on(self, day: date) -> Mapping[str, CoreAsset]:
        """Return the core assets of a day."""
        return {asset: one for asset, one in self.core_assets.items() if day <= one.until}

    @field_validator("core_assets", mode="before")
    @classmethod
    def _require_until_and_reason(cls, value: object) -> object:
        entries = value.values() if isinstance(value, Mapping) else [None]
        if all(isinstance(one, Mapping | CoreAsset) for one in entries):
            return value
        msg = "write each name with its last day and the reason, {AAPL: {until: 2025-12-31, reason: in our index}}"
        raise ValueError(msg)

    @model_validator(mode="after")
    def _check_lifecycle(self) -> Self:
        if self.min_holding_days == 1:
            msg = "min_holding_days 1 locks nothing, the day of the opening is day 0: set it to 0, or to at least 2"
            raise ValueError(msg)
        if self.max_holding_days is not None and self.max_holding_days <= self.min_holding_days:
            msg = (
                f"max_holding_days {self.max_holding_days} is not above min_holding_days {self.min_holding_days}: "
                "a holding would be judged while it keeps its place; raise the one or lower the other"
            )
            raise ValueError(msg)
        return self
