"""The page with a run's charts: drawn without network, and part of the page itself, so that it shows offline."""

import base64
import re

import vl_convert

from tasks.reports.chart_data import ChartRows
from tasks.reports.chart_parts import Chart
from tasks.reports.charts import charts_of


def chart_page(title: str, rows: ChartRows, note: str) -> str:
    """Return the charts as Markdown, the note before them. *Requires* rows of ten portfolios at most."""
    return "\n\n".join(filter(None, [f"# {title}", note, *map(as_image, charts_of(rows))]))


def as_image(chart: Chart) -> str:
    """Draw a chart as SVG inside a Markdown image.

    Prefect shows it so without network; an image artifact has the whole address as text below the image.
    """
    svg: str = vl_convert.vegalite_to_svg(chart.to_dict(validate=False))
    data = base64.b64encode(_shorten_numbers(svg).encode()).decode()
    return f"![{chart.title.text}](data:image/svg+xml;base64,{data})"


def _shorten_numbers(svg: str) -> str:
    """Cut the coordinates to hundredths of a pixel: a third of the size."""
    return re.sub(r'="[^"]*"', lambda attribute: re.sub(r"(\.\d\d)\d+", r"\1", attribute[0]), svg)
