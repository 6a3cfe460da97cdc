"""Build scenarios that vary one candidate's score, and evaluate the rules in them.

A scenario is the pool of a portfolio's candidates with one of them taken out (`gone`) and one put in at another score.
Three facts keep the pools small; the slow reference in tests/sizing tries every candidate at every score instead.

- A candidate that was not selected changes nothing for the others, but for a holding in grace, which counts where a
  new name may represent its bucket. So one scenario answers for all waiting new names of a bucket, and one for all its
  other closed holdings.
- Of the holdings, or new names, of a bucket that are selected by rank alone, the rules see only how many there are.
  One scenario answers for each kind. Reserved, replaced and winning candidates have their own.
- In a bucket the better one enters first. So of those who wait it is enough to know the best few (`narrow`). Where the
  last one known gets a slot, others might too (`find_unsure`): that scenario is evaluated again with four times as
  many. This ends at the latest when all are known.
"""

from collections.abc import Callable, Iterator

import polars as pl

from sizing.selection.gates import GATES, Gate, gate
from sizing.selection.slots import SLOT_COLUMNS, fill_slots

AFTER_EVERY_NAME = 2**62
"""Name key of a scenario that sorts after every name: it needs the score alone."""

_BATCH_ROWS = 2_000_000
_FIRST_OPEN_GATE = GATES.index(Gate.IN_COOLDOWN)
_KINDS = 256
"""More than twice the scenario classes, held or not, selected or not."""

FIRST_WAITING, MORE_WAITING = 2, 4
"""How many waiting candidates of a bucket are known at first, and how many times more where these do not decide."""


