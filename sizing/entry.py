"""The lowest score with which a candidate is selected, found by asking the rules themselves.

A higher score never costs a place, so halving finds it. Only where two scores meet can anything turn: just above
another candidate, at a threshold, or a replacement margin above or below another. Where another has the very same
score the name decides; so a step is a score and a place among the names.
"""

import polars as pl

from sizing.probes import ONE_NAME_LAST, ask, in_batches, people
from sizing.views import SCORE_UNITS


def with_order(world: pl.DataFrame, limits: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put the world's rows and all steps of each portfolio into one order, the best first.

    *Gives* the world with `order`, and the steps: `portfolio_key, score_units, name, order`, by portfolio and order.
    """
    rows = world.select("portfolio_key", "score_units", "row", name=pl.col("asset_key").cast(pl.Int64) * 2)
    steps = _steps(rows.hstack(world.select("margin_units")), limits)
    ordered = (
        pl.concat([rows, steps], how="diagonal")
        .sort("portfolio_key", "score_units", "name", descending=[False, True, False], nulls_last=True)
        .with_row_index("order")
    )
    found = ordered.filter(pl.col("row").is_not_null()).select("row", "order")
    return (
        world.join(found, on="row", how="left", maintain_order="left"),
        ordered.filter(pl.col("row").is_null()).drop("row"),
    )


def _steps(rows: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    scored = rows.filter(pl.col("score_units").is_not_null())
    score, margin, last = pl.col("score_units"), pl.col("margin_units"), pl.lit(ONE_NAME_LAST, pl.Int64)
    just_above = scored.select("portfolio_key", "score_units", pl.col("name") - 1)
    beats = scored.select("portfolio_key", score_units=score + margin, name=last)
    resists = scored.select("portfolio_key", score_units=score - margin + 1, name=last)
    entries = limits.unpivot(["exit_units", "entry_units"], index="portfolio_key", value_name="score_units").select(
        "portfolio_key", "score_units", name=last
    )
    every = pl.concat([just_above, beats, resists, entries])
    return every.filter(pl.col("score_units").is_between(0, SCORE_UNITS)).unique()


def find_entries(probes: pl.DataFrame, world: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Find the last step, from the best down to its threshold, at which each probe is selected.

    *Adds* `entry_units` and `entry_name`: with this score a name before that one is selected, a later one needs a
    unit more; null where no step does.
    """
    numbered = steps.with_row_index("step").with_columns(pl.col("step").cast(pl.Int64))
    first = numbered.group_by("portfolio_key").agg(first=pl.col("step").min())
    lowest = numbered.filter(pl.col("name") == ONE_NAME_LAST).select(
        "portfolio_key", threshold="score_units", high="step"
    )
    bounded = (
        probes.join(first, on="portfolio_key", how="left", maintain_order="left")
        .join(lowest, on=["portfolio_key", "threshold"], how="left", maintain_order="left")
        .with_columns(low=pl.col("first") - 1, is_small="is_waiting_name")
        .with_row_index("probe")
    )
    found = pl.concat([_halve(part, people(part, world), numbered) for part in in_batches(bounded, world)])
    at = found.select(pl.when(pl.col("low") >= pl.col("first")).then(pl.col("low"))).to_series()
    entry = numbered.select(
        pl.col("score_units").gather(at).alias("entry_units"), pl.col("name").gather(at).alias("entry_name")
    )
    return found.drop("first", "low", "high", "is_small").hstack(entry)


def _halve(probes: pl.DataFrame, others: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Halve the steps between `low` (selected, or none) and `high` until they meet, for all probes at once."""
    bounds = probes.select("probe", "low", "high")
    while not (left := bounds.filter(pl.col("low") < pl.col("high"))).is_empty():
        tried = left.select("probe", middle=(pl.col("low") + pl.col("high") + 1) // 2)
        is_in = _are_selected(probes, others, steps, tried)
        bounds = bounds.join(tried.with_columns(is_in=is_in), on="probe", how="left", maintain_order="left").select(
            "probe",
            low=pl.when("is_in").then("middle").otherwise("low"),
            high=pl.when(~pl.col("is_in")).then(pl.col("middle") - 1).otherwise("high"),
        )
    return probes.drop("low", "high").hstack(bounds.select("low", "high"))


def _are_selected(probes: pl.DataFrame, others: pl.DataFrame, steps: pl.DataFrame, tried: pl.DataFrame) -> pl.Series:
    step = steps.select(pl.col("order", "score_units").gather(tried["middle"]))
    asked = probes.join(tried, on="probe", how="semi", maintain_order="left").hstack(step)
    around = (
        others.join(tried, on="probe", how="semi", maintain_order="left") if tried.height < probes.height else others
    )
    return ask(asked, around).filter("is_probe")["place_gate"].is_null()
