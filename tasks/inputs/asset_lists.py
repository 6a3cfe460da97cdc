"""The asset list of a day, and what it no longer has: its last bucket, and which name may have taken the place."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from sizing.frames.day_inputs import DELISTED, DayFrames
from sizing.text import listed
from tasks.renames import Names, renamed_list


class AssetLists:
    """The list of each day, and what lists before it had: worked out once for days that read the same lists.

    *Requires* the ingest of each day's list, and those of the lists before it; of each `ingest_id, asset, bucket`, of
    the former ones `as_of_date` too.
    """

    def __init__(
        self,
        list_of: Mapping[date, int],
        assets: pl.DataFrame,
        former_of: Mapping[date, tuple[int, ...]],
        former: pl.DataFrame,
    ) -> None:
        self._list_of, self._former_of, self._former = list_of, former_of, former
        self._nothing = assets.select("asset", "bucket").clear()
        lists = assets.partition_by("ingest_id", as_dict=True)
        self._lists = {ingest_id: own.select("asset", "bucket") for (ingest_id,), own in lists.items()}
        self._delisted: dict[tuple[object, ...], pl.DataFrame] = {}

    def on(self, day: date) -> pl.DataFrame:
        """Return the list of a day."""
        return self._lists.get(self._list_of.get(day, 0), self._nothing)

    def delisted_on(self, day: date, names: Names) -> pl.DataFrame:
        """Return what lists before had and that of the day does not, under the names that count."""
        former = self._former_of.get(day, ())
        key = (self._list_of.get(day), former, *names.items())
        if key not in self._delisted:
            by_day = self._former.filter(pl.col("ingest_id").is_in(former)).partition_by("as_of_date", as_dict=True)
            lists = {then: renamed_list(own.select("asset", "bucket"), names) for (then,), own in by_day.items()}
            self._delisted[key] = find_delisted(renamed_list(self.on(day), names), lists)
        return self._delisted[key]


def find_delisted(assets: pl.DataFrame, former: Mapping[date, pl.DataFrame]) -> pl.DataFrame:
    """Return `asset, bucket, perhaps` of what the list lacks: the bucket of the newest `former` list that has it.

    `perhaps` is the asset that came, where of this bucket, or of all, one asset left that list and one came.
    """
    if not former:
        return DELISTED
    lists = pl.concat(one.select("asset", "bucket", listed_on=pl.lit(day)) for day, one in former.items())
    went = (
        lists.join(assets, on="asset", how="anti")
        .sort("listed_on")
        .unique("asset", keep="last", maintain_order=True)
        .sort("asset")
    )
    days = went.select("listed_on").unique()
    came = (
        days.join(assets, how="cross")
        .join(lists.select("listed_on", "asset"), on=["listed_on", "asset"], how="anti")
        .rename({"asset": "perhaps"})
    )
    guesses = [_guess(went, came, key) for key in (["listed_on", "bucket"], ["listed_on"])]
    return (
        pl.concat([went.with_columns(perhaps=pl.lit(None, pl.String)), *guesses], how="diagonal")
        .group_by("asset", maintain_order=True)
        .agg(pl.col("bucket").first(), pl.col("perhaps").drop_nulls().first())
        .cast(DELISTED.schema)
    )


def _guess(went: pl.DataFrame, came: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Return what went with what came where it is one of each."""
    alone, only = (one.filter(pl.len().over(key) == 1) for one in (went, came))
    return alone.join(only.select(*key, "perhaps"), on=key)


def describe_delisted(inputs: DayFrames) -> tuple[str, ...]:
    """Return in one sentence which holdings the asset list no longer has, and what is done with them."""
    if inputs.delisted.is_empty():
        return ()
    held = inputs.delisted.join(inputs.holdings, on="asset", how="semi").sort("asset")
    if held.is_empty():
        return ()
    rows = held.select("asset", "bucket", "perhaps").rows()
    guesses = [f"; perhaps renamed to {perhaps}" if perhaps else "" for _, _, perhaps in rows]
    way_out = ": list it under renames" if any(guesses) else ""
    if len(rows) == 1:
        asset, bucket, _ = rows[0]
        what = f"{asset} is no longer in the asset list: it is not bought, and counts with its last bucket {bucket}"
        return (f"holdings: {what}{guesses[0]}{way_out}",)
    names = listed([f"{row[0]} ({row[1]}{guess})" for row, guess in zip(rows, guesses, strict=True)])
    what = f"{len(rows)} assets are no longer in the asset list: they are not bought, and count with their last buckets"
    return (f"holdings: {what}: {names}{way_out}",)
