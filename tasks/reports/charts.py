"""The charts of a run, made with Altair: one function a chart, from a frame.

What does not belong here: which rows are shown (chart_data.py), how a chart gets onto a page (chart_page.py).
"""

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

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

Chart: TypeAlias = alt.FacetChart | alt.VConcatChart | alt.LayerChart
AnyChart = TypeVar("AnyChart", alt.FacetChart, alt.VConcatChart, alt.LayerChart)

MORE, LESS, SAME, BEFORE, LIMIT = "#0072B2", "#D55E00", "#555555", "#C9CFD8", "#111111"
"""Blue and vermilion are distinct with any colour vision, and so is each of them from the greys."""

LINES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999933", "#332288", "#777777"]
"""Colours of the ten portfolios of a chart at most; each has a shape of its own too."""

_WIDTH, _PANEL = 560, 132
_DAYS_WITH_POINTS = 15
LABEL_ROOM = 1.35
"""The axis of weights ends that much above the largest, for the words beside the bars."""

_WEIGHTS = {"before": "current_weight:Q", "target": "target_weight:Q"}
_BOOK = {**_WEIGHTS, "after": "post_trade_weight:Q"}
_ROWS = alt.NamedData("rows")
_BASE = alt.Chart()
# The background is white in the dark theme too. Screen readers get the words of the page instead.
_CONFIG = alt.Config(
    font="Helvetica, Arial, sans-serif",
    background="white",
    padding=14,
    aria=False,
    view=alt.ViewConfig(stroke=None),
    axis=alt.AxisConfig(
        labelFontSize=11, labelLimit=180, domain=False, ticks=False, gridColor="#ECECEC", labelPadding=5
    ),
    title=alt.TitleConfig(anchor="start", fontSize=15, subtitleFontSize=11, subtitleColor="#555555", offset=12),
    header=alt.HeaderConfig(labelFontSize=12, labelFontWeight="bold", labelAnchor="start", title=None),
    legend=alt.LegendConfig(orient="top", title=None, labelFontSize=11),
)


def charts_of(rows: ChartRows, past: pl.DataFrame | None = None, grace: pl.DataFrame | None = None) -> list[Chart]:
    """Return the charts of portfolios in their order; none of what has no rows.

    `past` adds the weights of one portfolio over time, `grace` those of its holdings in grace. *Requires* there the
    rows of `past_weights` and of `grace_rows`.
    """
    has_position = not rows.weights.filter(~pl.col("is_cash"), pl.col("target_weight") > 0).is_empty()
    charts: list[Chart] = [weights_before_and_after(rows.weights)] if rows.weights.height else []
    charts += [stages_of_the_largest(rows.weights)] if has_position else []
    charts += [buckets_against_limits(rows.buckets)] if rows.buckets.height else []
    charts += [cash_and_turnover(rows.history)] if rows.history.height else []
    if past is not None and past["as_of_date"].n_unique() > 1:
        charts.append(weights_over_time(past))
    charts += [weights_in_grace(grace)] if grace is not None and grace.height else []
    return charts


