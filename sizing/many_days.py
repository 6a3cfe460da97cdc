"""Several days at once, when what each starts from is known: a portfolio on a day is a portfolio of its own.

The rules see only names: portfolios and models get the day before theirs, so that no day sees another's scores or
limits. What does not belong here: what a day starts from, which is what the day before it leaves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby

import polars as pl

from sizing.breaker import find_missing_scores
from sizing.inputs import DayInputs
from sizing.limits import RebalancingLimits
from sizing.pipeline import Rebalance, rebalance

_DAY = len("2026-01-02|")
"""Length of what stands before a name."""


def rebalance_days(days: Sequence[DayInputs]) -> Rebalance:
    """Give what `rebalance` gives for each day, in the order of the days, with `as_of_date` in every frame."""
    parts = [_apart(rebalance(together)) for together in _with_equal_assets(days)]
    return Rebalance(*(pl.concat(frames) for frames in zip(*parts, strict=True)))


def find_held_days(days: Sequence[DayInputs]) -> tuple[date, ...]:
    """Say on which days `find_missing_scores` has an objection."""
    told = [sentence for together in _with_equal_assets(days) for sentence in find_missing_scores(together)]
    return tuple(sorted({date.fromisoformat(sentence[: _DAY - 1]) for sentence in told}))


def _with_equal_assets(days: Sequence[DayInputs]) -> Iterator[DayInputs]:
    """Lay the days together that have the same asset list: a name has one bucket in a frame."""
    lists: list[pl.DataFrame] = []

    def number(day: DayInputs) -> int:
        if not lists or not (lists[-1] is day.assets or lists[-1].equals(day.assets)):
            lists.append(day.assets)
        return len(lists)

    for _, group in groupby(days, key=number):
        yield _together(list(group))


def _together(days: Sequence[DayInputs]) -> DayInputs:
    return replace(
        days[0],
        limits={
            _named(day, portfolio_id): one for day in days for portfolio_id, one in _own_models(day, day.limits).items()
        },
        scores=pl.concat(_renamed(day, day.scores, "model") for day in days),
        holdings=pl.concat(_renamed(day, day.holdings, "portfolio_id") for day in days),
        restrictions=pl.concat(_renamed(day, _for_each(day), "portfolio_id") for day in days),
    )


def _named(day: DayInputs, name: str) -> str:
    return f"{day.as_of_date.isoformat()}|{name}"


def _own_models(day: DayInputs, limits: Mapping[str, RebalancingLimits]) -> dict[str, RebalancingLimits]:
    """Let every portfolio follow its model of the day. Portfolios that share limits go on sharing them."""
    renamed = {id(one): one.model_copy(update={"model": _named(day, one.model)}) for one in limits.values()}
    return {portfolio_id: renamed[id(one)] for portfolio_id, one in limits.items()}


def _renamed(day: DayInputs, frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.with_columns(pl.concat_str(pl.lit(_named(day, "")), column).alias(column))


def _for_each(day: DayInputs) -> pl.DataFrame:
    """Say of a restriction without a portfolio that it is each portfolio's of the day."""
    columns = day.restrictions.columns
    names = pl.DataFrame({"name": list(day.limits)}, schema={"name": pl.String})
    for_all = day.restrictions.filter(pl.col("portfolio_id").is_null()).join(names, how="cross")
    return pl.concat(
        [
            day.restrictions.filter(pl.col("portfolio_id").is_not_null()),
            for_all.with_columns(portfolio_id="name").select(columns),
        ]
    )


def _apart(result: Rebalance) -> Rebalance:
    """Give the names back, and the day in a column of its own."""
    name = pl.col("portfolio_id")
    return Rebalance(
        *(
            frame.with_columns(
                portfolio_id=name.str.slice(_DAY), as_of_date=name.str.head(_DAY - 1).str.to_date("%Y-%m-%d")
            )
            for frame in result
        )
    )
