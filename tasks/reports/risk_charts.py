"""The charts of what risk limits read: risk beside weight, and volatility over time. Made with Altair, from a frame."""

import altair as alt
import polars as pl

from tasks.reports.chart_data import history_rows
from tasks.reports.chart_parts import (
    BASE,
    BEFORE,
    LABEL_ROOM,
    LESS,
    LIMIT,
    MORE,
    ROWS,
    SAME,
    WIDTH,
    by_portfolio,
    colour,
    day_axis,
    days_shown,
    name_axis,
    panel_each,
    points,
    row_labels,
    tip,
    title,
    weight_axis,
    with_rows,
)
from tasks.reports.risk_data import MOST_RISKS, share_rows

_LEAST_ROOM = 1.05
"""The axis of volatilities ends that much above the largest."""


def risk_beside_weight(weights: pl.DataFrame) -> alt.FacetChart:
    """Show each position's part of the variance beside its part of the weight, a panel a portfolio.

    *Requires* the columns of the query `chart_weights`, with a risk share.
    """
    rows = share_rows(weights)
    edge = rows.select(pl.max_horizontal(pl.col("risk_share", "weight_share").max())).item() * LABEL_ROOM
    scale = alt.Scale(domain=[rows.select(pl.col("risk_share").min().clip(None, 0.0)).item(), edge], nice=False)
    shown = {"weight": "weight_share:Q", "risk": "risk_share:Q", "volatility": "volatility:Q"}
    base = BASE.encode(y=name_axis("asset"), tooltip=tip(asset="asset:N", bucket="bucket:N", **shown))
    hue = colour("risk", **{"above its weight": LESS, "below its weight": MORE, "equal": SAME})
    layers = (
        base.mark_bar(height=15, color=BEFORE).encode(x=weight_axis("weight_share", scale)),
        base.mark_bar(height=8).encode(x=weight_axis("risk_share", scale), color=hue),
        row_labels(base, edge),
    )
    is_cut = rows.group_by("portfolio_id").len()["len"].max() == MOST_RISKS
    return panel_each(
        rows,
        layers,
        title(
            "Risk beside weight",
            "wide: part of what is invested; narrow: part of the variance of the targets; in percent",
            "the part of the variance, then the volatility of the asset a year",
            *([f"at most {MOST_RISKS} positions of a portfolio, those with most risk"] if is_cut else []),
        ),
    )


def volatility_over_time(volatility: pl.DataFrame) -> alt.VConcatChart:
    """Show the volatility of the targets over the last days with its limit, and the scale, a line a portfolio.

    *Requires* `portfolio_id, as_of_date, portfolio_volatility, risk_scale, target_volatility`.
    """
    rows = history_rows(volatility)
    has_target = rows["target_volatility"].count() > 0
    panels = [_lines(rows, "portfolio_volatility", "Volatility of the targets, a year", "target_volatility")]
    panels += [_lines(rows, "risk_scale", "Scale of the positions that are not pinned")] if has_target else []
    return with_rows(
        alt.vconcat(*panels),
        rows,
        title(
            "Volatility over time",
            f"{days_shown(rows)}: as estimated on the day",
            *(["dashed: target_volatility"] if has_target else []),
        ),
    )


def _lines(rows: pl.DataFrame, column: str, words: str, limit: str | None = None) -> alt.LayerChart:
    named = [column, *([limit] if limit else [])]
    top = rows.select(pl.max_horizontal(pl.col(named).max())).item() or 1.0
    scale = alt.Scale(domain=[0, top * _LEAST_ROOM], nice=False)
    shown = {
        "portfolio": "portfolio_id:N",
        "day": "as_of_date:O",
        **{one.replace("_", " "): f"{one}:Q" for one in named},
    }
    lines = {column: BASE.mark_line(strokeWidth=2, point=points(rows))}
    if limit:
        dashed = BASE.mark_line(strokeWidth=1.5, strokeDash=[4, 3], point=False)
        lines[limit] = dashed.encode(color=alt.value(LIMIT), detail=alt.Detail("portfolio_id:N"))
    axis = alt.Axis(format=".0%", tickCount=4)
    layer = [line.encode(y=alt.Y(f"{name}:Q", title=None, scale=scale, axis=axis)) for name, line in lines.items()]
    chart = alt.LayerChart(
        layer=layer, data=ROWS, width=WIDTH, height=120, title=alt.Title(words, fontSize=12, offset=4)
    )
    return chart.encode(*by_portfolio(rows), x=day_axis(), tooltip=tip(**shown))
