"""The charts of one portfolio on the page of a day: those of charts.py, as specs that a browser draws.

What does not belong here: what a chart shows (charts.py), how it gets its width and is drawn (assets/page.js).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt
import polars as pl

from tasks.reports.chart_page import PictureRows
from tasks.reports.charts import (
    BEFORE,
    LESS,
    LIMIT,
    MORE,
    SAME,
    Picture,
    buckets_against_limits,
    cash_and_turnover,
    stages_of_the_largest,
    weights_before_and_after,
    weights_over_time,
)

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
"""A colour of a still picture is one of the page's: light, dark and on paper it is another."""


@dataclass(frozen=True)
class Chart:
    """A chart with its title and what it says below that, and the spec to draw it from."""

    title: str
    notes: tuple[str, ...]
    spec: Spec


def portfolio_charts(rows: PictureRows, past: pl.DataFrame) -> tuple[Chart, ...]:
    """Give the charts of one portfolio; none of what has no rows. *Requires* its rows, and those of `past_weights`."""
    held = rows.weights.filter(~pl.col("is_cash"), pl.col("target_weight") > 0)
    pictures: tuple[tuple[Callable[[pl.DataFrame], Picture], pl.DataFrame, bool], ...] = (
        (weights_before_and_after, rows.weights, not rows.weights.is_empty()),
        (stages_of_the_largest, rows.weights, not held.is_empty()),
        (buckets_against_limits, rows.buckets, not rows.buckets.is_empty()),
        (cash_and_turnover, rows.history, not rows.history.is_empty()),
        (weights_over_time, past, past["as_of_date"].n_unique() > 1),
    )
    return tuple(_chart(draw(frame)) for draw, frame, is_shown in pictures if is_shown)


def _chart(picture: Picture) -> Chart:
    rows, picture.datasets = picture.datasets["rows"], alt.Undefined  # to_dict() would look into every value of them
    spec = picture.to_dict(validate=False)
    title = spec.pop("title")
    for left_to_the_page in ("config", "$schema"):
        spec.pop(left_to_the_page, None)
    spec = _recoloured(_of_one(spec))
    used = set(_fields(spec))
    spec["datasets"] = {"rows": [{name: value for name, value in row.items() if name in used} for row in rows]}
    subtitle = title["subtitle"]
    return Chart(title["text"], tuple([subtitle] if isinstance(subtitle, str) else subtitle), spec)


def _of_one(spec: Spec) -> Spec:
    """Leave out what tells portfolios apart: there is one."""
    if spec.get("facet", {}).get("field") == "portfolio_id":
        return {"data": spec["data"], **spec["spec"]}
    for panel in spec.get("vconcat", []):
        panel["encoding"]["color"]["legend"] = panel["encoding"]["shape"]["legend"] = None
    return spec


def _fields(spec: object) -> Iterator[str]:
    """Give the columns that a spec names: the others need not be in the page."""
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
