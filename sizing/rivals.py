"""Who would leave for a candidate at its entry score, or come for one that falls just below.

The rules are asked once more, at that very score and name, and the selected are compared with those of the day.
Candidates for whom the answer must be the same share one question.
"""

import polars as pl

from sizing.probes import ask, in_batches, people

_TIES = 2**20
"""More candidates than have the very same score in one small world."""

_NOBODY = pl.DataFrame(schema={"probe": pl.UInt32, "rival_row": pl.UInt32})


def find_rivals(asked: pl.DataFrame, probes: pl.DataFrame, world: pl.DataFrame) -> pl.DataFrame:
    """Find for each candidate with an entry score whom it would displace, or who would displace it.

    *Requires* in `asked`: `row, probe, asset_key, is_selected, entry_units` and `side`, the units that its name costs.
    *Adds* `question`, and `rival_row` where there is one.
    """
    questions = _with_question(asked, probes, world)
    variants = (
        questions.filter(pl.col("question").is_not_null())
        .unique("question", keep="first", maintain_order=True)
        .select(
            "question",
            "probe",
            "own_row",
            at_units=pl.col("entry_units") - pl.col("is_selected").cast(pl.Int64),
            asks_who_comes="is_selected",
            name=pl.col("asset_key").cast(pl.Int64) * 2,
        )
        .join(probes.drop("entry_units", "entry_name"), on="probe", how="left", maintain_order="left")
        .with_columns(gone=pl.coalesce("own_row", "gone"), is_small=pl.lit(value=False))
        .drop("probe", "own_row")
        .with_row_index("probe")
    )
    ordered, around = _with_order(variants, world)
    found = pl.concat([_NOBODY, *(_answers(part, around) for part in in_batches(ordered, around))])
    answers = variants.select("question", "probe").join(found, on="probe").select("question", "rival_row")
    return questions.join(answers, on="question", how="left", maintain_order="left").drop("own_row")


def _with_question(asked: pl.DataFrame, probes: pl.DataFrame, world: pl.DataFrame) -> pl.DataFrame:
    """Give each its question. Whom an auction could tell apart has one of its own, by row, below zero.

    Others share one by probe and side; where more than one candidate has the entry score, by the place among them.
    """
    of_its_own = world.filter(pl.col("margin_units").is_not_null()).select("row", own_row="row")
    rows = asked.join(of_its_own, on="row", how="left", maintain_order="left")
    ties = _count_ties(rows.filter(pl.col("own_row").is_null() & ~pl.col("is_selected")), probes, world)
    shared = pl.col("probe").cast(pl.Int64) * 2 + pl.col("side")
    is_asked = pl.col("entry_units") >= pl.col("is_selected").cast(pl.Int64)
    return (
        rows.join(ties, on="row", how="left", maintain_order="left")
        .with_columns(
            question=pl.when(is_asked & pl.col("own_row").is_not_null())
            .then(-1 - pl.col("own_row").cast(pl.Int64))
            .when(is_asked)
            .then(shared * _TIES + pl.col("n_ties").fill_null(0))
        )
        .drop("n_ties")
    )


def _count_ties(rows: pl.DataFrame, probes: pl.DataFrame, world: pl.DataFrame) -> pl.DataFrame:
    """Count who has the very entry score and an earlier name, other than the one who set it. *Gives* `row, n_ties`."""
    names = world.select("portfolio_key", "score_units", tie=pl.col("asset_key"))
    found = [
        probes.select("probe", "portfolio_key", "entry_name", entry_units=pl.col("entry_units") + side)
        .join(names, left_on=["portfolio_key", "entry_units"], right_on=["portfolio_key", "score_units"])
        .filter(pl.col("tie").cast(pl.Int64) * 2 != pl.col("entry_name") + 1)
        .select("probe", "entry_units", "tie")
        for side in (0, 1)
    ]
    ties = pl.concat(found)
    return (
        rows.select("row", "probe", "entry_units", "asset_key")
        .join(ties, on=["probe", "entry_units"], how="inner")
        .filter(pl.col("tie") < pl.col("asset_key"))
        .group_by("row")
        .agg(n_ties=pl.len().cast(pl.Int64))
    )


def _with_order(variants: pl.DataFrame, world: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put each variant in order behind the last of the world's rows that is better."""
    around = world.with_columns(order=pl.col("order").cast(pl.Int64) * 2 + 2)
    lined_up = (
        pl.concat(
            [
                around.select("portfolio_key", "score_units", "order", name=pl.col("asset_key").cast(pl.Int64) * 2),
                variants.select("portfolio_key", "name", "probe", score_units="at_units"),
            ],
            how="diagonal",
        )
        .sort("portfolio_key", "score_units", "name", descending=[False, True, False], nulls_last=True)
        .with_columns(order=pl.col("order").forward_fill().over("portfolio_key").fill_null(0) + 1)
        .filter(pl.col("probe").is_not_null())
        .select("probe", "order")
    )
    return variants.join(lined_up, on="probe", how="left", maintain_order="left"), around


def _answers(variants: pl.DataFrame, world: pl.DataFrame) -> pl.DataFrame:
    """Ask, and give the weakest of those who leave, or the best of those who come. *Gives* `probe, rival_row`."""
    qualified = variants.filter(pl.col("at_units") >= pl.col("threshold")).with_columns(score_units="at_units")
    asked = ask(qualified, people(variants, world))
    selected = pl.col("place_gate").is_null()
    changed = asked.filter(~pl.col("is_probe") & (selected != pl.col("was_selected"))).join(
        variants.select("probe", "asks_who_comes"), on="probe", how="left", maintain_order="left"
    )
    comes = changed.filter(pl.col("asks_who_comes") & ~pl.col("was_selected"))
    leaves = changed.filter(~pl.col("asks_who_comes") & pl.col("was_selected"))
    return pl.concat(
        [
            comes.group_by("probe").agg(rival_row=pl.col("row").first()),
            leaves.group_by("probe").agg(rival_row=pl.col("row").last()),
        ]
    )
