"""The charts of a run, made with Altair: one function a chart, from a frame.

What does not belong here: axes and colours (chart_parts.py), which rows are shown (chart_data.py), how a chart gets
onto a page (chart_page.py), the charts of risk (risk_charts.py).
"""

import altair as alt
import polars as pl

from tasks.reports.chart_data import (
    MOST_ASSETS,
    PANELS_IN_A_ROW,
    STAGES,
    ChartRows,
    bucket_rows,
    history_rows,
    stage_rows,
    weight_rows,
)
from tasks.reports.chart_parts import (
    BASE,
    BEFORE,
    LESS,
    LIMIT,
    MORE,
    PANEL,
    ROWS,
    SAME,
    WIDTH,
    Chart,
    by_portfolio,
    cap_line,
    colour,
    day_axis,
    days_shown,
    name_axis,
    panel_each,
    points,
    row_labels,
    scale_of,
    tip,
    title,
    weight_axis,
    with_rows,
)
from tasks.reports.risk_charts import risk_beside_weight, volatility_over_time

_WEIGHTS = {"before": "current_weight:Q", "target": "target_weight:Q"}
_BOOK = {**_WEIGHTS, "after": "post_trade_weight:Q"}


def charts_of(rows: ChartRows, past: pl.DataFrame | None = None, grace: pl.DataFrame | None = None) -> list[Chart]:
    """Return the charts of portfolios in their order; none of what has no rows.

    `past` adds the weights of one portfolio over time, `grace` those of its holdings in grace. *Requires* there the
    rows of `past_weights` and of `grace_rows`.
    """
    has_position = not rows.weights.filter(~pl.col("is_cash"), pl.col("target_weight") > 0).is_empty()
    charts: list[Chart] = [weights_before_and_after(rows.weights)] if rows.weights.height else []
    charts += [stages_of_the_largest(rows.weights)] if has_position else []
    charts += [buckets_against_limits(rows.buckets)] if rows.buckets.height else []
    charts += [risk_beside_weight(rows.weights)] if rows.weights["risk_share"].count() else []
    charts += [cash_and_turnover(rows.history)] if rows.history.height else []
    charts += [volatility_over_time(rows.volatility)] if rows.volatility.height else []
    if past is not None and past["as_of_date"].n_unique() > 1:
        charts.append(weights_over_time(past))
    charts += [weights_in_grace(grace)] if grace is not None and grace.height else []
    return charts


def weights_before_and_after(weights: pl.DataFrame) -> alt.FacetChart:
    """Show each asset's weight before, as target and after the trades, a panel a portfolio, with the cap as a line.

    *Requires* the columns of the query `chart_weights`.
    """
    rows = weight_rows(weights)
    scale, edge = scale_of(rows, "target_weight", "current_weight", "post_trade_weight", "max_single_position")
    shown = {"trade": "trade_weight:Q", "reason": "trade_reason:N", "why": "target_reason:N"}
    base = BASE.encode(y=name_axis("asset"), tooltip=tip(asset="asset:N", bucket="bucket:N", **_BOOK, **shown))
    layers = (
        base.mark_bar(height=15, color=BEFORE).encode(x=weight_axis("current_weight", scale)),
        base.mark_bar(height=8).encode(
            x=weight_axis("post_trade_weight", scale), color=colour("trade", bought=MORE, sold=LESS, kept=SAME)
        ),
        base.mark_tick(color=LIMIT, thickness=2, size=14).encode(x=weight_axis("target_weight", scale)),
        cap_line("max_single_position"),
        row_labels(base, edge),
    )
    is_cut = rows.group_by("portfolio_id").len()["len"].max() == MOST_ASSETS
    return panel_each(
        rows,
        layers,
        title(
            "The book before, target and after",
            "wide: held before; narrow: after the trades; black line: target; dashed: max_single_position, where near",
            "after the trades in percent of the portfolio, then the trade in percentage points",
            *([f"at most {MOST_ASSETS} assets of a portfolio, those that change most"] if is_cut else []),
        ),
    )


def stages_of_the_largest(weights: pl.DataFrame) -> alt.FacetChart:
    """Show how the largest positions came to their weights, stage by stage, with the cap as a line.

    *Requires* the columns of the query `chart_weights`.
    """
    rows = stage_rows(weights)
    scale, edge = scale_of(rows, "high", "cap")
    order = alt.Y("stage:N", title=None, scale=alt.Scale(domain=list(STAGES)), axis=alt.Axis(grid=False))
    base = BASE.encode(y=order, tooltip=tip(asset="name:N", stage="stage:N", change="label:N", weight="level:Q"))
    layers = (
        base.mark_bar(height=10).encode(
            x=weight_axis("low", scale, n_ticks=3),
            x2=alt.X2("high:Q"),
            color=colour("kind", weight=SAME, added=MORE, cut=LESS),
        ),
        base.mark_tick(color=SAME, thickness=1.5, size=10).encode(x=weight_axis("level", scale, n_ticks=3)),
        cap_line("cap"),
        row_labels(base, edge),
    )
    panels = alt.LayerChart(layer=list(layers), width=PANEL, height=alt.Step(15)).facet(
        alt.Facet("name:N", sort=rows["name"].unique(maintain_order=True).to_list()),
        data=ROWS,
        columns=PANELS_IN_A_ROW,
        spacing=16,
    )
    return with_rows(
        panels,
        rows,
        title(
            "From raw weight to target",
            "the largest positions, stage by stage, in percent of the portfolio",
            "dashed: max_single_position, where it is near; =: the stage changes nothing",
        ),
    )


