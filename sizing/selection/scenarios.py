"""Small worlds in which one candidate at a time gets another score, and what the rules make of it.

A candidate that was not selected does not touch what happens to the others, so one probe stands for all new names
of a bucket that wait, one for all holdings of it that closed; and of those that have a place like any other, the
rules see only that there is one more of them. Reserved, replaced and winning candidates are asked one by one.
"""

from collections.abc import Callable, Iterator

import polars as pl

from sizing.selection.gates import BELOW_EXIT, GATES, REPLACED, gate
from sizing.selection.slots import PLACE_COLUMNS, give_places

ONE_NAME_LAST = 2**62
"""Name of a probe that sorts after every name: it needs the score alone."""

_BATCH_ROWS = 2_000_000
_FIRST_OPEN_GATE = GATES.index(BELOW_EXIT)
FIRST_WAITING, MORE_WAITING = 2, 4
"""How many who wait in a bucket are asked about at first, and how many times more where these did not do."""

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
    """Tell who has or lost a place, and whose turn it is among those who wait in their bucket.

    *Adds* `was_selected`, `is_core` (has or lost a place), `turn` and `n_turns` (of its kind: holding or new name).
    """
    selected, is_held, waits = pl.col("place_gate").is_null(), pl.col("is_held"), ~pl.col("is_core")

    def of_its_kind(count: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
        return pl.when(is_held).then(count(waits & is_held)).otherwise(count(waits & ~is_held))

    return (
        placed.with_columns(
            was_selected=selected, is_core=selected | (pl.col("place_gate") == gate(REPLACED)).fill_null(value=False)
        )
        .with_columns(
            turn=of_its_kind(lambda flag: flag.cum_sum().over("place")),
            n_turns=of_its_kind(lambda flag: flag.sum().over("place")),
        )
        .drop("group", "place", "is_reserved", "has_won", "place_gate")
    )


def narrow(world: pl.DataFrame, probes: pl.DataFrame, waiting: int) -> pl.DataFrame:
    """Keep the portfolios of the probes, and of those who wait in a bucket the best `waiting` of each kind.

    In a bucket the better comes first, so who is left out can matter only where the last that was kept came in.
    *Adds* `is_last`: others wait behind it.
    """
    return (
        world.filter(pl.col("is_core") | (pl.col("turn") <= waiting))
        .join(probes, on="portfolio_key", how="semi", maintain_order="left")
        .with_columns(is_last=~pl.col("is_core") & (pl.col("turn") == waiting) & (pl.col("n_turns") > waiting))
    )


def in_order(world: pl.DataFrame, points: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put the world's rows and points between them into one order, the best first. *Adds* `order` to both.

    *Requires* in `points`: `portfolio_key, score_units, name`, where an asset's name is twice its key.
    """
    rows = world.select("portfolio_key", "score_units", "row", name=pl.col("asset_key").cast(pl.Int64) * 2)
    numbered = points.with_row_index("point")
    ordered = (
        pl.concat([rows, numbered.select("portfolio_key", "score_units", "name", "point")], how="diagonal")
        .sort("portfolio_key", "score_units", "name", descending=[False, True, False], nulls_last=True)
        .with_row_index("order")
    )
    of_rows = ordered.filter(pl.col("row").is_not_null()).select("row", "order")
    of_points = ordered.filter(pl.col("point").is_not_null()).select("point", "order")
    return (
        world.join(of_rows, on="row", how="left", maintain_order="left"),
        of_points.join(numbered, on="point", how="left", maintain_order="left").drop("point"),
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
    columns = ["probe", "order", "place_key", *PLACE_COLUMNS]
    rows = pl.concat(
        [
            others.select(*columns, "row", "was_selected", "is_last", is_probe=pl.lit(value=False)),
            probes.select(
                *columns,
                row=pl.lit(None, pl.UInt32),
                was_selected=pl.lit(value=False),
                is_last=pl.lit(value=False),
                is_probe=pl.lit(value=True),
            ),
        ]
    )
    probe = pl.col("probe").cast(pl.Int64)
    ordered = rows.sort(probe * (pl.col("order").max() + 1) + pl.col("order")).with_columns(
        group="probe", place=probe * (pl.col("place_key").max() + 1) + pl.col("place_key")
    )
    return give_places(ordered)


def unsure(asked: pl.DataFrame) -> pl.DataFrame:
    """Give each `probe` that let in the last of a bucket that the narrow world knows: others may come behind it."""
    return asked.filter(pl.col("is_last") & pl.col("place_gate").is_null()).select("probe").unique()
