"""Several days at once: a portfolio on a day is a portfolio of its own.

The rules see only names: portfolios and models get the day before theirs, so that no day sees another's scores or
limits. What does not belong here: any rule.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple, Self

import polars as pl

from sizing.errors import ContractError
from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.frames.prices import RETURNS
from sizing.limits.model import RebalancingLimits

_DAY = len("2026-01-02|")
"""Length of what stands before a name."""


def stack_days(days: Sequence[DayFrames]) -> DayInputs:
    """Stack days into one day of many portfolios.

    *Requires* days in order that `have_same_names`: a name has one bucket in a frame. Returns of a later day must have
    those of the sessions that an earlier one has too. *Raises* `ContractError`.
    """
    others = [day for day in days[1:] if not have_same_names(days[0], day)]
    if others:
        msg = (
            f"{len(others)} of {len(days)} days have another asset list than {days[0].as_of_date} or other renames, "
            f"the first is {others[0].as_of_date}: put only days together that have the same"
        )
        raise ContractError(msg)
    return DayInputs(
        as_of_date=days[0].as_of_date,
        limits={
            named(day.as_of_date, name): one for day in days for name, one in _with_own_models(day, day.limits).items()
        },
        scores=pl.concat(with_name(day.as_of_date, day.scores, "model") for day in days),
        assets=days[0].assets,
        holdings=pl.concat(with_name(day.as_of_date, day.holdings) for day in days),
        restrictions=pl.concat(with_name(day.as_of_date, _for_each(day)) for day in days),
        states=pl.concat(with_name(day.as_of_date, day.states) for day in days),
        delisted=days[0].delisted,
        renamed=days[0].renamed,
        returns=_stack_returns(days),
        sessions=sorted({session for day in days for session in day.sessions}),
        volatilities=pl.concat(with_name(day.as_of_date, day.volatilities, "model") for day in days),
        days={named(day.as_of_date, name): day.as_of_date for day in days for name in day.limits},
        has_entry_scores=days[0].has_entry_scores,
    )


class PackedDays(NamedTuple):
    """Days without their returns, and the returns that they share, once: small enough to hand them to a process."""

    days: Sequence[DayFrames]
    returns: pl.DataFrame

    @classmethod
    def of(cls, days: Sequence[DayFrames]) -> Self:
        """Take days as `stack_days` requires them."""
        return cls([day._replace(returns=RETURNS) for day in days], _stack_returns(days))

    def unpacked(self) -> list[DayFrames]:
        """Return the days with the returns of their sessions."""
        session = pl.col("session")
        return [
            day._replace(returns=self.returns.filter(session.is_between(day.sessions[0], day.sessions[-1])))
            if day.sessions
            else day
            for day in self.days
        ]


def _stack_returns(days: Sequence[DayFrames]) -> pl.DataFrame:
    return pl.concat([days[0].returns, *(_new_returns(*pair) for pair in pairwise(days))])


def _new_returns(day: DayFrames, later: DayFrames) -> pl.DataFrame:
    """Return the returns of a later day after the sessions of the day before it."""
    return later.returns.filter(pl.col("session") > day.sessions[-1]) if day.sessions else later.returns


def have_same_names(day: DayFrames, other: DayFrames) -> bool:
    """Whether an asset has the same name and bucket on both days: the same lists and the same renames."""
    lists = ((day.assets, other.assets), (day.delisted, other.delisted))
    return day.renamed == other.renamed and all(one is two or one.equals(two) for one, two in lists)


def with_day(frame: pl.DataFrame) -> pl.DataFrame:
    """Restore the names of the portfolios, or models. *Adds* `as_of_date` where a frame has not its own."""
    if "portfolio_id" not in frame.columns:
        return frame.with_columns(pl.col("model").str.slice(_DAY))
    return frame.with_columns(portfolio_id=pl.col("portfolio_id").str.slice(_DAY), as_of_date=stacked_day())


def stacked_again(frame: pl.DataFrame) -> pl.DataFrame:
    """Undo `with_day`."""
    if "portfolio_id" not in frame.columns:
        return frame.with_columns(model=pl.format("{}|{}", "as_of_date", "model"))
    return frame.with_columns(portfolio_id=pl.format("{}|{}", "as_of_date", "portfolio_id")).drop("as_of_date")


def stacked_day() -> pl.Expr:
    """Return the day of a portfolio that is `named` on it."""
    return pl.col("portfolio_id").str.head(_DAY - 1).str.to_date("%Y-%m-%d")


def with_name(day: date, frame: pl.DataFrame, column: str = "portfolio_id") -> pl.DataFrame:
    """Return the frame of a day with portfolios, or models, as they are `named` on it."""
    return frame.with_columns(pl.concat_str(pl.lit(named(day, "")), column).alias(column))


def by_day(frame: pl.DataFrame) -> Callable[[date], pl.DataFrame]:
    """Return the rows of a day under the names that portfolios have on their own."""
    name = pl.col("portfolio_id")
    parts = frame.with_columns(day=name.str.head(_DAY - 1), portfolio_id=name.str.slice(_DAY)).partition_by(
        "day", as_dict=True, include_key=False, maintain_order=True
    )
    return lambda day: parts.get((day.isoformat(),), frame.clear())


def named(day: date, name: str) -> str:
    """Return the name of a portfolio or model on a day."""
    return f"{day.isoformat()}|{name}"


def day_of(name: str) -> date:
    """Return the day of what begins with such a name."""
    return date.fromisoformat(name[: _DAY - 1])


def _with_own_models(day: DayFrames, limits: Mapping[str, RebalancingLimits]) -> dict[str, RebalancingLimits]:
    """Rename the model of every portfolio to that of the day. Portfolios that share limits go on sharing them."""
    changed = {id(one): one.model_copy(update={"model": named(day.as_of_date, one.model)}) for one in limits.values()}
    return {portfolio_id: changed[id(one)] for portfolio_id, one in limits.items()}


def _for_each(day: DayFrames) -> pl.DataFrame:
    """Repeat a restriction without a portfolio for each portfolio of the day."""
    columns = day.restrictions.columns
    names = pl.DataFrame({"name": list(day.limits)}, schema={"name": pl.String})
    for_all = day.restrictions.filter(pl.col("portfolio_id").is_null()).join(names, how="cross")
    for_one = day.restrictions.filter(pl.col("portfolio_id").is_not_null())
    return pl.concat([for_one, for_all.with_columns(portfolio_id="name").select(columns)])
