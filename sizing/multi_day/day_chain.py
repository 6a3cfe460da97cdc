"""Days that follow each other: each starts from what the day before it leaves. Computed all at once.

Let f(d, h) be what day d leaves for the next one when it starts from the holdings h (next_day.py: moved by prices where
the book is marked). Wanted are h_1 = given and h_{d+1} = f(d, h_d).
One day after the other would cost a run of the rules a day; many days stacked cost little more than one. So:

1. Guess who is held on each day, from the slots alone, which is cheap (`_guess`).
2. Find the targets of all days at once, each from its guess (`find_trade_rows`), and trade them day by day, each from
   what the day before left (`follow_trades`). That is the next guess.
3. Evaluate f for all days at once (`rebalance`). Where each day leaves what the next one started from, it is done;
   else go on at 2.

It ends: f depends on its arguments alone, and h_1 is given. When h_1 to h_d are right, so are the targets of day d, and
the next guess has h_{d+1} right and leaves the earlier ones as they are. So n days take at most n rounds, and nearly
always one: targets depend on what is held, seldom on how much of it.

Where limits read the states of holdings, h has these too, and the first guess is a walk from day to day, which is
exact (walked_days.py). Elsewhere they follow from the result.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple, Self

import polars as pl

from sizing.checks.volatility_coverage import missing_volatility
from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.frames.schema import STORED_WEIGHT
from sizing.lifecycle.transition import advance_states
from sizing.multi_day.day_starts import DayEnd, DayStarts
from sizing.multi_day.followed_states import Corrections, FollowedStates, follow_states
from sizing.multi_day.followed_trades import follow_trades
from sizing.multi_day.next_day import NO_GROWTH, NextDay
from sizing.multi_day.stacked_days import PackedDays, day_of, named, stack_days, stacked_again, stacked_day, with_day
from sizing.multi_day.walked_days import walk_days
from sizing.pipeline import Rebalance, find_trade_rows, rebalance, select_candidates
from sizing.selection.diversification import join_slot_limits
from sizing.selection.score_coverage import missing_scores
from sizing.selection.slots import fill_slots
from sizing.selection.universe import KEY_COLUMNS
from sizing.trading.targets import holdings_of

_KEY = ["portfolio_id", "asset"]
_CANDIDATE = ("portfolio_key", "bucket_key", "asset_key", "score_units", "is_held", "is_locked", "is_in_grace")
_DATE = len("2026-01-02")
_GUESSED_WEIGHT = pl.lit(Decimal("0.05")).cast(STORED_WEIGHT)


class ChainedDays(NamedTuple):
    """Days put together, each with what it started from, and their result with `as_of_date` in every frame."""

    days: DayInputs
    result: Rebalance


class DayChain(NamedTuple):
    """Days, what of them is `given`, and how each leads to the next."""

    days: Sequence[DayFrames]
    given: DayInputs
    next_day: NextDay
    corrections: Corrections

    @classmethod
    def of(cls, days: Sequence[DayFrames], corrections: Corrections, growth: pl.DataFrame = NO_GROWTH) -> Self:
        """Take days of the same asset list, the first with its holdings and states.

        Of a later day only the holdings of portfolios count that start from positions; `corrections` names these, and
        is what moves states between days. `growth`: what 1 of an `asset` becomes from the day before to `as_of_date`,
        for portfolios with mark_to_market.
        """
        fixed = frozenset(named(days[0].as_of_date, name) for name in days[0].limits) | corrections.restarts
        given = stack_days(days)
        given = replace(given, holdings=given.holdings.filter(pl.col("portfolio_id").is_in(list(fixed))))
        next_day = NextDay.of([day.as_of_date for day in days], given.limits, fixed, growth)
        return cls(days, given, next_day, corrections)

    def guess(self) -> DayStarts:
        """Return what each day starts from: exactly where limits read states, elsewhere nearly always."""
        limits = self.days[0].limits.values()
        if any(one.reads_lifecycle for one in limits):
            return walk_days(self.days, self.given.holdings, self.next_day, self.corrections)
        if any(one.max_turnover is not None for one in limits):
            return walk_days(self.days, self.given.holdings, self.next_day)
        return self._traded(self._starting(self._after(_guess(self.days, self.given, self.next_day.fixed))))

    def rebalance(self, starts: DayStarts | None = None, *, are_own: bool = True) -> ChainedDays:
        """Return what `rebalance` returns for each day, when each day starts from what the day before it leaves.

        `starts`: a guess, one of the chain's `own` or another, which is not used where it does not come out.
        """
        starts = starts or self.guess()
        while True:
            together = self._starting(starts.holdings, starts.states)
            result = rebalance(together)
            holdings = self._after(holdings_of(result.targets))
            if holdings.equals(starts.holdings) and (states := self._verified_states(together, result, starts)):
                days = replace(together, states=states.starts)
                return ChainedDays(days, Rebalance(*map(with_day, result._replace(lifecycle=states.left))))
            if not are_own:
                starts, are_own = self.guess(), True
            elif starts.states:
                starts = starts._replace(holdings=holdings, states=self._followed_states(result, holdings))
            else:
                starts = self._traded(together)

    def _verified_states(self, together: DayInputs, result: Rebalance, starts: DayStarts) -> FollowedStates | None:
        """Return the states of the days, or None where the result leads to others than it started from."""
        if not starts.states:
            return self._followed_states(result, starts.holdings)
        left = advance_states(together.states, result.decisions, result.targets, together.limits, stacked_day())
        return starts.states if left.equals(starts.states.left) else None

    def _followed_states(self, result: Rebalance, holdings: pl.DataFrame) -> FollowedStates:
        return follow_states(self.days, result, holdings, self.corrections)

    def _traded(self, together: DayInputs) -> DayStarts:
        """Return what each day starts from, when the day before it trades to its targets."""
        rows, dates = find_trade_rows(together).rows, [day.as_of_date for day in self.days]
        return follow_trades(rows, together.limits, self.given.holdings, self.next_day, dates)

    def _starting(self, holdings: pl.DataFrame, states: FollowedStates | None = None) -> DayInputs:
        """Return the days with what each starts from."""
        return replace(self.given, holdings=holdings, states=states.starts if states else self.given.states)

    def _after(self, left: pl.DataFrame) -> pl.DataFrame:
        """Return what the days start from, when each leaves this."""
        return pl.concat([self.given.holdings, self.next_day.starts(left)]).sort(_KEY)


def guess_after(end: DayEnd, packed: PackedDays, corrections: Corrections, growth: pl.DataFrame) -> DayStarts:
    """Return what each day starts from, when the first of them goes on from another day that ends so.

    `corrections` and `growth` as `DayChain.of` takes them, but for the first day too. So another process can guess.
    """
    first, *later = packed.unpacked()
    return DayChain.of([end.begin(first, corrections, growth), *later], corrections, growth).guess()


def find_held_days(chained: ChainedDays) -> tuple[date, ...]:
    """Return the days on which scores or volatilities are missing, as `missing_scores, missing_volatility` find."""
    result = Rebalance(*map(stacked_again, chained.result))
    found = (missing_scores(chained.days), missing_volatility(result, chained.days))
    return tuple(sorted({day_of(name) for one in found for name in one["portfolio_id"]}))


def _guess(days: Sequence[DayFrames], given: DayInputs, fixed: frozenset[str]) -> pl.DataFrame:
    """Guess who is held after each day, if no position is dropped for its size. Weights are not known yet."""
    pool = _OptionPool.of(days, given, fixed)
    held, left = pl.Series("pair", [], pl.Int64), []
    for options, restart in zip(pool.options, pool.restarts, strict=True):
        if restart:
            held = pl.concat([held.filter(restart.stays.gather(held // pool.assets.height)), restart.held])
        rows = options.filter(pl.col("is_held") == pl.col("pair").is_in(held.implode()))
        held = fill_slots(rows).filter(pl.col("slot_gate").is_null())["pair"]
        left.append(held)
    return pool.named(left, given.holdings)


class _Restart(NamedTuple):
    """A day on which portfolios start from what they are given: their `held` pairs, and which portfolios are others."""

    held: pl.Series
    stays: pl.Series


class _OptionPool(NamedTuple):
    """Every candidate of every day twice, held and not, so that a day is a matter of picking rows.

    A `pair` is a portfolio and an asset, the same number on all days.
    """

    options: list[pl.DataFrame]
    restarts: list[_Restart | None]
    portfolios: pl.DataFrame
    assets: pl.DataFrame

    @classmethod
    def of(cls, days: Sequence[DayFrames], given: DayInputs, fixed: frozenset[str]) -> Self:
        held = select_candidates(replace(given, holdings=_hold_everything(given)))
        names = held.select(*_KEY, *KEY_COLUMNS[:3])
        free = select_candidates(replace(given, holdings=given.holdings.clear()))
        free = free.drop(KEY_COLUMNS[:3]).join(names, on=_KEY, how="left", maintain_order="left")
        both = pl.concat([free.select(held.columns), held]).sort(
            "portfolio_key", "score_units", "asset_key", descending=[False, True, False], nulls_last=True
        )
        portfolios = pl.DataFrame({"portfolio_id": sorted(given.limits)}).with_row_index("portfolio_key")
        assets = names.select("asset_key", "asset").unique().sort("asset_key")
        size = len(days[0].limits)
        pair = (pl.col("portfolio_key").cast(pl.Int64) % size) * assets.height + pl.col("asset_key")
        day = pl.col("portfolio_key") // size
        joined = join_slot_limits(both, given, _CANDIDATE).with_columns(pair=pair, day=day)
        options = joined.partition_by("day", as_dict=True, include_key=False, maintain_order=True)
        started = given.holdings.join(names, on=_KEY).select(pair=pair, day=day)
        stays = portfolios.select(day=day, stays=~pl.col("portfolio_id").is_in(list(fixed)))
        numbers = range(len(days))
        restarts = [
            _Restart(started.filter(day=number)["pair"], own["stays"]) if not own["stays"].all() else None
            for number, own in enumerate(stays.partition_by("day", maintain_order=True))
        ]
        return cls(
            [options.get((number,), joined.drop("day").clear()) for number in numbers], restarts, portfolios, assets
        )

    def named(self, left: list[pl.Series], known: pl.DataFrame) -> pl.DataFrame:
        """Return the names of what is left after each day, with the weights that are known of the first."""
        size = self.portfolios.height // len(left)
        rows = pl.concat(
            pair.to_frame("pair").select(
                portfolio_key=(pl.col("pair") // self.assets.height + number * size).cast(pl.UInt32),
                asset_key=(pl.col("pair") % self.assets.height).cast(pl.UInt32),
            )
            for number, pair in enumerate(left)
        )
        name = pl.col("portfolio_id").str.slice(_DATE)
        weights = known.select(name.alias("name"), "asset", "current_weight").unique(["name", "asset"])
        return (
            rows.join(self.portfolios, on="portfolio_key")
            .join(self.assets, on="asset_key")
            .with_columns(name=name)
            .join(weights, on=["name", "asset"], how="left")
            .select(*_KEY, pl.col("current_weight").fill_null(_GUESSED_WEIGHT))
        )


def _hold_everything(given: DayInputs) -> pl.DataFrame:
    """Return holdings in which every portfolio holds every asset."""
    assets = pl.concat([given.scores["asset"], given.holdings["asset"]]).unique().to_frame()
    portfolios = pl.DataFrame({"portfolio_id": list(given.limits)}, schema={"portfolio_id": pl.String})
    return portfolios.join(assets, how="cross").with_columns(current_weight=_GUESSED_WEIGHT)
