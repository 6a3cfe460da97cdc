"""Who would leave for a candidate at its entry score, or come for one that falls just below.

The rules are asked once more, at that very score and name, and the selected are compared with those of the day.
Candidates for whom the answer must be the same share one question.
"""

import polars as pl

from sizing.selection.scenarios import FIRST_WAITING, MORE_WAITING, ask, in_batches, in_order, narrow, people, unsure

_TIES, _LEVELS = 2**20, 2**4
"""More than have the very same score in a narrow world, and more than there are widths of it."""

_TOLD = pl.DataFrame(schema={"row": pl.UInt32, "question": pl.Int64, "rival_row": pl.UInt32})


def find_rivals(asked: pl.DataFrame, probes: pl.DataFrame, world: pl.DataFrame) -> pl.DataFrame:
    """Find for each candidate with an entry score whom it would displace, or who would displace it.

    *Requires* in `asked`: `row, probe, asset_key, is_selected, entry_units` and `side`, the units that its name costs.
    *Gives* `row`, `question` (equal where one answer does for several) and `rival_row`, null where there is none.
    Whom every score lets in is not asked about.
    """
    rows = asked.filter(pl.col("entry_units") >= pl.col("is_selected").cast(pl.Int64))
    told, level = [_TOLD], 0
    while not rows.is_empty():
        of_rows = probes.join(rows, on="probe", how="semi", maintain_order="left")
        around = narrow(world, of_rows, FIRST_WAITING * MORE_WAITING**level)
        questions = _with_question(rows, of_rows, around)
        answers = _answers(_variants(questions, of_rows), around)
        answered = questions.join(answers, on="question", how="left", maintain_order="left")
        told.append(
            answered.filter(~pl.col("is_unsure")).select(
                "row", pl.col("question") * _LEVELS + pl.lit(level, pl.Int64), "rival_row"
            )
        )
        rows, level = answered.filter("is_unsure").select(rows.columns), level + 1
    return pl.concat(told)


def _with_question(rows: pl.DataFrame, probes: pl.DataFrame, world: pl.DataFrame) -> pl.DataFrame:
    """Give each its question. Whom an auction could tell apart has one of its own, by row, below zero.

    Others share one by probe and side; where more than one candidate has the entry score, by the place among them.
    *Adds* `own_row`, `question`.
    """
    of_its_own = world.filter(pl.col("margin_units").is_not_null()).select("row", own_row="row")
    known = rows.join(of_its_own, on="row", how="left", maintain_order="left")
    ties = _count_ties(known.filter(pl.col("own_row").is_null() & ~pl.col("is_selected")), probes, world)
    shared = pl.col("probe").cast(pl.Int64) * 2 + pl.col("side")
    return (
        known.join(ties, on="row", how="left", maintain_order="left")
        .with_columns(
            question=pl.coalesce(-1 - pl.col("own_row").cast(pl.Int64), shared * _TIES + pl.col("n_ties").fill_null(0))
        )
        .drop("n_ties")
    )


def _count_ties(rows: pl.DataFrame, probes: pl.DataFrame, world: pl.DataFrame) -> pl.DataFrame:
    """Count who has the very entry score and an earlier name, other than the one who set it. *Gives* `row, n_ties`."""
    names = world.select("portfolio_key", "score_units", tie=pl.col("asset_key"))
    ties = pl.concat(
        probes.select("probe", "portfolio_key", "entry_name", entry_units=pl.col("entry_units") + side)
        .join(names, left_on=["portfolio_key", "entry_units"], right_on=["portfolio_key", "score_units"])
        .filter(pl.col("tie").cast(pl.Int64) * 2 != pl.col("entry_name") + 1)
        .select("probe", "entry_units", "tie")
        for side in (0, 1)
    )
    return (
        rows.select("row", "probe", "entry_units", "asset_key")
        .join(ties, on=["probe", "entry_units"], how="inner")
        .filter(pl.col("tie") < pl.col("asset_key"))
        .group_by("row")
        .agg(n_ties=pl.len().cast(pl.Int64))
    )


def _variants(questions: pl.DataFrame, probes: pl.DataFrame) -> pl.DataFrame:
    """Give one probe for each question: at its entry score, or a unit below for who is selected."""
    return (
        questions.unique("question", keep="first", maintain_order=True)
        .select(
            "question",
            "probe",
            "own_row",
            at_units=pl.col("entry_units") - pl.col("is_selected").cast(pl.Int64),
            asks_who_comes="is_selected",
            name=pl.col("asset_key").cast(pl.Int64) * 2,
        )
        .join(probes.drop("entry_units", "entry_name"), on="probe", how="left", maintain_order="left")
        .with_columns(gone=pl.coalesce("own_row", "gone"), is_small=pl.lit(value=False), score_units="at_units")
        .drop("probe", "own_row")
        .with_row_index("probe")
    )


def _answers(variants: pl.DataFrame, world: pl.DataFrame) -> pl.DataFrame:
    """Ask all questions. *Gives* `question, rival_row, is_unsure`."""
    around, points = in_order(world, variants)
    return pl.concat(_answer(part, around) for part in in_batches(points, around))


def _answer(variants: pl.DataFrame, world: pl.DataFrame) -> pl.DataFrame:
    """Give the weakest of those who leave, or the best of those who come."""
    asked = ask(variants.filter(pl.col("at_units") >= pl.col("threshold")), people(variants, world))
    selected = pl.col("place_gate").is_null()
    changed = asked.filter(~pl.col("is_probe") & (selected != pl.col("was_selected"))).join(
        variants.select("probe", "asks_who_comes"), on="probe", how="left", maintain_order="left"
    )
    comes = changed.filter(pl.col("asks_who_comes") & ~pl.col("was_selected"))
    leaves = changed.filter(~pl.col("asks_who_comes") & pl.col("was_selected"))
    rivals = pl.concat(
        [
            comes.group_by("probe").agg(rival_row=pl.col("row").first()),
            leaves.group_by("probe").agg(rival_row=pl.col("row").last()),
        ]
    )
    is_unsure = pl.col("probe").is_in(unsure(asked)["probe"].implode())
    return variants.join(rivals, on="probe", how="left").select("question", "rival_row", is_unsure=is_unsure)
