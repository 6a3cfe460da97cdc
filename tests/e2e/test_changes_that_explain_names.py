"""What `explain` says would change a weight, compared with the sizer: change it so, and see."""

from collections.abc import Mapping

import duckdb
import polars as pl
import pytest

from sizing import RebalancingLimits, size_portfolios
from tasks.config.portfolios import load_portfolios
from tasks.config.settings import Settings

DAYS = ("2025-06-02", "2025-06-06")
SELECTED = f"""
    SELECT
        size.portfolio_id || ' ' || visible_runs.as_of_date AS "case",
        size.portfolio_id, visible_runs.as_of_date, size.asset, size.bucket, size.score, size.is_held,
        size.pinned_weight
    FROM sizing_audit AS size JOIN visible_runs USING (run_id, portfolio_id)
    WHERE visible_runs.as_of_date IN {DAYS} AND size.drop_reason IS NULL
"""
CAPS = ("max_single_position", "max_allocation_per_bucket", "max_residual_per_asset", "max_residual_multiple")
UNIT = 1e-7

World = tuple[pl.DataFrame, RebalancingLimits]


def _with_score(selected: pl.DataFrame, asset: str, score: float) -> pl.DataFrame:
    return selected.with_columns(score=pl.when(pl.col("asset") == asset).then(score).otherwise("score"))


def _relaxed(limits: RebalancingLimits, *names: str) -> RebalancingLimits:
    """Let each of the limits have a tenth more."""
    raised = {name: round(getattr(limits, name) * 1.1, 8) for name in names}
    buckets = {name: round(limit * 1.1, 8) for name, limit in limits.max_allocation_by_bucket.items()}
    return limits.model_copy(update=raised | ({"max_allocation_by_bucket": buckets} if CAPS[1] in names else {}))


def _size(worlds: Mapping[str, World]) -> dict[tuple[str, str], dict[str, object]]:
    """Size all the worlds at once; gives the row of each world and asset."""
    frame = pl.concat([selected.with_columns(portfolio_id=pl.lit(name)) for name, (selected, _) in worlds.items()])
    sized = size_portfolios(frame, {name: limits for name, (_, limits) in worlds.items()}).positions
    return {(row["portfolio_id"], row["asset"]): row for row in sized.iter_rows(named=True)}


@pytest.fixture(scope="module")
def told(sample_week: Settings) -> pl.DataFrame:
    """What would change each position of two days: the rows of the macro, with `case, portfolio_id, asset`."""
    with duckdb.connect(str(sample_week.snapshot), read_only=True) as con:
        selected = con.execute(SELECTED).pl()
        return pl.concat(
            con.execute("FROM what_would_change(?, ?, ?)", [row["portfolio_id"], row["asset"], row["as_of_date"]])
            .pl()
            .select(pl.lit(row["case"]).alias("case"), pl.lit(row["asset"]).alias("asset"), pl.all())
            for row in selected.iter_rows(named=True)
        )


@pytest.fixture(scope="module")
def selected(sample_week: Settings) -> dict[str, World]:
    """The selected of two days, by case, with the limits of their portfolio."""
    limits = load_portfolios(sample_week.config)
    with duckdb.connect(str(sample_week.snapshot), read_only=True) as con:
        rows = con.execute(SELECTED).pl()
    return {
        str(case): (part.drop("case", "as_of_date"), limits[part["portfolio_id"][0]])
        for (case,), part in rows.group_by("case")
    }


@pytest.mark.slow
def test_a_size_begins_at_the_score_that_is_told(told: pl.DataFrame, selected: dict[str, World]) -> None:
    sizes = told.filter(pl.col("quantity").is_in(["larger size", "smaller size"])).to_dicts()
    worlds = {}
    for row in sizes:
        rows, limits = selected[row["case"]]
        for side, score in (("at", float(row["value"])), ("below", float(row["value"]) - 1e-9)):
            worlds[f"{row['case']} {row['asset']} {row['quantity']} {side}"] = (
                _with_score(rows, row["asset"], score),
                limits,
            )
    sized = _size(worlds)
    assert len(sizes) > 15
    for row in sizes:
        name, tier = f"{row['case']} {row['asset']} {row['quantity']}", row["limit_value"].removeprefix("score_tiers ")
        assert sized[f"{name} at", row["asset"]]["size_category"] == tier, row
        assert sized[f"{name} below", row["asset"]]["size_category"] != tier, row


@pytest.mark.slow
def test_the_limit_that_is_named_and_no_other_keeps_a_weight_down(
    told: pl.DataFrame, selected: dict[str, World]
) -> None:
    positions = told.filter(pl.col("quantity") == "more weight").to_dicts()
    names = {row["limit_value"].split()[0] if row["limit_value"] else None for row in positions}
    assert names == {None, "max_single_position", "max_allocation_by_bucket", "max_allocation_per_bucket"}
    worlds = dict(selected)
    for name in names:
        raised = CAPS if name is None else [name.replace("by_bucket", "per_bucket")]
        worlds |= {f"{case} {name}": (rows, _relaxed(limits, *raised)) for case, (rows, limits) in selected.items()}
    sized = _size(worlds)
    for row in positions:
        name = row["limit_value"].split()[0] if row["limit_value"] else None
        before, after = (
            float(sized[world, row["asset"]]["target_weight"]) for world in (row["case"], f"{row['case']} {name}")
        )
        assert (after > before + UNIT) is (name is not None), (row, before, after)
