"""The lowest score with which a candidate is selected, found by asking the rules themselves.

A higher score never costs a place, so halving finds it. Only where two scores meet can anything turn: just above
another candidate, at a threshold, or a replacement margin above or below another. Where another has the very same
score the name decides; so a step is a score and a place among the names.
"""

import polars as pl

from sizing.selection.scenarios import (
    FIRST_WAITING,
    MORE_WAITING,
    ONE_NAME_LAST,
    ask,
    in_batches,
    in_order,
    narrow,
    people,
    unsure,
)
from sizing.selection.score_views import SCORE_UNITS


def find_entries(probes: pl.DataFrame, world: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    """Find the last step, from the best down to its threshold, at which each probe is selected.

    *Adds* `probe`, its number, `entry_units` and `entry_name`: with this score a name before that one is selected, a
    later one needs a unit more; null where no step does.
    """
    asked, waiting = probes.with_row_index("probe"), FIRST_WAITING
    found = [_entries(asked.clear(), world.clear(), limits, waiting)]
    while not asked.is_empty():
        told = _entries(asked, world, limits, waiting)
        found.append(told.filter(~pl.col("is_unsure")))
        asked = told.filter("is_unsure").select(asked.columns)
        waiting *= MORE_WAITING
    return pl.concat(found).sort("probe").drop("is_unsure")


def _steps(world: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    """Give every score and place among the names at which anything can turn: `portfolio_key, score_units, name`."""
    scored = world.filter(pl.col("score_units").is_not_null()).with_columns(name=pl.col("asset_key").cast(pl.Int64) * 2)
    score, margin, last = pl.col("score_units"), pl.col("margin_units"), pl.lit(ONE_NAME_LAST, pl.Int64)
    just_above = scored.select("portfolio_key", "score_units", pl.col("name") - 1)
    beats = scored.select("portfolio_key", score_units=score + margin, name=last)
    resists = scored.select("portfolio_key", score_units=score - margin + 1, name=last)
    entries = limits.unpivot(["exit_units", "entry_units"], index="portfolio_key", value_name="score_units").select(
        "portfolio_key", "score_units", name=last
    )
    every = pl.concat([just_above, beats, resists, entries])
    return every.filter(pl.col("score_units").is_between(0, SCORE_UNITS)).unique()


def _entries(probes: pl.DataFrame, world: pl.DataFrame, limits: pl.DataFrame, waiting: int) -> pl.DataFrame:
    """Find the entries as far as the best `waiting` of each bucket tell. *Adds* `is_unsure`: they do not."""
    around = narrow(world, probes, waiting)
    around, steps = in_order(around, _steps(around, limits.join(probes, on="portfolio_key", how="semi")))
    numbered = steps.with_row_index("step").with_columns(pl.col("step").cast(pl.Int64))
    first = numbered.group_by("portfolio_key").agg(first=pl.col("step").min())
    lowest = numbered.filter(pl.col("name") == ONE_NAME_LAST).select(
        "portfolio_key", threshold="score_units", high="step"
    )
    bounded = (
        probes.join(first, on="portfolio_key", how="left", maintain_order="left")
        .join(lowest, on=["portfolio_key", "threshold"], how="left", maintain_order="left")
        .with_columns(low=pl.col("first") - 1, is_small="is_waiting_name")
    )
    found = pl.concat([_halve(part, people(part, around), numbered) for part in in_batches(bounded, around)])
    at = found.select(pl.when(pl.col("low") >= pl.col("first")).then(pl.col("low"))).to_series()
    entry = numbered.select(
        pl.col("score_units").gather(at).alias("entry_units"), pl.col("name").gather(at).alias("entry_name")
    )
    return found.drop("first", "low", "high", "is_small").hstack(entry)


def _halve(probes: pl.DataFrame, others: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Halve the steps between `low` (selected, or none) and `high` until they meet, for all probes at once."""
    bounds, doubts = probes.select("probe", "low", "high"), [probes.select("probe").clear()]
    while not (left := bounds.filter(pl.col("low") < pl.col("high"))).is_empty():
        tried = left.select("probe", middle=(pl.col("low") + pl.col("high") + 1) // 2)
        asked = _try(probes, others, steps, tried)
        doubts.append(unsure(asked))
        is_in = asked.filter("is_probe")["place_gate"].is_null()
        bounds = bounds.join(tried.with_columns(is_in=is_in), on="probe", how="left", maintain_order="left").select(
            "probe",
            low=pl.when("is_in").then("middle").otherwise("low"),
            high=pl.when(~pl.col("is_in")).then(pl.col("middle") - 1).otherwise("high"),
        )
    is_unsure = pl.col("probe").is_in(pl.concat(doubts)["probe"].implode())
    return probes.drop("low", "high").hstack(bounds.select("low", "high")).with_columns(is_unsure=is_unsure)


def _try(probes: pl.DataFrame, others: pl.DataFrame, steps: pl.DataFrame, tried: pl.DataFrame) -> pl.DataFrame:
    """Ask the probes that are not settled yet, each at its step. *Requires* `probes` and `tried` by `probe`."""
    step = steps.select(pl.col("order", "score_units").gather(tried["middle"]))
    asked = probes.join(tried, on="probe", how="semi", maintain_order="left").hstack(step)
    are_all = tried.height == probes.height
    return ask(asked, others if are_all else others.join(tried, on="probe", how="semi", maintain_order="left"))
