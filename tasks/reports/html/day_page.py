"""The page of a day: one HTML file that opens without network, with tables, charts and what to look at first.

Pure text from frames. Every text of a file is escaped by the template, and the page itself forbids its browser to run
any script but its own two, and to ask any server. What does not belong here: reading (data.py), writing the file.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import jinja2
import polars as pl
import vl_convert

from tasks.reports import day_tables
from tasks.reports.chart_data import ChartRows
from tasks.reports.chart_parts import LABEL_ROOM
from tasks.reports.html.data import DayRows
from tasks.reports.html.figures import Figure, portfolio_figures
from tasks.reports.html.headline import cash_sentence, judge, trade_sentence
from tasks.reports.lifecycle_tables import lifecycle_tables
from tasks.reports.outlook import of_portfolio
from tasks.reports.risk_data import risk_tables
from tasks.reports.summary import left_out, moves_of
from tasks.reports.tables import Table

MOST_OPEN = 5
"""Portfolios that are open at first: the charts of the others are drawn when they are opened."""

_FOLDER = files("tasks").joinpath("reports", "html", "assets")
_PACKAGES = ("ballast", "polars", "duckdb", "prefect", "altair")


@dataclass(frozen=True)
class Section:
    """One portfolio on the page: its anchor and numbers, its cash and trades in words, its charts and tables."""

    anchor: str
    name: str
    state: str
    run_id: str
    numbers: Mapping[str, Any]
    cash: str
    trading: str
    figures: tuple[Figure, ...]
    trades: Table
    tables: tuple[Table, ...]


def page_of(rows: DayRows) -> str:
    """Return the page of a day as HTML."""
    runtime, script = _runtime(), _read("page.js")
    sections = tuple(_section(rows, number, *row) for number, row in enumerate(rows.shown.iter_rows(), 1))
    template = _environment().from_string(_read("page.html"))
    return template.render(
        day=rows.day,
        verdict=judge(rows),
        sections=sections,
        n_portfolios=rows.portfolios.height,
        overview=_overview(rows),
        trade_totals=day_tables.trade_totals(
            rows.shown.select("portfolio_id").join(rows.summary, on="portfolio_id", maintain_order="left")
        ),
        is_open=len(sections) <= MOST_OPEN,
        rejected=(day_tables.rejected_files(rows.refused_files), day_tables.rejected_rows(rows.refused_rows)),
        unpublished=day_tables.unpublished(rows.missing, rows.staying),
        provenance=day_tables.provenance(rows.runs, rows.sources),
        label_room=LABEL_ROOM,
        published_at=rows.runs["published_at"].max(),
        versions={name: version(name) for name in _PACKAGES},
        style=_read("page.css"),
        scripts=(runtime, script),
        hashes=[_hash(one) for one in (runtime, script)],
    )


def _section(rows: DayRows, number: int, portfolio_id: str, run_id: str, state: str) -> Section:
    """Return one portfolio: of every frame its own rows."""
    charts = ChartRows(*(frame.filter(portfolio_id=portfolio_id) for frame in rows.charts))
    decisions, checks, changes = (_own(frame, portfolio_id) for frame in (rows.decisions, rows.checks, rows.changes))
    return Section(
        anchor=f"portfolio-{number}",
        name=portfolio_id,
        state=state,
        run_id=run_id,
        numbers=_own(rows.summary, portfolio_id).row(0, named=True),
        cash=cash_sentence(_own(rows.sizing, portfolio_id).row(0, named=True)),
        trading=trade_sentence(_own(rows.summary, portfolio_id).row(0, named=True)),
        figures=portfolio_figures(charts, _own(rows.past, portfolio_id), _own(rows.grace, portfolio_id)),
        trades=day_tables.trades(moves_of(charts.weights, changes)),
        tables=(
            *lifecycle_tables(of_portfolio(rows.outlook, portfolio_id)),
            *risk_tables(charts.weights, _own(rows.without_volatility, portfolio_id)),
            day_tables.orders(_own(rows.orders, portfolio_id), _own(rows.order_status, portfolio_id)),
            day_tables.not_the_change(charts.weights),
            day_tables.opened_and_closed(charts.weights, decisions),
            day_tables.below_the_line(decisions),
            day_tables.limits(checks),
            day_tables.positions(charts.weights),
        ),
    )


def _overview(rows: DayRows) -> Table:
    """Return a row per portfolio with a section; its note is what the others do, and how to see one of them."""
    others = f"The page of one of them: ballast report --as-of {rows.day} --portfolio NAME"
    shown = rows.shown.select("portfolio_id", "state").join(rows.summary, on="portfolio_id", maintain_order="left")
    return day_tables.portfolios(shown, left_out(rows.summary, shown, others))


def _own(rows: pl.DataFrame, portfolio_id: str) -> pl.DataFrame:
    return rows.filter(portfolio_id=portfolio_id)


@cache
def _environment() -> jinja2.Environment:
    """Escape every text unless the template says that it is ours."""
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def _read(name: str) -> str:
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")


@cache
def _runtime() -> str:
    """Return what draws the charts in a browser, with all that it needs: made once, since it takes two seconds."""
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle


def _hash(script: str) -> str:
    """Name a script as a content security policy does."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