def weights_before_and_after(weights: pl.DataFrame) -> alt.FacetChart:
    """Show each asset's weight before, as target and after the trades, a panel a portfolio, with the cap as a line.

    *Requires* the columns of the query `chart_weights`.
    """
    rows = weight_rows(weights)
    scale, edge = _scale_of(rows, "target_weight", "current_weight", "post_trade_weight", "max_single_position")
    told = {"trade": "trade_weight:Q", "reason": "trade_reason:N", "why": "target_reason:N"}
    base = _BASE.encode(y=_names("asset"), tooltip=_tip(asset="asset:N", bucket="bucket:N", **_BOOK, **told))
    layers = (
        base.mark_bar(height=15, color=BEFORE).encode(x=_weight("current_weight", scale)),
        base.mark_bar(height=8).encode(
            x=_weight("post_trade_weight", scale), color=_colour("trade", bought=MORE, sold=LESS, kept=SAME)
        ),
        base.mark_tick(color=LIMIT, thickness=2, size=14).encode(x=_weight("target_weight", scale)),
        _cap("max_single_position"),
        _labels(base, edge),
    )
    is_cut = rows.group_by("portfolio_id").len()["len"].max() == MOST_ASSETS
    return _a_panel_each(
        rows,
        layers,
        _title(
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
    scale, edge = _scale_of(rows, "high", "cap")
    order = alt.Y("stage:N", title=None, scale=alt.Scale(domain=list(STAGES)), axis=alt.Axis(grid=False))
    base = _BASE.encode(y=order, tooltip=_tip(asset="name:N", stage="stage:N", change="label:N", weight="level:Q"))
    layers = (
        base.mark_bar(height=10).encode(
            x=_weight("low", scale, n_ticks=3),
            x2=alt.X2("high:Q"),
            color=_colour("kind", weight=SAME, added=MORE, cut=LESS),
        ),
        base.mark_tick(color=SAME, thickness=1.5, size=10).encode(x=_weight("level", scale, n_ticks=3)),
        _cap("cap"),
        _labels(base, edge),
    )
    panels = alt.LayerChart(layer=list(layers), width=_PANEL, height=alt.Step(15)).facet(
        alt.Facet("name:N", sort=rows["name"].unique(maintain_order=True).to_list()),
        data=_ROWS,
        columns=PANELS_IN_A_ROW,
        spacing=16,
    )
    return _with_rows(
        panels,
        rows,
        _title(
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
    scale, edge = _scale_of(rows, "end")
    tip = _tip(bucket="bucket:N", **_WEIGHTS, limit="limit_weight:Q", state="state:N")
    base = _BASE.encode(y=_names("bucket"), tooltip=tip)
    colour = _colour("state", **{"at its limit": LESS, "below its limit": MORE, "no limit": SAME})
    layers = (
        base.mark_bar(height=15, color=BEFORE).encode(x=_weight("current_weight", scale)),
        base.mark_bar(height=8).encode(x=_weight("target_weight", scale), color=colour),
        base.mark_tick(color=LIMIT, thickness=2, size=16).encode(x=_weight("limit_weight", scale)),
        _labels(base, edge),
    )
    return _a_panel_each(
        rows,
        layers,
        _title(
            "Buckets against their limits",
            "wide: before; narrow: target; black line: limit; in percent of the portfolio",
        ),
    )


def cash_and_turnover(history: pl.DataFrame) -> alt.VConcatChart:
    """Show cash and one-way turnover of the last days, a line a portfolio.

    *Requires* the columns of the query `chart_history`.
    """
    rows = history_rows(history)
    portfolios = rows["portfolio_id"].unique().sort().to_list()
    n_days = rows["as_of_date"].n_unique()
    line = alt.Chart(_ROWS).encode(
        x=_days(),
        color=_colour("portfolio_id", **dict(zip(portfolios, LINES, strict=False))),
        shape=alt.Shape("portfolio_id:N", scale=alt.Scale(domain=portfolios)),
        tooltip=_tip(portfolio="portfolio_id:N", day="as_of_date:O", cash="cash_weight:Q", turnover="turnover:Q"),
    )
    point = alt.OverlayMarkDef(filled=True, size=45) if n_days <= _DAYS_WITH_POINTS else False
    panels = [
        line.mark_line(strokeWidth=2, point=point)
        .encode(y=alt.Y(f"{column}:Q", title=None, axis=alt.Axis(format=".0%", tickCount=4)))
        .properties(width=_WIDTH, height=120, title=alt.Title(words, fontSize=12, offset=4))
        for column, words in (("cash_weight", "Cash after the trades"), ("turnover", "Turnover, one-way"))
    ]
    return _with_rows(
        alt.vconcat(*panels),
        rows,
        _title(
            "Cash and turnover over time",
            f"{'the first day' if n_days == 1 else f'the last {n_days} days'}, in percent of the portfolio",
        ),
    )


def weights_over_time(past: pl.DataFrame) -> alt.LayerChart:
    """Show the weights of one portfolio's largest positions over the last days: the stronger, the more.

    *Requires* the columns of `past_weights`.
    """
    rows = history_rows(past)
    shade = alt.Scale(domainMin=0, range=[0.08, 1])
    tiles = _BASE.mark_rect(color=MORE, stroke="white").encode(
        x=_days(),
        y=_names("asset"),
        opacity=alt.Opacity("target_weight:Q", scale=shade, legend=None),
        tooltip=_tip(asset="asset:N", day="as_of_date:O", target="target_weight:Q"),
    )
    chart = alt.LayerChart(layer=[tiles], data=_ROWS, width=_WIDTH, height=alt.Step(17))
    return _with_rows(
        chart, rows, _title("Weights over time", "the largest positions of now: the stronger the colour, the larger")
    )


def weights_in_grace(grace: pl.DataFrame) -> alt.FacetChart:
    """Show the weights of holdings in grace, day by day, and what they come to if every further score fails.

    *Requires* what `grace_rows` returns, of one portfolio.
    """
    day = alt.X("day:O", title=None, sort=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False))
    weight = alt.Y("weight:Q", title=None, axis=alt.Axis(format=".0%", tickCount=3))
    base = _BASE.encode(x=day, tooltip=_tip(asset="asset:N", day="day:O", weight="weight:Q", then="kind:N"))
    bars = base.mark_bar().encode(y=weight, color=_colour("kind", held=MORE, **{"if it fails": BEFORE}))
    panels = alt.LayerChart(layer=[bars], width=_PANEL, height=60).facet(
        alt.Facet("asset:N", sort=None), data=_ROWS, columns=PANELS_IN_A_ROW, spacing=16
    )
    panels.resolve = alt.Resolve(scale=alt.ScaleResolveMap(x="independent"))
    return _with_rows(
        panels,
        grace,
        _title(
            "Weights in grace",
            "since the first failing score; grey: after so many more sessions, if every score fails",
        ),
    )


def _days() -> alt.X:
    return alt.X("as_of_date:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False))


def _scale_of(rows: pl.DataFrame, *columns: str) -> tuple[alt.Scale, float]:
    """Return the axis of the weights in these columns, and where it ends."""
    widest = rows.select(pl.max_horizontal(pl.col(*columns).max())).item() or 1.0
    return alt.Scale(domain=[0, widest * LABEL_ROOM], nice=False), widest * LABEL_ROOM


def _weight(column: str, scale: alt.Scale, n_ticks: int = 6) -> alt.X:
    return alt.X(f"{column}:Q", title=None, scale=scale, axis=alt.Axis(format=".0%", tickCount=n_ticks))


def _names(column: str) -> alt.Y:
    return alt.Y(f"{column}:N", sort=None, title=None, axis=alt.Axis(grid=False))


def _colour(column: str, **colours: str) -> alt.Color:
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{column}:N", scale=scale, title=None)


def _tip(**fields: str) -> list[alt.Tooltip]:
    """Return the tooltips of a mark, where the chart is not a still one. *Requires* their words, and the fields."""
    return [
        alt.Tooltip(field, title=words, format=".2%") if field.endswith(":Q") else alt.Tooltip(field, title=words)
        for words, field in fields.items()
    ]


def _cap(column: str) -> alt.Chart:
    rule: alt.Chart = _BASE.mark_rule(color=LIMIT, strokeDash=[4, 3]).encode(x=alt.X(f"max({column}):Q"))
    return rule


def _labels(base: alt.Chart, edge: float) -> alt.Chart:
    """Write the words of each row at the right edge, where no bar and no line is in their way."""
    words: alt.Chart = base.mark_text(align="right", fontSize=10, color="#222222").encode(
        x=alt.XDatum(edge), text=alt.Text("label:N")
    )
    return words


def _a_panel_each(rows: pl.DataFrame, layers: Sequence[alt.Chart], title: alt.Title) -> alt.FacetChart:
    """Put one panel a portfolio below the other, each with names of its own."""
    panel = alt.LayerChart(layer=list(layers), width=_WIDTH, height=alt.Step(20))
    facet: alt.FacetChart = panel.facet(alt.Facet("portfolio_id:N"), data=_ROWS, columns=1, spacing=18)
    facet.resolve = alt.Resolve(scale=alt.ScaleResolveMap(y="independent"))
    return _with_rows(facet, rows, title)


def _with_rows(chart: AnyChart, rows: pl.DataFrame, title: alt.Title) -> AnyChart:
    """Put the rows into the chart, which was made for them, once for all of its layers, and its title above."""
    # properties() would copy it all, and the pages of a hundred portfolios have five hundred charts.
    chart.title, chart.config, chart.datasets = title, _CONFIG, {"rows": rows.to_dicts()}
    return chart


def _title(text: str, *subtitle: str) -> alt.Title:
    return alt.Title(text, subtitle=list(subtitle))