def buckets_against_limits(buckets: pl.DataFrame) -> alt.FacetChart:
    """Show the weight of each bucket before and after, and its limit as a line, a panel a portfolio.

    *Requires* the columns of the query `chart_buckets`.
    """
    rows = bucket_rows(buckets)
    scale, edge = scale_of(rows, "end")
    tips = tip(bucket="bucket:N", **_WEIGHTS, limit="limit_weight:Q", state="state:N")
    base = BASE.encode(y=name_axis("bucket"), tooltip=tips)
    hue = colour("state", **{"at its limit": LESS, "below its limit": MORE, "no limit": SAME})
    layers = (
        base.mark_bar(height=15, color=BEFORE).encode(x=weight_axis("current_weight", scale)),
        base.mark_bar(height=8).encode(x=weight_axis("target_weight", scale), color=hue),
        base.mark_tick(color=LIMIT, thickness=2, size=16).encode(x=weight_axis("limit_weight", scale)),
        row_labels(base, edge),
    )
    return panel_each(
        rows,
        layers,
        title(
            "Buckets against their limits",
            "wide: before; narrow: target; black line: limit; in percent of the portfolio",
        ),
    )


def cash_and_turnover(history: pl.DataFrame) -> alt.VConcatChart:
    """Show cash and one-way turnover of the last days, a line a portfolio.

    *Requires* the columns of the query `chart_history`.
    """
    rows = history_rows(history)
    line = alt.Chart(ROWS).encode(
        *by_portfolio(rows),
        x=day_axis(),
        tooltip=tip(portfolio="portfolio_id:N", day="as_of_date:O", cash="cash_weight:Q", turnover="turnover:Q"),
    )
    panels = [
        line.mark_line(strokeWidth=2, point=points(rows))
        .encode(y=alt.Y(f"{column}:Q", title=None, axis=alt.Axis(format=".0%", tickCount=4)))
        .properties(width=WIDTH, height=120, title=alt.Title(words, fontSize=12, offset=4))
        for column, words in (("cash_weight", "Cash after the trades"), ("turnover", "Turnover, one-way"))
    ]
    return with_rows(
        alt.vconcat(*panels),
        rows,
        title("Cash and turnover over time", f"{days_shown(rows)}, in percent of the portfolio"),
    )


def weights_over_time(past: pl.DataFrame) -> alt.LayerChart:
    """Show the weights of one portfolio's largest positions over the last days: the stronger, the more.

    *Requires* the columns of `past_weights`.
    """
    rows = history_rows(past)
    shade = alt.Scale(domainMin=0, range=[0.08, 1])
    tiles = BASE.mark_rect(color=MORE, stroke="white").encode(
        x=day_axis(),
        y=name_axis("asset"),
        opacity=alt.Opacity("target_weight:Q", scale=shade, legend=None),
        tooltip=tip(asset="asset:N", day="as_of_date:O", target="target_weight:Q"),
    )
    chart = alt.LayerChart(layer=[tiles], data=ROWS, width=WIDTH, height=alt.Step(17))
    return with_rows(
        chart, rows, title("Weights over time", "the largest positions of now: the stronger the colour, the larger")
    )


def weights_in_grace(grace: pl.DataFrame) -> alt.FacetChart:
    """Show the weights of holdings in grace, day by day, and what they come to if every further score fails.

    *Requires* what `grace_rows` returns, of one portfolio.
    """
    day = alt.X("day:O", title=None, sort=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False))
    weight = alt.Y("weight:Q", title=None, axis=alt.Axis(format=".0%", tickCount=3))
    base = BASE.encode(x=day, tooltip=tip(asset="asset:N", day="day:O", weight="weight:Q", then="kind:N"))
    bars = base.mark_bar().encode(y=weight, color=colour("kind", held=MORE, **{"if it fails": BEFORE}))
    panels = alt.LayerChart(layer=[bars], width=PANEL, height=60).facet(
        alt.Facet("asset:N", sort=None), data=ROWS, columns=PANELS_IN_A_ROW, spacing=16
    )
    panels.resolve = alt.Resolve(scale=alt.ScaleResolveMap(x="independent"))
    return with_rows(
        panels,
        grace,
        title(
            "Weights in grace",
            "since the first failing score; grey: after so many more sessions, if every score fails",
        ),
    )
