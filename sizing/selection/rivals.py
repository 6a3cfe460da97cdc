"""Who would leave for a candidate at its entry score, or come for one that falls just below.

The rules are evaluated once more, at that very score and name, and the selected are compared with those of the day.
Candidates with the same answer share one question.
"""

import polars as pl

from sizing.selection.scenarios import (
    FIRST_WAITING,
    MORE_WAITING,
    evaluate,
    find_unsure,
    in_batches,
    in_order,
    narrow,
    pool_rows,
)

_TIES, _LEVELS = 2**20, 2**4
"""More than have the very same score in a narrow pool, and more than there are widths of it."""

_NO_RIVALS = pl.DataFrame(schema={"row": pl.UInt32, "question": pl.Int64, "rival_row": pl.UInt32})


def find_rivals(entries: pl.DataFrame, scenarios: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    """Find for each candidate with an entry score whom it would displace, or who would displace it.

    *Requires* in `entries`: `row, scenario, asset_key, is_selected, entry_units`, and `side`: units its name costs.
    *Returns* `row`, `question` (equal where one answer does for several) and `rival_row`, null where there is none.
    A candidate that every score selects has none.
    """
    rows = entries.filter(pl.col("entry_units") >= pl.col("is_selected").cast(pl.Int64))
    found, level = [_NO_RIVALS], 0
    while not rows.is_empty():
        of_rows = scenarios.join(rows, on="scenario", how="semi", maintain_order="left")
        around = narrow(pool, of_rows, FIRST_WAITING * MORE_WAITING**level)
        questions = _with_question(rows, of_rows, around)
        ordered, variants = in_order(around, _variants(questions, of_rows))
        answers = pl.concat(_answer(part, ordered) for part in in_batches(variants, ordered))
        answered = questions.join(answers, on="question", how="left", maintain_order="left")
        found.append(
            answered.filter(~pl.col("is_unsure")).select(
                "row", pl.col("question") * _LEVELS + pl.lit(level, pl.Int64), "rival_row"
            )
        )
        rows, level = answered.filter("is_unsure").select(rows.columns), level + 1
    return pl.concat(found)


def _with_question(rows: pl.DataFrame, scenarios: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    """Return the question of each row. A row that replacement rounds may distinguish has its own, below zero.

    Others share one by scenario and side; where several candidates have the entry score, by rank among them.
    *Adds* `own_row`, `question`.
    """
    of_its_own = pool.filter(pl.col("margin_units").is_not_null()).select("row", own_row="row")
    known = rows.join(of_its_own, on="row", how="left", maintain_order="left")
    ties = _count_ties(known.filter(pl.col("own_row").is_null() & ~pl.col("is_selected")), scenarios, pool)
    shared = pl.col("scenario").cast(pl.Int64) * 2 + pl.col("side")
    return (
        known.join(ties, on="row", how="left", maintain_order="left")
        .with_columns(
            question=pl.coalesce(-1 - pl.col("own_row").cast(pl.Int64), shared * _TIES + pl.col("n_ties").fill_null(0))
        )
        .drop("n_ties")
    )


def _count_ties(rows: pl.DataFrame, scenarios: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    """Count other candidates with the entry score and an earlier name. *Returns* `row, n_ties`."""
    names = pool.select("portfolio_key", "score_units", tie=pl.col("asset_key"))
    ties = pl.concat(
        scenarios.select("scenario", "portfolio_key", "entry_name", entry_units=pl.col("entry_units") + side)
        .join(names, left_on=["portfolio_key", "entry_units"], right_on=["portfolio_key", "score_units"])
        .filter(pl.col("tie").cast(pl.Int64) * 2 != pl.col("entry_name") + 1)
        .select("scenario", "entry_units", "tie")
        for side in (0, 1)
    )
    return (
        rows.select("row", "scenario", "entry_units", "asset_key")
        .join(ties, on=["scenario", "entry_units"], how="inner")
        .filter(pl.col("tie") < pl.col("asset_key"))
        .group_by("row")
        .agg(n_ties=pl.len().cast(pl.Int64))
    )


def _variants(questions: pl.DataFrame, scenarios: pl.DataFrame) -> pl.DataFrame:
    """Return one scenario for each question: at its entry score, or a unit below for who is selected."""
    return (
        questions.unique("question", keep="first", maintain_order=True)
        .select(
            "question",
            "scenario",
            "own_row",
            at_units=pl.col("entry_units") - pl.col("is_selected").cast(pl.Int64),
            asks_who_comes="is_selected",
            name=pl.col("asset_key").cast(pl.Int64) * 2,
        )
        .join(scenarios.drop("entry_units", "entry_name"), on="scenario", how="left", maintain_order="left")
        .with_columns(gone=pl.coalesce("own_row", "gone"), is_small=pl.lit(value=False), score_units="at_units")
        .drop("scenario", "own_row")
        .with_row_index("scenario")
    )


def _answer(variants: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    """Return `question, rival_row, is_unsure`: the weakest of those who leave, or the best of those who come."""
    outcome = evaluate(variants.filter(pl.col("at_units") >= pl.col("threshold")), pool_rows(variants, pool))
    selected = pl.col("slot_gate").is_null()
    changed = outcome.filter(~pl.col("is_scenario") & (selected != pl.col("was_selected"))).join(
        variants.select("scenario", "asks_who_comes"), on="scenario", how="left", maintain_order="left"
    )
    comes = changed.filter(pl.col("asks_who_comes") & ~pl.col("was_selected"))
    leaves = changed.filter(~pl.col("asks_who_comes") & pl.col("was_selected"))
    rivals = pl.concat(
        [
            comes.group_by("scenario").agg(rival_row=pl.col("row").first()),
            leaves.group_by("scenario").agg(rival_row=pl.col("row").last()),
        ]
    )
    is_unsure = pl.col("scenario").is_in(find_unsure(outcome)["scenario"].implode())
    return variants.join(rivals, on="scenario", how="left").select("question", "rival_row", is_unsure=is_unsure)
