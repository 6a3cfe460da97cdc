"""What the charts of a run have in common: colours, axes, panels, titles.

What does not belong here: a chart (charts.py, risk_charts.py).
"""

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import altair as alt
import polars as pl

Chart: TypeAlias = alt.FacetChart | alt.VConcatChart | alt.LayerChart
AnyChart = TypeVar("AnyChart", alt.FacetChart, alt.VConcatChart, alt.LayerChart)

MORE, LESS, SAME, BEFORE, LIMIT = "#0072B2", "#D55E00", "#555555", "#C9CFD8", "#111111"
"""Blue and vermilion are distinct with any colour vision, and so is each of them from the greys."""

LINES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999933", "#332288", "#777777"]
"""Colours of the ten portfolios of a chart at most; each has a shape of its own too."""

WIDTH, PANEL = 560, 132
_DAYS_WITH_POINTS = 15
LABEL_ROOM = 1.35
"""The axis of weights ends that much above the largest, for the words beside the bars."""

ROWS = alt.NamedData("rows")
BASE = alt.Chart()
# The background is white in the dark theme too. Screen readers get the words of the page instead.
CONFIG = alt.Config(
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


def day_axis() -> alt.X:
    """Return the axis of trading days, without gaps."""
    return alt.X("as_of_date:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False))


def by_portfolio(rows: pl.DataFrame) -> tuple[alt.Color, alt.Shape]:
    """Return colour and shape of the line of each portfolio."""
    names = rows["portfolio_id"].unique().sort().to_list()
    shape = alt.Shape("portfolio_id:N", scale=alt.Scale(domain=names))
    return colour("portfolio_id", **dict(zip(names, LINES, strict=False))), shape


def points(rows: pl.DataFrame) -> alt.OverlayMarkDef | bool:
    """Return the point of each day on a line; none where there are many days."""
    return alt.OverlayMarkDef(filled=True, size=45) if rows["as_of_date"].n_unique() <= _DAYS_WITH_POINTS else False


def days_shown(rows: pl.DataFrame) -> str:
    """Return in words of how many days there are rows."""
    n_days = rows["as_of_date"].n_unique()
    return "the first day" if n_days == 1 else f"the last {n_days} days"


def scale_of(rows: pl.DataFrame, *columns: str) -> tuple[alt.Scale, float]:
    """Return the axis of the weights in these columns, and where it ends."""
    widest = rows.select(pl.max_horizontal(pl.col(*columns).max())).item() or 1.0
    return alt.Scale(domain=[0, widest * LABEL_ROOM], nice=False), widest * LABEL_ROOM


def weight_axis(column: str, scale: alt.Scale, n_ticks: int = 6) -> alt.X:
    """Return the axis of weights, in percent."""
    return alt.X(f"{column}:Q", title=None, scale=scale, axis=alt.Axis(format=".0%", tickCount=n_ticks))


def name_axis(column: str) -> alt.Y:
    """Return the axis of names, in the order of the rows."""
    return alt.Y(f"{column}:N", sort=None, title=None, axis=alt.Axis(grid=False))


def colour(column: str, **colours: str) -> alt.Color:
    """Return the colour of each value of a column."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{column}:N", scale=scale, title=None)


def tip(**fields: str) -> list[alt.Tooltip]:
    """Return the tooltips of a mark, where the chart is not a still one. *Requires* their words, and the fields."""
    return [
        alt.Tooltip(field, title=words, format=".2%") if field.endswith(":Q") else alt.Tooltip(field, title=words)
        for words, field in fields.items()
    ]


def cap_line(column: str) -> alt.Chart:
    """Draw a limit as a dashed line."""
    rule: alt.Chart = BASE.mark_rule(color=LIMIT, strokeDash=[4, 3]).encode(x=alt.X(f"max({column}):Q"))
    return rule


def row_labels(base: alt.Chart, edge: float) -> alt.Chart:
    """Write the words of each row at the right edge, where no bar and no line is in their way."""
    words: alt.Chart = base.mark_text(align="right", fontSize=10, color="#222222").encode(
        x=alt.XDatum(edge), text=alt.Text("label:N")
    )
    return words


def panel_each(rows: pl.DataFrame, layers: Sequence[alt.Chart], title: alt.Title) -> alt.FacetChart:
    """Put one panel a portfolio below the other, each with names of its own."""
    panel = alt.LayerChart(layer=list(layers), width=WIDTH, height=alt.Step(20))
    facet: alt.FacetChart = panel.facet(alt.Facet("portfolio_id:N"), data=ROWS, columns=1, spacing=18)
    facet.resolve = alt.Resolve(scale=alt.ScaleResolveMap(y="independent"))
    return with_rows(facet, rows, title)


def with_rows(chart: AnyChart, rows: pl.DataFrame, title: alt.Title) -> AnyChart:
    """Put the rows into the chart, which was made for them, once for all of its layers, and its title above."""
    # properties() would copy it all, and the pages of a hundred portfolios have five hundred charts.
    chart.title, chart.config, chart.datasets = title, CONFIG, {"rows": rows.to_dicts()}
    return chart


def title(text: str, *subtitle: str) -> alt.Title:
    """Return a title with notes below it."""
    return alt.Title(text, subtitle=list(subtitle))
