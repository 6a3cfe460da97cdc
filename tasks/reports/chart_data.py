"""What the charts of a run show, before they are drawn: the rows to show, and the words beside them."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from sizing.lifecycle.grace import decayed_weight
from sql.snapshot_reader import Reader

MOST_DAYS = 60
"""Days of the chart over time, the run's own included: about a quarter."""

MOST_ASSETS = 20
"""Assets of a portfolio in the chart of its weights."""

MOST_OVER_TIME = 12
"""Assets of a portfolio in the chart of its weights over time."""

PANELS_IN_A_ROW = 4
"""Positions beside each other in the chart of the stages: one row of them a portfolio, two where it is alone."""

MOST_IN_GRACE = 8
"""Holdings in grace of a portfolio in the chart of their weights."""

STAGES = ("raw", "stage 1", "stage 2", "residual", "target")

_AT_LIMIT = 1e-8
"""A bucket that could not take one more unit of a stored weight is at its limit."""

_FAR = 3
"""A cap that is so many times above the largest weight is left out: it would press the bars together."""

_UNSEEN = 5e-4
"""A change that would be written as 0.0."""

_OF_RISK = ("portfolio_volatility", "risk_scale", "target_volatility")
_TRADES = {"open": "bought", "increase": "bought", "decrease": "sold", "close": "sold", "hold": "kept"}


class ChartRows(NamedTuple):
    """What the charts of a run are drawn from: the rows of `chart_weights`, `chart_buckets` and `chart_history`.

    `volatility` has the days of the history on which it was measured.
    """

    weights: pl.DataFrame
    buckets: pl.DataFrame
    history: pl.DataFrame
    volatility: pl.DataFrame


def read_chart_rows(reader: Reader, run_id: str, portfolio_ids: Sequence[str]) -> ChartRows:
    """Read what the charts of portfolios of any stored run show, published or not."""
    of_run = {"run_id": run_id, "portfolio_ids": list(portfolio_ids)}
    history = reader.query("chart_history", **of_run, most_days=MOST_DAYS)
    return ChartRows(
        weights=reader.query("chart_weights", **of_run),
        buckets=reader.query("chart_buckets", **of_run),
        history=history.drop(_OF_RISK),
        volatility=history.select("portfolio_id", "as_of_date", *_OF_RISK).drop_nulls("portfolio_volatility"),
    )


def weight_rows(weights: pl.DataFrame) -> pl.DataFrame:
    """Return each portfolio's assets that change most, then its largest, in the order of their weights, cash last.

    *Requires* the columns of the query `chart_weights`. *Adds* `trade` (bought, sold, kept) and `label`. Cash that uses
    the reserve is shown as 0.
    """
    size = pl.max_horizontal("target_weight", "current_weight", "post_trade_weight")
    traded = pl.when(pl.col("trade_weight") == 0).then(pl.lit(""))
    return (
        with_fractions(weights)
        .filter(size > 0)
        .sort("portfolio_id", pl.col("trade_weight").abs(), size, "asset", descending=[False, True, True, False])
        .group_by("portfolio_id", maintain_order=True)
        .head(MOST_ASSETS)
        .sort("portfolio_id", "is_cash", size, "asset", descending=[False, False, True, False])
        .with_columns(
            trade=pl.col("action").replace_strict(_TRADES),
            max_single_position=_near("max_single_position", size.max()),
            label=percent("post_trade_weight") + traded.otherwise("  " + signed(pl.col("trade_weight"))),
            current_weight=pl.col("current_weight").clip(0),
            post_trade_weight=pl.col("post_trade_weight").clip(0),
        )
    )


def stage_rows(weights: pl.DataFrame) -> pl.DataFrame:
    """Return a bar for each stage of each portfolio's largest positions, in the order of the panels and stages.

    *Requires* the columns of the query `chart_weights`. *Returns* `name, stage, low, high, level, kind, label, cap`:
    from where to where the stage takes the weight, and at which level it is then. A pinned position has only a target.
    """
    n_portfolios = weights["portfolio_id"].n_unique()
    n_panels = PANELS_IN_A_ROW if n_portfolios > 1 else 2 * PANELS_IN_A_ROW
    largest = (
        with_fractions(weights)
        .filter(~pl.col("is_cash"), pl.col("target_weight") > 0)
        .sort("portfolio_id", "target_weight", "asset", descending=[False, True, False])
        .group_by("portfolio_id", maintain_order=True)
        .head(n_panels)
        .with_row_index("panel")
        .with_columns(name=pl.col("asset") if n_portfolios == 1 else pl.format("{}, {}", "asset", "portfolio_id"))
    )
    bars = pl.concat([_bars(largest, stage) for stage in STAGES]).sort("panel", maintain_order=True).drop("panel")
    return bars.with_columns(cap=_near("cap", pl.col("high").max()))


def bucket_rows(buckets: pl.DataFrame) -> pl.DataFrame:
    """Return the buckets with a word for how each stands. *Requires* the columns of the query `chart_buckets`.

    *Adds* `state` (at its limit, below its limit, no limit), `end`, where its row ends, and `label`.
    """
    limit, room = pl.col("limit_weight"), pl.col("limit_weight") - pl.col("target_weight")
    state = pl.when(limit.is_null()).then(pl.lit("no limit")).when(room <= _AT_LIMIT).then(pl.lit("at its limit"))
    return with_fractions(buckets).with_columns(
        state=state.otherwise(pl.lit("below its limit")),
        end=pl.max_horizontal("target_weight", "current_weight", "limit_weight"),
        label=percent("target_weight")
        + pl.when(limit.is_null()).then(pl.lit("")).otherwise(" of " + percent("limit_weight")),
    )


