"""Small worlds in which one candidate at a time gets another score, and what the rules make of it.

A candidate that was not selected does not touch what happens to the others, so one probe stands for all new names
of a bucket that wait, one for all holdings of it that closed; and of those that have a place like any other, the
rules see only that there is one more of them. Reserved, replaced and winning candidates are asked one by one.
"""

from collections.abc import Iterator

import polars as pl

from sizing.gates import BELOW_EXIT, GATES, REPLACED, gate
from sizing.places import PLACE_COLUMNS, give_places

ONE_NAME_LAST = 2**62
"""Name of a probe that sorts after every name: it needs the score alone."""

_BATCH_ROWS = 2_000_000
_FIRST_OPEN_GATE = GATES.index(BELOW_EXIT)
_ALSO_COME = 3
"""Waiting candidates of a bucket that could come in for one that leaves before any auction: less than so many."""

_GROUP_LIMITS = tuple(name for name in PLACE_COLUMNS if name not in {"score_units", "is_held", "is_pinned"})


def probe_key() -> pl.Expr:
    """Give one number to all that are asked about together; null where the score does not decide.

    *Requires* `gate, is_pinned, is_selected, is_held, is_reserved, has_won, place_key, row`.
    """
    selected = pl.col("is_selected")
    decides = (selected | (pl.col("gate").to_physical() >= _FIRST_OPEN_GATE)) & ~pl.col("is_pinned")
    is_single = (selected & (pl.col("is_reserved") | pl.col("has_won"))) | (pl.col("gate") == gate(REPLACED))
    kind = pl.col("is_held").cast(pl.Int64) * 2 + selected
    return (
        pl.when(decides)
        .then(
            pl.when(is_single.fill_null(value=False))
            .then(-1 - pl.col("row").cast(pl.Int64))
            .otherwise(pl.col("place_key") * 4 + kind)
        )
        .alias("probe_key")
    )


def make_probes(decided: pl.DataFrame, buckets: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    """Give one row for each `probe_key`: where it stands, its limits, and the `gone` row whose place it takes."""
    is_there = pl.col("is_selected") | (pl.col("gate") == gate(REPLACED)).fill_null(value=False)
    return (
        decided.filter(pl.col("probe_key").is_not_null())
        .select(
            "probe_key",
            "portfolio_key",
            "place_key",
            "is_held",
            gone=pl.when(is_there).then("row"),
            is_waiting_name=~pl.col("is_held") & ~pl.col("is_selected"),
        )
        .unique("probe_key", keep="first", maintain_order=True)
        .join(buckets.select("place_key", "bucket_limit"), on="place_key", how="left", maintain_order="left")
        .join(limits, on="portfolio_key", how="left", maintain_order="left")
        .with_columns(
            is_pinned=pl.lit(value=False), threshold=pl.when("is_held").then("exit_units").otherwise("entry_units")
        )
        .drop("exit_units", "entry_units")
    )


def make_world(placed: pl.DataFrame) -> pl.DataFrame:
    """Keep who can matter when one score changes: all who have or lost a place, and the best who wait in each bucket.

    *Adds* `is_core` (has or lost a place), `was_selected`.
    """
    selected, is_held = pl.col("place_gate").is_null(), pl.col("is_held")
    defended = (is_held & ~pl.col("is_pinned") & pl.col("is_core")).sum().over("group")
    slots = pl.col("max_new_positions") - (selected & ~is_held & ~pl.col("has_won")).sum().over("group")
    by_auction = pl.when(pl.col("margin_units").is_not_null()).then(pl.min_horizontal(slots, defended + 1).clip(0))
    waits = ~pl.col("is_core")
    place = (
        pl.when(is_held)
        .then((waits & is_held).cum_sum().over("place"))
        .otherwise((waits & ~is_held).cum_sum().over("place"))
    )
    return (
        placed.with_columns(
            was_selected=selected, is_core=selected | (pl.col("place_gate") == gate(REPLACED)).fill_null(value=False)
        )
        .filter(pl.col("is_core") | (place <= _ALSO_COME + by_auction.fill_null(0)))
        .drop("group", "place", "is_reserved", "has_won", "place_gate")
    )


def in_batches(probes: pl.DataFrame, world: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Give the probes a part at a time, so that the worlds of a part fit the memory; one empty part of none."""
    sizes = world.group_by("portfolio_key").len("size")
    part = (
        probes.select("portfolio_key")
        .join(sizes, on="portfolio_key", how="left", maintain_order="left")
        .select(pl.col("size").fill_null(0).cast(pl.Int64).cum_sum() // _BATCH_ROWS)
        .to_series()
    )
    for number in part.unique(maintain_order=True).to_list() or [0]:
        yield probes.filter(part == number)


def people(probes: pl.DataFrame, world: pl.DataFrame) -> pl.DataFrame:
    """Give the world of each probe, without whom it stands for. *Requires* `probe, portfolio_key, gone`, is_small`."""
    return (
        probes.select("probe", "portfolio_key", "gone", "is_small")
        .join(world, on="portfolio_key", how="inner", maintain_order="left_right")
        .filter(pl.col("row").ne_missing(pl.col("gone")) & (pl.col("is_core") | ~pl.col("is_small")))
    )


def ask(probes: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Let every probe in among the others at its `order`, and give places anew. *Adds* `is_probe` and places."""
    columns = ["probe", "order", "place_key", *PLACE_COLUMNS, "row", "was_selected"]
    rows = pl.concat(
        [
            others.select(*columns, is_probe=pl.lit(value=False)),
            probes.select(
                *columns[:-2],
                row=pl.lit(None, pl.UInt32),
                was_selected=pl.lit(value=False),
                is_probe=pl.lit(value=True),
            ),
        ]
    )
    probe = pl.col("probe").cast(pl.Int64)
    ordered = rows.sort(probe * (pl.col("order").max() + 1) + pl.col("order")).with_columns(
        group="probe", place=probe * (pl.col("place_key").max() + 1) + pl.col("place_key")
    )
    return give_places(ordered)
