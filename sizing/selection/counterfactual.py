"""What would have had to be otherwise: the entry score of every candidate, and its rival (docs/selection.md 4).

The rules are not written a second time: `slots.fill_slots` is evaluated again, in small pools (scenarios.py).
"""

import polars as pl

from sizing.frames.score_units import SCORE_UNITS
from sizing.selection.entry_score import find_entries
from sizing.selection.rivals import find_rivals
from sizing.selection.scenarios import make_candidate_pool, make_scenarios, scenario_key

NONE = (
    pl.lit(None, pl.Int64).alias("entry_units"),
    pl.lit(None, pl.Int64).alias("question"),
    pl.lit(None, pl.String).alias("rival"),
)
"""The columns of a counterfactual that nobody asks for."""


def add_counterfactual(
    decided: pl.DataFrame, placed: pl.DataFrame, buckets: pl.DataFrame, limits: pl.DataFrame
) -> pl.DataFrame:
    """Find for each candidate the lowest score with which it is selected, and who would leave or come then.

    *Requires* what `diversify` decided, `placed` with all columns of `slots.fill_slots`, and the limits by
    `bucket_key` and by `portfolio_key`.
    *Adds* `entry_units`, `question` (equal where the answer is the same), `rival`.
    """
    keyed = decided.with_columns(scenario_key())
    pool = make_candidate_pool(placed)
    scenarios = find_entries(make_scenarios(keyed, buckets, limits), pool)
    entries = (
        keyed.filter(pl.col("scenario_key").is_not_null())
        .select("row", "scenario_key", "asset_key", "is_selected")
        .join(
            scenarios.select("scenario_key", "scenario", "entry_units", "entry_name"),
            on="scenario_key",
            how="left",
            maintain_order="left",
        )
        .with_columns(side=(pl.col("asset_key").cast(pl.Int64) * 2 > pl.col("entry_name")).cast(pl.Int64))
        .with_columns(entry_units=pl.col("entry_units") + pl.col("side"))
        .filter(pl.col("entry_units") <= SCORE_UNITS)
    )
    found = entries.select("row", "entry_units").join(find_rivals(entries, scenarios, pool), on="row", how="left")
    return (
        decided.join(found, on="row", how="left", maintain_order="left")
        .with_columns(rival=pl.col("asset").gather(pl.col("rival_row")))
        .drop("rival_row")
    )
