"""The lowest score with which a candidate is selected, found by evaluating the rules themselves.

entry = min {s in [0, 1] : selected(s)}, in score units. selected(s) never falls as s rises (docs/selection.md 5.3), so
a search that divides what is left finds it: by halves about log2(3 n) evaluations for n candidates, all scenarios at
once.

The rules compare a score s with another s_j, with a threshold, and with s_j plus or minus the replacement margin, and
with nothing else. So selected(s) can change only at

    s_j (by name), threshold, end of grace, s_j + margin (beats j), s_j - margin + 1 unit (j no longer beats it)

and these steps alone are tried. Where s equals s_j, the name decides. So a step is a pair (score, name key): asset
key k has the name key 2 k, and 2 k - 1 stands for any name just before it.
"""

import polars as pl

from sizing.frames.score_units import SCORE_UNITS
from sizing.selection.scenarios import (
    AFTER_EVERY_NAME,
    FIRST_WAITING,
    MORE_WAITING,
    evaluate,
    find_unsure,
    in_batches,
    in_order,
    narrow,
    pool_rows,
)

_MOST_TRIES, _WORTH_A_ROUND = 15, 16_000
"""Tries of a scenario in a round, and the rows of all tries for which a round costs little more than without them."""


def find_entries(scenarios: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    """Find the last step, from the best down to its threshold, at which each scenario is selected.

    *Adds* `scenario`, its number, `entry_units` and `entry_name`: with this score a name before that one is selected, a
    later one needs a unit more; null where no step does.
    """
    open_scenarios, waiting = scenarios.with_row_index("scenario"), FIRST_WAITING
    found: list[pl.DataFrame] = []
    while not found or not open_scenarios.is_empty():
        outcome = _entries(open_scenarios, pool, waiting)
        found.append(outcome.filter(~pl.col("is_unsure")))
        open_scenarios = outcome.filter("is_unsure").select(open_scenarios.columns)
        waiting *= MORE_WAITING
    return pl.concat(found).sort("scenario").drop("is_unsure")


def _steps(pool: pl.DataFrame, scenarios: pl.DataFrame) -> pl.DataFrame:
    """Return the steps at which a decision can change: `portfolio_key, score_units, name`."""
    scored = pool.filter(pl.col("score_units").is_not_null()).with_columns(name=pl.col("asset_key").cast(pl.Int64) * 2)
    score, margin, last = pl.col("score_units"), pl.col("margin_units"), pl.lit(AFTER_EVERY_NAME, pl.Int64)
    just_above = scored.select("portfolio_key", "score_units", pl.col("name") - 1)
    beats = scored.select("portfolio_key", score_units=score + margin, name=last)
    resists = scored.select("portfolio_key", score_units=score - margin + 1, name=last)
    entries = scenarios.unpivot(["threshold", "grace_units"], index="portfolio_key", value_name="score_units").select(
        "portfolio_key", "score_units", name=last
    )
    every = pl.concat([just_above, beats, resists, entries])
    return every.filter(pl.col("score_units").is_between(0, SCORE_UNITS)).unique()


def _entries(scenarios: pl.DataFrame, pool: pl.DataFrame, waiting: int) -> pl.DataFrame:
    """Find the entries from the best `waiting` of each bucket. *Adds* `is_unsure`: these do not decide."""
    around = narrow(pool, scenarios, waiting)
    around, steps = in_order(around, _steps(around, scenarios))
    numbered = steps.with_row_index("step").with_columns(pl.col("step").cast(pl.Int64))
    first = numbered.group_by("portfolio_key").agg(first=pl.col("step").min())
    lowest = numbered.filter(pl.col("name") == AFTER_EVERY_NAME).select(
        "portfolio_key", threshold="score_units", high="step"
    )
    bounded = (
        scenarios.join(first, on="portfolio_key", how="left", maintain_order="left")
        .join(lowest, on=["portfolio_key", "threshold"], how="left", maintain_order="left")
        .with_columns(low=pl.col("first") - 1, is_small="is_waiting_name")
    )
    found = pl.concat([_search(part, pool_rows(part, around), numbered) for part in in_batches(bounded, around)])
    at = found.select(pl.when(pl.col("low") >= pl.col("first")).then(pl.col("low"))).to_series()
    entry = numbered.select(
        pl.col("score_units").gather(at).alias("entry_units"), pl.col("name").gather(at).alias("entry_name")
    )
    return found.drop("first", "low", "high", "is_small").hstack(entry)


def _search(scenarios: pl.DataFrame, others: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Narrow the steps, best first, of all scenarios at once: selected at `low`, not behind `high`, until they meet.

    A round divides what is left by as many tries as make it worth its calls of Polars: a small day takes few rounds.
    """
    bounds, doubts = scenarios.select("scenario", "low", "high"), [scenarios.select("scenario").clear()]
    n_tries = max(1, min(_MOST_TRIES, _WORTH_A_ROUND // max(1, others.height)))
    while not (left := bounds.filter(pl.col("low") < pl.col("high"))).is_empty():
        tried = _tries(left, n_tries)
        outcome = _evaluate_at(scenarios, others, steps, tried)
        unsure = tried.join(find_unsure(outcome), left_on="number", right_on="scenario", how="semi")
        doubts.append(unsure.select("scenario"))
        is_in = outcome.filter("is_scenario")["slot_gate"].is_null()
        found = (
            tried.with_columns(is_in=is_in)
            .group_by("scenario")
            .agg(
                best=pl.col("step").filter("is_in").max(),
                worst=pl.col("step").filter(~pl.col("is_in")).min() - 1,
            )
        )
        bounds = bounds.join(found, on="scenario", how="left", maintain_order="left").select(
            "scenario", low=pl.coalesce("best", "low"), high=pl.coalesce("worst", "high")
        )
    is_unsure = pl.col("scenario").is_in(pl.concat(doubts)["scenario"].unique().implode())
    return scenarios.drop("low", "high").hstack(bounds.select("low", "high")).with_columns(is_unsure=is_unsure)


def _tries(left: pl.DataFrame, n_tries: int) -> pl.DataFrame:
    """Return the steps that divide what is left of each scenario: `scenario, step`, and the `number` of each try."""
    tries = pl.DataFrame({"try": range(1, n_tries + 1)}, schema={"try": pl.Int64})
    width = pl.col("high") - pl.col("low")
    return (
        left.join(tries, how="cross", maintain_order="left_right")
        .select("scenario", step=pl.col("low") + (width * pl.col("try") + n_tries) // (n_tries + 1))
        .unique(maintain_order=True)
        .with_row_index("number")
    )


def _evaluate_at(
    scenarios: pl.DataFrame, others: pl.DataFrame, steps: pl.DataFrame, tried: pl.DataFrame
) -> pl.DataFrame:
    """Evaluate scenarios at the steps that are tried, each try by its `number`. *Requires* all by `scenario`."""
    at = steps.select(pl.col("order", "score_units").gather(tried["step"]))
    numbers = tried.select("number", "scenario")
    placed, around = (
        numbers.join(rows, on="scenario", maintain_order="left_right").drop("scenario").rename({"number": "scenario"})
        for rows in (scenarios, others)
    )
    return evaluate(placed.hstack(at), around)
