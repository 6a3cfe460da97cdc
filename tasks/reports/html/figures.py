"""The charts of one portfolio on the page of a day: those of charts.py, as specs that a browser draws.

What does not belong here: what a chart shows (charts.py), how it gets its width and is drawn (assets/page.js).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt
import polars as pl

from tasks.reports.chart_data import ChartRows
from tasks.reports.chart_parts import BEFORE, LESS, LIMIT, MORE, SAME, Chart
from tasks.reports.charts import charts_of

Spec: TypeAlias = dict[str, Any]

_INKS = {
    MORE: "var(--more)",
    LESS: "var(--less)",
    SAME: "var(--same)",
    BEFORE: "var(--before)",
    LIMIT: "var(--ink)",
    "#222222": "var(--ink)",
    "white": "var(--paper)",
}
"""A colour of a still chart is one of the page's: light, dark and on paper it is another."""


@dataclass(frozen=True)
class Figure:
    """A chart as the page draws it: its title, the notes below that, and its Vega-Lite spec."""

    title: str
    notes: tuple[str, ...]
    spec: Spec


def portfolio_figures(rows: ChartRows, past: pl.DataFrame, grace: pl.DataFrame) -> tuple[Figure, ...]:
    """Return the charts of one portfolio. *Requires* its rows, and those of `past_weights` and `grace_rows`."""
    return tuple(map(_figure, charts_of(rows, past, grace)))


def _figure(chart: Chart) -> Figure:
    rows, chart.datasets = chart.datasets["rows"], alt.Undefined  # to_dict() would look into every value of them
    spec = chart.to_dict(validate=False)
    title = spec.pop("title")
    for left_to_the_page in ("config", "$schema"):
        spec.pop(left_to_the_page, None)
    spec = _recoloured(_without_portfolio(spec))
    used = set(_fields(spec))
    spec["datasets"] = {"rows": [{name: value for name, value in row.items() if name in used} for row in rows]}
    subtitle = title["subtitle"]
    return Figure(title["text"], tuple([subtitle] if isinstance(subtitle, str) else subtitle), spec)


def _without_portfolio(spec: Spec) -> Spec:
    """Leave out what distinguishes portfolios: there is one."""
    if spec.get("facet", {}).get("field") == "portfolio_id":
        return {"data": spec["data"], **spec["spec"]}
    for panel in spec.get("vconcat", []):
        panel["encoding"]["color"]["legend"] = panel["encoding"]["shape"]["legend"] = None
    return spec


def _fields(spec: object) -> Iterator[str]:
    """Return the columns that a spec names: the others need not be in the page."""
    if isinstance(spec, dict):
        if isinstance(spec.get("field"), str):
            yield spec["field"]
        spec = list(spec.values())
    if isinstance(spec, list):
        for part in spec:
            yield from _fields(part)


def _recoloured(spec: Any) -> Any:  # noqa: ANN401 - whatever stands in a spec
    if isinstance(spec, dict):
        return {name: _recoloured(part) for name, part in spec.items()}
    if isinstance(spec, list):
        return [_recoloured(part) for part in spec]
    return _INKS.get(spec, spec) if isinstance(spec, str) else spec