def scenario_key() -> pl.Expr:
    """Return one number for all that share a scenario; null where the score does not decide.

    *Requires* `gate, is_locked, is_selected, is_held, is_reserved, has_won, bucket_key, row`, `open_units,
    scenario_class`.
    """
    selected = pl.col("is_selected")
    is_open = pl.col("open_units").is_not_null() & ~pl.col("is_locked")
    decides = (selected | (pl.col("gate").to_physical() >= _FIRST_OPEN_GATE)) & is_open
    is_single = (selected & (pl.col("is_reserved") | pl.col("has_won"))) | _leaves_a_gap()
    kind = (pl.col("scenario_class") * 2 + pl.col("is_held")) * 2 + selected
    has_grace = pl.col("is_in_grace").cast(pl.Int64) * (_KINDS // 2)
    return (
        pl.when(decides)
        .then(
            pl.when(is_single.fill_null(value=False))
            .then(-1 - pl.col("row").cast(pl.Int64))
            .otherwise(pl.col("bucket_key") * _KINDS + has_grace + kind)
        )
        .alias("scenario_key")
    )


def _leaves_a_gap() -> pl.Expr:
    """Whether a candidate without a slot matters to the others: who was replaced, and who takes a position in grace."""
    is_closed_in_grace = pl.col("is_held") & pl.col("is_in_grace") & ~pl.col("is_selected")
    return pl.col("gate").eq_missing(gate(Gate.REPLACED)) | is_closed_in_grace


def make_scenarios(decided: pl.DataFrame, buckets: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each `scenario_key`: its bucket, its limits, and the `gone` row that it replaces."""
    is_there = pl.col("is_selected") | _leaves_a_gap()
    return (
        decided.filter(pl.col("scenario_key").is_not_null())
        .select(
            *("scenario_key", "portfolio_key", "bucket_key", "is_held", "grace_units"),
            threshold="open_units",
            is_locked=pl.col("is_held") & pl.col("lacks_volatility"),
            gone=pl.when(is_there).then("row"),
            is_waiting_name=~pl.col("is_held") & ~pl.col("is_selected"),
        )
        .unique("scenario_key", keep="first", maintain_order=True)
        .join(buckets.select("bucket_key", "bucket_limit"), on="bucket_key", how="left", maintain_order="left")
        .join(limits, on="portfolio_key", how="left", maintain_order="left")
    )


def make_candidate_pool(placed: pl.DataFrame) -> pl.DataFrame:
    """Mark who has or lost a slot, and number those who wait in their bucket.

    *Adds* `was_selected`, `is_core` (has or lost a slot, or is in grace), `turn` and `n_turns` (of its kind: holding or
    new name).
    """
    selected, is_held, waits = pl.col("slot_gate").is_null(), pl.col("is_held"), ~pl.col("is_core")

    def of_its_kind(count: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
        return pl.when(is_held).then(count(waits & is_held)).otherwise(count(waits & ~is_held))

    return (
        placed.with_columns(
            was_selected=selected,
            is_core=selected | pl.col("slot_gate").eq_missing(gate(Gate.REPLACED)) | (is_held & pl.col("is_in_grace")),
        )
        .with_columns(
            turn=of_its_kind(lambda flag: flag.cum_sum().over("group_bucket")),
            n_turns=of_its_kind(lambda flag: flag.sum().over("group_bucket")),
        )
        .drop("group", "group_bucket", "is_reserved", "has_won", "slot_gate")
    )


def narrow(pool: pl.DataFrame, scenarios: pl.DataFrame, waiting: int) -> pl.DataFrame:
    """Keep the portfolios of the scenarios, and of those who wait in a bucket the best `waiting` of each kind.

    In a bucket the better comes first, so who is left out can matter only where the last that was kept came in.
    *Adds* `is_last`: others wait behind it.
    """
    return (
        pool.filter(pl.col("is_core") | (pl.col("turn") <= waiting))
        .join(scenarios, on="portfolio_key", how="semi", maintain_order="left")
        .with_columns(is_last=~pl.col("is_core") & (pl.col("turn") == waiting) & (pl.col("n_turns") > waiting))
    )


def in_order(pool: pl.DataFrame, points: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Order the rows of the pool and points between them, the best first. *Adds* `order` to both.

    *Requires* in `points`: `portfolio_key, score_units, name`, where an asset's name is twice its key.
    """
    rows = pool.select("portfolio_key", "score_units", "row", name=pl.col("asset_key").cast(pl.Int64) * 2)
    numbered = points.with_row_index("point")
    ordered = (
        pl.concat([rows, numbered.select("portfolio_key", "score_units", "name", "point")], how="diagonal")
        .sort("portfolio_key", "score_units", "name", descending=[False, True, False], nulls_last=True)
        .with_row_index("order")
    )
    of_rows = ordered.filter(pl.col("row").is_not_null()).select("row", "order")
    of_points = ordered.filter(pl.col("point").is_not_null()).select("point", "order")
    return (
        pool.join(of_rows, on="row", how="left", maintain_order="left"),
        of_points.join(numbered, on="point", how="left", maintain_order="left").drop("point"),
    )


def in_batches(scenarios: pl.DataFrame, pool: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the scenarios in parts whose pools fit the memory; one empty part of none."""
    sizes = pool.group_by("portfolio_key").len("size")
    part = (
        scenarios.select("portfolio_key")
        .join(sizes, on="portfolio_key", how="left", maintain_order="left")
        .select(pl.col("size").fill_null(0).cast(pl.Int64).cum_sum() // _BATCH_ROWS)
        .to_series()
    )
    for number in part.unique(maintain_order=True).to_list() or [0]:
        yield scenarios.filter(part == number)


def pool_rows(scenarios: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    """Return the pool of each scenario, less the row that it replaces.

    *Requires* `scenario, portfolio_key, gone, is_small`.
    """
    return (
        scenarios.select("scenario", "portfolio_key", "gone", "is_small")
        .join(pool, on="portfolio_key", how="inner", maintain_order="left_right")
        .filter(pl.col("row").ne_missing(pl.col("gone")) & (pl.col("is_core") | ~pl.col("is_small")))
    )


def evaluate(scenarios: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Insert every scenario among the others at its `order`, and fill the slots again. *Adds* `is_scenario`.

    Below its `grace_units` a scenario is in grace.
    """
    columns = ["scenario", "order", "bucket_key", *SLOT_COLUMNS]
    in_grace = (pl.col("score_units") < pl.col("grace_units")) & ~pl.col("is_locked")
    scenarios = scenarios.with_columns(is_in_grace=in_grace)
    rows = pl.concat(
        [
            others.select(*columns, "row", "was_selected", "is_last", is_scenario=pl.lit(value=False)),
            scenarios.select(
                *columns,
                row=pl.lit(None, pl.UInt32),
                was_selected=pl.lit(value=False),
                is_last=pl.lit(value=False),
                is_scenario=pl.lit(value=True),
            ),
        ]
    )
    scenario = pl.col("scenario").cast(pl.Int64)
    ordered = rows.sort(scenario * (pl.col("order").max() + 1) + pl.col("order")).with_columns(
        group="scenario", group_bucket=scenario * (pl.col("bucket_key").max() + 1) + pl.col("bucket_key")
    )
    return fill_slots(ordered)


def find_unsure(outcome: pl.DataFrame) -> pl.DataFrame:
    """Return each `scenario` that selects the last known candidate of a bucket: others may follow it."""
    return outcome.filter(pl.col("is_last") & pl.col("slot_gate").is_null()).select("scenario").unique()
