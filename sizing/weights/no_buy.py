"""Enforce no_buy: a restricted holding never exceeds its current weight.

It is sized like any other, and pinned where that would raise it.

What does not belong here: who is selected, and how weights come about.
"""

import polars as pl

_KEY = ["portfolio_id", "asset"]
MAX_SIZINGS = 3
"""As they are; held back; and once more where rounding added a unit to a position that is held back."""


def pin_no_buy(selected: pl.DataFrame, positions: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Return what to size again: the portfolios in which a holding under no_buy would grow, its growth pinned away.

    The other holdings under no_buy of such a portfolio are pinned where they are, so that they do not get that weight.
    *Requires* `selected` as it was sized, and the `positions` that came of it. Nothing to hold back: no rows.
    """
    restricted = decisions.filter(
        pl.col("is_selected") & pl.col("is_held") & ~pl.col("is_pinned") & (pl.col("restriction") == "no_buy")
    )
    if restricted.is_empty():
        return selected.clear()
    sized = restricted.select(*_KEY, "current_weight").join(
        positions.select(*_KEY, "target_weight", "pinned_weight"), on=_KEY
    )
    growth = (pl.col("target_weight") - pl.col("current_weight")).cast(pl.Float64).clip(0)
    start = pl.coalesce("pinned_weight", pl.col("target_weight").cast(pl.Float64))
    pins = sized.with_columns(growth=growth).with_columns(held_at=(start - pl.col("growth")).clip(0))
    growing = pins.filter(pl.col("growth") > 0)
    return (
        selected.join(growing, on="portfolio_id", how="semi", maintain_order="left")
        .join(pins.select(*_KEY, "held_at"), on=_KEY, how="left", maintain_order="left")
        .with_columns(pinned_weight=pl.coalesce("held_at", "pinned_weight"))
        .drop("held_at")
    )


def replace_portfolios(first: pl.DataFrame, again: pl.DataFrame) -> pl.DataFrame:
    """Take the portfolios that were sized again instead of what they were. By portfolio, rows as they came."""
    kept = first.join(again, on="portfolio_id", how="anti", maintain_order="left")
    return pl.concat([kept, again]).sort("portfolio_id", maintain_order=True)


def explain_no_buy(positions: pl.DataFrame, as_scored: pl.DataFrame, selected: pl.DataFrame) -> pl.DataFrame:
    """Add to the sizing reason of each restricted position that it may not be bought.

    *Requires* `positions` as sized last, `as_scored` as sized first, and `selected` with the pins of before.
    """
    pinned_late = (
        positions.filter(pl.col("pinned_weight").is_not_null())
        .join(selected.filter(pl.col("pinned_weight").is_null()), on=_KEY, how="semi")
        .select(_KEY)
        .join(as_scored.select(*_KEY, first_reason="sizing_reason"), on=_KEY)
    )
    sentence = pl.format("{} Restriction no_buy: not bought, pinned at {}.", "first_reason", pl.col("target_weight"))
    return (
        positions.join(pinned_late, on=_KEY, how="left", maintain_order="left")
        .with_columns(
            sizing_reason=pl.when(pl.col("first_reason").is_not_null()).then(sentence).otherwise("sizing_reason")
        )
        .drop("first_reason")
    )
