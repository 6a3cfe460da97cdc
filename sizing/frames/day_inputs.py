"""The inputs of one day of rules: the frames, each with its named schema.

What does not belong here: where the frames come from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import NamedTuple, Self

import dataframely as dy
import polars as pl

from sizing.frames.holding_states import STATES, States
from sizing.frames.prices import PRICES, RETURNS, Prices, SessionReturns
from sizing.frames.schema import validate
from sizing.limits.model import RebalancingLimits
from sizing.names import CASH

ENTRY_SCORES_UP_TO = 200
"""Portfolios of a day up to which its decisions have entry scores, where nothing else is said."""

RESTRICTIONS = ("no_buy", "no_trade", "must_sell")
"""The restrictions: open nothing, trade nothing, hold nothing."""

UNCLASSIFIED = "unclassified"
"""Bucket of a holding that the asset list does not know: it is still evaluated, never lost."""


class DayScores(dy.Schema):
    """One score of an asset and model, not older than the window. Parts or the combined score may be missing."""

    model = dy.String(primary_key=True)
    asset = dy.String(primary_key=True, check={"cash_is_not_scored": lambda asset: asset != CASH})
    score_date = dy.Date(primary_key=True)
    score_age_days = dy.Int32(min=0)
    score = dy.Float64(nullable=True, min=0, max=1)
    technical_score = dy.Float64(nullable=True, min=0, max=1)
    fundamental_score = dy.Float64(nullable=True, min=0, max=1)


class AssetBuckets(dy.Schema):
    """The bucket of an asset."""

    asset = dy.String(primary_key=True)
    bucket = dy.String(min_length=1)


class Delisted(dy.Schema):
    """An asset that an earlier list had and the day's does not: its last bucket, and the name it may have now."""

    asset = dy.String(primary_key=True)
    bucket = dy.String(min_length=1)
    perhaps = dy.String(nullable=True)


DELISTED = pl.DataFrame(schema=dict.fromkeys(("asset", "bucket", "perhaps"), pl.String))
"""No such asset."""


class Holdings(dy.Schema):
    """What a portfolio holds before the day's trades, cash left out."""

    portfolio_id = dy.String(primary_key=True)
    asset = dy.String(primary_key=True, check={"cash_is_not_held": lambda asset: asset != CASH})
    current_weight = dy.Decimal(10, 8, min=0)


class Restrictions(dy.Schema):
    """A restriction in force on the day; no portfolio_id: for every portfolio."""

    portfolio_id = dy.String(nullable=True)
    asset = dy.String()
    restriction = dy.String(check={"known_restriction": lambda restriction: restriction.is_in(RESTRICTIONS)})
    reason = dy.String(nullable=True)


class Volatilities(dy.Schema):
    """The volatility that came with a score, null where none did: a year's, as a fraction."""

    model = dy.String(primary_key=True)
    asset = dy.String(primary_key=True)
    score_date = dy.Date(primary_key=True)
    volatility = dy.Float64(nullable=True, min=0)


VOLATILITIES = pl.DataFrame(
    schema={"model": pl.String, "asset": pl.String, "score_date": pl.Date, "volatility": pl.Float64}
)
"""None came, or no limit reads them."""


class DayFrames(NamedTuple):
    """What `DayInputs` is made from, not yet validated. The fields are those of `DayInputs`."""

    as_of_date: date
    limits: Mapping[str, RebalancingLimits]
    scores: pl.DataFrame
    assets: pl.DataFrame
    holdings: pl.DataFrame
    restrictions: pl.DataFrame
    delisted: pl.DataFrame = DELISTED
    renamed: Mapping[str, str] = MappingProxyType({})
    prices: pl.DataFrame = PRICES
    states: pl.DataFrame = STATES
    returns: pl.DataFrame = RETURNS
    sessions: Sequence[date] = ()
    volatilities: pl.DataFrame = VOLATILITIES
    days: Mapping[str, date] = MappingProxyType({})
    has_entry_scores: bool = True


@dataclass(frozen=True)
class DayInputs:
    """Everything that decides the targets of one trading day.

    `renamed` has the names that no longer count, with those that do: the frames have only the latter. `prices` are
    those by which the holdings of some portfolios were marked. `states` are what is remembered of what each portfolio
    holds or held, corrected by the holdings. `returns` are those of `sessions`, which are consecutive and end with the
    day, at least of what is scored or held, and `volatilities` came with the scores, where a limit reads them. `days`
    has the day of each portfolio that is not of `as_of_date`, where several days are stacked. Without
    `has_entry_scores` decisions have neither entry score nor rival, which cost more than all other rules together.
    *Raises* `ContractError` for a frame that breaks its schema.
    """

    as_of_date: date
    limits: Mapping[str, RebalancingLimits]
    scores: pl.DataFrame
    assets: pl.DataFrame
    holdings: pl.DataFrame
    restrictions: pl.DataFrame
    delisted: pl.DataFrame = field(default_factory=DELISTED.clone)
    renamed: Mapping[str, str] = field(default_factory=dict)
    prices: pl.DataFrame = field(default_factory=PRICES.clone)
    states: pl.DataFrame = field(default_factory=STATES.clone)
    returns: pl.DataFrame = field(default_factory=RETURNS.clone)
    sessions: Sequence[date] = ()
    volatilities: pl.DataFrame = field(default_factory=VOLATILITIES.clone)
    days: Mapping[str, date] = field(default_factory=dict)
    has_entry_scores: bool = True

    def __post_init__(self) -> None:
        """Validate every frame."""
        validate(DayScores, self.scores, "the day's scores")
        validate(AssetBuckets, self.assets, "the day's assets")
        validate(Holdings, self.holdings, "the day's holdings")
        validate(Restrictions, self.restrictions, "the day's restrictions")
        validate(Delisted, self.delisted, "the assets that left the list")
        validate(Prices, self.prices, "the prices of holdings")
        validate(States, self.states, "the states of holdings")
        validate(SessionReturns, self.returns, "the returns of sessions")
        validate(Volatilities, self.volatilities, "the volatilities of scores")

    @classmethod
    def unvalidated(cls, frames: DayFrames) -> Self:
        """Return a day whose frames obey their schemas, as parts of a day that was validated do."""
        day = object.__new__(cls)
        for name, value in frames._asdict().items():
            object.__setattr__(day, name, value)
        return day

    def day_of(self, portfolio_id: str) -> date:
        """Return the day of a portfolio."""
        return self.days.get(portfolio_id, self.as_of_date)

    @property
    def frames(self) -> DayFrames:
        """The same, as it came."""
        return DayFrames(*(getattr(self, name) for name in DayFrames._fields))
