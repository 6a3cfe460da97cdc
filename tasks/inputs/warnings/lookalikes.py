"""Names that readers take for one: they differ only in capitals, in blanks, or in the form of their letters.

Two such buckets have two limits and hold twice as much; two such portfolios or assets get each other's rows.
What does not belong here: names that are one by our rule (sizing/names.py), and unknown names (unknown_names.py).
"""

from functools import lru_cache

import polars as pl

from sizing.text import first_of
from tasks.text import shown


def plain(column: pl.Expr) -> pl.Expr:
    """Return names without what readers overlook: compatible letters made the same, in capitals, no blanks."""
    return column.str.normalize("NFKC").str.to_uppercase().str.normalize("NFKC").str.replace_all(r"\s+", "")


def describe_lookalikes(kind: str, names: pl.Series, harm: str) -> tuple[str, ...]:
    """Return a sentence for each of the first ten groups of names that look alike, and how many groups more."""
    groups = _look_alike(frozenset(names.drop_nulls()))
    sentences = [
        f"{kind}s: {' and '.join(map(shown, group))} differ only in capitals, blanks or the form of letters: {harm}"
        for group in groups
    ]
    return tuple(first_of(sentences))


@lru_cache(maxsize=8)
def _look_alike(names: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Return the groups of names that look alike. Most days of a range have the same names."""
    groups = (
        pl.DataFrame({"name": list(names)}, schema={"name": pl.String})
        .group_by(plain(pl.col("name")).alias("plain"))
        .agg(pl.col("name").sort())
        .filter(pl.col("name").list.len() > 1)
        .sort("plain")
    )
    return tuple(map(tuple, groups["name"]))


def find_meant(unknown_names: pl.Series, known: pl.Series) -> dict[str, str]:
    """Return, of each unknown name that looks like a known one, that one."""
    if unknown_names.is_empty():  # as on most days
        return {}
    names = pl.DataFrame({"name": unknown_names.unique()}, schema={"name": pl.String})
    meant = pl.DataFrame({"meant": known.unique()}, schema={"meant": pl.String}).sort("meant")
    found = names.with_columns(plain=plain(pl.col("name"))).join(
        meant.with_columns(plain=plain(pl.col("meant"))).unique("plain", keep="first", maintain_order=True), on="plain"
    )
    return dict(found.sort("name").select("name", "meant").iter_rows())
