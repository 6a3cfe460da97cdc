"""Assets with another name: what is known of the old one counts for the new one, from the day of the rename on.

A name is followed from rename to rename in the order of their days, and back. What does not belong here: rules.

>>> days = [date(2022, 6, 9), date(2025, 1, 2)]
>>> renames = pl.DataFrame({"old": ["FB", "META"], "new": ["META", "MTA"], "valid_from": days})
>>> names_on(renames, date(2024, 12, 2))
{'FB': 'META'}
>>> names_on(renames, date(2025, 1, 2))
{'FB': 'MTA', 'META': 'MTA'}
"""

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from sizing.frames.day_inputs import DayFrames
from sizing.frames.schema import STORED_WEIGHT
from sizing.limits.model import RebalancingLimits

Names = Mapping[str, str]
"""The name that counts now, for each name that no longer does."""

_SCORE = ["model", "asset", "score_date"]
_LISTS_OF_ASSETS = ("include_assets", "exclude_assets")


def names_on(renames: pl.DataFrame, day: date) -> dict[str, str]:
    """Return the names that no longer count on a day. *Requires* `old, new, valid_from`, no name twice on a day."""
    names: dict[str, str] = {}
    in_force = renames.filter(pl.col("valid_from") <= day).sort("valid_from", "old")
    for old, new in in_force.select("old", "new").iter_rows():
        names = {name: new if then == old else then for name, then in names.items()} | {old: new}
        names.pop(new, None)  # a name that is given again is a name that counts
    return names


def find_tangled(renames: Iterable[tuple[str, str, date]]) -> tuple[tuple[str, date], ...]:
    """Find the names that are given up and given on the same day: their order is unknown."""
    rows = list(renames)
    given = {(new, day) for _, new, day in rows}
    return tuple(sorted({(old, day) for old, _, day in rows} & given, key=lambda one: (one[1], one[0])))


def renamed(frames: DayFrames, names: Names) -> DayFrames:
    """Return the frames of a day under the names that count.

    Weights of several names that became one add up. Of scores and buckets the new name's own come first, then those of
    the first old name. Of states that of a held name comes first, else that of the one closed last; of several the
    same. The closes of all are remembered.
    """
    if not names:
        return frames
    holdings = (
        _named(frames.holdings, names)
        .group_by("portfolio_id", "asset")
        .agg(pl.col("current_weight").sum().cast(STORED_WEIGHT))
        .sort("portfolio_id", "asset")
    )
    return frames._replace(
        limits=_limits(frames.limits, names),
        scores=_one_each(frames.scores, names, _SCORE).sort("score_date", "model", "asset"),
        assets=renamed_list(frames.assets, names),
        holdings=holdings,
        restrictions=_named(frames.restrictions, names),
        states=_states(frames.states, names),
        volatilities=_one_each(frames.volatilities, names, _SCORE).sort("score_date", "model", "asset"),
        renamed=names,
    )


def renamed_list(assets: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Return an asset list under the names that count."""
    return _one_each(assets, names, ["asset"]).sort("asset") if names else assets


def renamed_prices(prices: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Return prices under the names that count."""
    return _one_each(prices, names, ["as_of_date", "asset"]) if names else prices


def _states(states: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Return states, not yet counted, under the names that count."""
    key = ["portfolio_id", "asset"]
    rows = states.with_columns(former="asset", is_former=pl.col("asset").is_in(list(names)))
    ranked = _named(rows, names).sort(
        pl.col("is_held"),
        pl.when(~pl.col("is_held")).then(pl.col("closed_on").list.first()),
        "is_former",
        "former",
        descending=[True, True, False, False],
    )
    return (
        ranked.group_by(key, maintain_order=True)
        .agg(
            pl.exclude(*key, "closed_on", "former", "is_former").first(),
            pl.col("closed_on").list.explode().drop_nulls().unique().sort(descending=True),
        )
        .select(states.columns)
        .sort(key)
    )


def _named(frame: pl.DataFrame, names: Names) -> pl.DataFrame:
    return frame.with_columns(pl.col("asset").replace(dict(names)))


def _one_each(frame: pl.DataFrame, names: Names, key: list[str]) -> pl.DataFrame:
    rows = frame.with_columns(former="asset", is_former=pl.col("asset").is_in(list(names)))
    first = _named(rows, names).sort("is_former", "former", maintain_order=True)
    return first.unique(key, keep="first", maintain_order=True).drop("former", "is_former")


def _limits(limits: Mapping[str, RebalancingLimits], names: Names) -> dict[str, RebalancingLimits]:
    """Let limits that name assets name them as they are called now; portfolios that share limits go on sharing them."""
    changed = {id(one): _with_names(one, names) for one in limits.values()}
    return {portfolio_id: changed[id(one)] for portfolio_id, one in limits.items()}


def _with_names(limits: RebalancingLimits, names: Names) -> RebalancingLimits:
    update: dict[str, object] = {
        name: tuple(dict.fromkeys(names.get(asset, asset) for asset in getattr(limits, name)))
        for name in _LISTS_OF_ASSETS
        if not names.keys().isdisjoint(getattr(limits, name))
    }
    core = limits.core_assets
    if not names.keys().isdisjoint(core):
        by_end = sorted(core.items(), key=lambda one: one[1].until)  # of several that became one the last end counts
        update["core_assets"] = {names.get(asset, asset): one for asset, one in by_end}
    return limits.model_copy(update=update) if update else limits