def history_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the days as text, for an axis of trading days without gaps. *Requires* `as_of_date`."""
    return with_fractions(rows).with_columns(pl.col("as_of_date").cast(pl.String))


def past_weights(targets: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Return the weights of each portfolio's largest positions on the days of its history, the largest of now first.

    *Requires* the columns of the queries `report_past_targets` and `chart_history`.
    *Returns* `portfolio_id, as_of_date, asset, target_weight`; a day without the asset has no row.
    """
    held = (
        targets.filter(~pl.col("is_cash"), pl.col("target_weight") > 0)
        .join(history, on=["portfolio_id", "run_id"], how="semi")
        .select("portfolio_id", "as_of_date", "asset", "target_weight")
    )
    is_last = pl.col("as_of_date") == pl.col("as_of_date").max().over("portfolio_id")
    largest = (
        held.filter(is_last)
        .sort("portfolio_id", "target_weight", "asset", descending=[False, True, False])
        .group_by("portfolio_id", maintain_order=True)
        .head(MOST_OVER_TIME)
        .select("portfolio_id", "asset")
    )
    return largest.join(held, on=["portfolio_id", "asset"], maintain_order="left")


def grace_rows(in_grace: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """Return the weights of holdings in grace: on the days so far, then on those to come if every score fails.

    *Requires* `in_grace` of an `Outlook`, and the rows of the query `chart_grace`; of a portfolio those that may close
    first are shown. *Returns* `portfolio_id, asset, day` (text), `weight, kind` (held, if it fails).
    """
    shown = in_grace.group_by("portfolio_id", maintain_order=True).head(MOST_IN_GRACE).with_row_index("panel")
    names = shown.select("panel", "portfolio_id", "asset")
    so_far = past.join(names, on=["portfolio_id", "asset"]).with_columns(
        day=pl.col("as_of_date").dt.strftime("%m-%d"), weight=pl.col("post_trade_weight"), kind=pl.lit("held"), step=0
    )
    today = pl.col("as_of_place")
    ahead = shown.with_columns(step=pl.int_ranges(1, pl.col("closes_place") - today + 1)).explode("step")
    count, is_last = pl.col("grace_count") + pl.col("step"), today + pl.col("step") == pl.col("closes_place")
    is_locked = (today + pl.col("step") < pl.col("free_place")).fill_null(value=False)
    decayed = decayed_weight(pl.col("grace_entry_weight").cast(pl.Float64), count)
    to_come = ahead.with_columns(
        day=pl.format("+{}", "step"),
        weight=pl.when(is_last).then(0).when(is_locked).then("current_weight").otherwise(decayed),
        kind=pl.lit("if it fails"),
    )
    columns = ("panel", "step", "portfolio_id", "asset", "day", "weight", "kind")
    rows = pl.concat([with_fractions(part).select(columns) for part in (so_far, to_come)], how="vertical_relaxed")
    return rows.sort("panel", "step", maintain_order=True).drop("panel", "step")


def percent(column: str) -> pl.Expr:
    """Write a fraction in percent with one decimal."""
    return (pl.col(column) * 100).round(1).cast(pl.String) + "%"


def signed(value: pl.Expr) -> pl.Expr:
    """Write a fraction in percentage points with one decimal and its sign."""
    points = (value * 100).round(1)
    sign = pl.when(points < 0).then(pl.lit("\N{MINUS SIGN}")).otherwise(pl.lit("+"))
    return sign + points.abs().cast(pl.String)


def _bars(largest: pl.DataFrame, stage: str) -> pl.DataFrame:
    raw, stage1, stage2 = pl.col("raw_weight"), pl.col("stage1_weight"), pl.col("stage2_weight")
    before, after = {
        "raw": (pl.lit(0.0), raw),
        "stage 1": (raw, stage1),
        "stage 2": (stage1, stage2),
        "residual": (stage2, stage2 + pl.col("residual_weight")),
        "target": (pl.lit(0.0), pl.col("target_weight")),
    }[stage]
    is_total = pl.lit(stage in {"raw", "target"})
    change = pl.col("level") - pl.col("before")
    kind = pl.when(is_total).then(pl.lit("weight")).when(change > 0).then(pl.lit("added")).otherwise(pl.lit("cut"))
    label = pl.when(is_total).then(percent("level")).when(change.abs() < _UNSEEN).then(pl.lit("="))
    return (
        largest.with_columns(before=before, level=after)
        .drop_nulls("level")
        .select(
            "panel",
            "name",
            "level",
            stage=pl.lit(stage),
            low=pl.min_horizontal("before", "level"),
            high=pl.max_horizontal("before", "level"),
            kind=kind,
            label=label.otherwise(signed(change)),
            cap="max_single_position",
        )
    )


def _near(cap: str, largest: pl.Expr) -> pl.Expr:
    return pl.when(pl.col(cap) <= _FAR * largest).then(cap)


def with_fractions(rows: pl.DataFrame) -> pl.DataFrame:
    """Return exact decimals as floats, which are precise enough for a chart."""
    return rows.with_columns(cs.decimal().cast(pl.Float64))
