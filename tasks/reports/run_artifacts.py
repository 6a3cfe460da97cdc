"""What the Prefect UI shows of a run, as artifacts: a summary, the target table, charts where a person decides on it.

Charts take longer to draw than all else of a report: those of what is published are drawn by `ballast report`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from sizing.text import MOST_NAMED
from sql.any_warehouse import AnyWarehouse
from tasks import artifacts
from tasks.artifacts import show_markdown, show_table
from tasks.config.settings import Settings
from tasks.reports import day_tables
from tasks.reports import summary as page
from tasks.reports.chart_data import read_chart_rows
from tasks.reports.lifecycle_tables import lifecycle_tables
from tasks.reports.outlook import read_outlook
from tasks.reports.priority import first_portfolios
from tasks.reports.risk_data import missing_volatilities
from tasks.reports.tables import PORTFOLIO, as_markdown, escape_markdown
from tasks.runs.ingest import Ingested, summarise_rejects
from tasks.runs.run_record import OpenRun
from tasks.stages import run_logger, stage

MOST_TARGETS = 500
"""Rows of the target table: what a browser shows without effort. What is traded comes first where there are more."""

_MOST_ROWS = 20
_CHECK = re.compile(r"(?:^|; )(?=\w+ \(\d+ rows\): )")


class Reported(NamedTuple):
    """What a run does to each portfolio: in one sentence, and the rows of `day_summary`."""

    sentence: str
    summary: pl.DataFrame


@stage("report", is_quick=True)
def report(
    settings: Settings, day: date, run: OpenRun, ingested: tuple[Ingested, ...], warnings: tuple[str, ...]
) -> Reported:
    """Store the artifacts of a run that is published, under all that it warns of."""
    first = (
        page.first_lines(warnings, _describe_rejects(ingested)) or "Every row was accepted, and there is no warning."
    )
    charts = f"The day with its charts, in one HTML file: `ballast report --as-of {day} --open`."
    summary = _show(settings.open_warehouse(), f"Targets of {day}", day, run.run_id, f"{first}\n\n{charts}")
    sentence = "; ".join([summarise(summary), *summarise_rejects(ingested)])
    run_logger().info("report: %s", sentence)
    return Reported(sentence, summary)


@stage("report proposal")
def report_proposal(settings: Settings, day: date, run: OpenRun, reasons: Mapping[str, str]) -> Reported:
    """Store the artifacts of a run that waits for approval.

    *Requires* in `reasons`, for each portfolio that asks for approval, why.
    """
    warehouse = settings.open_warehouse()
    decide = [f"ballast {word} {run.run_id} --approver NAME --note WHY" for word in ("approve", "decline")]
    approve = (
        f"{_requested_by(warehouse, run.run_id)} Nothing of it is visible to execution. To decide, run the deployment "
        f"`publish` with the run id `{run.run_id}`, or\n\n```\n{decide[0]}\n{decide[1]}\n```"
    )
    parts = ["**It waits for approval:**", page.approval_reasons(reasons), page.first_lines(run.warnings), approve]
    first = "\n\n".join(part for part in parts if part)
    query = f"FROM proposed_targets WHERE run_id = '{run.run_id}';"
    title = f"Proposed targets of {day}"
    summary = _show(warehouse, title, day, run.run_id, first, query)
    _show_charts(warehouse, title, run.run_id, summary)
    return Reported(summarise(summary), summary)


def _requested_by(warehouse: AnyWarehouse, run_id: str) -> str:
    """Return who requested a run that waits, and whether another person has to approve it."""
    proposals = warehouse.query("open_proposals").filter(pl.col("run_id") == run_id)
    who = escape_markdown(", ".join(proposals["proposed_by"].unique()))
    return f"{who} requested it" + ("; **somebody else approves**." if proposals["needs_four_eyes"].any() else ".")


@stage("report failure")
def report_failure(settings: Settings, day: date, run_id: str, reason: str) -> None:
    """Store why a run that is held, rejected or failed publishes nothing, with the rows to look at."""
    if not artifacts.are_shown():
        return
    warehouse = settings.open_warehouse()
    with warehouse.kept_open() as kept:
        state = kept.query("run_by_id", run_id=run_id)["state"].to_list()
        rejected = kept.query("chart_rejected_rows", as_of_date=day, most_rows=_MOST_ROWS)
        missing = kept.query("chart_missing_scores", run_id=run_id, most_rows=_MOST_ROWS)
        staying = kept.query("chart_staying_targets", run_id=run_id, most_rows=MOST_NAMED)
    reasons = reason.split("; ") if state == ["held"] else _CHECK.split(reason)
    why = "\n".join(f"- {escape_markdown(one)}" for one in reasons)
    parts = [
        f"# {day}: {', '.join(state) or 'failed'}, nothing was published",
        why,
        f"What was published stays in force. When the cause is fixed: `ballast run --as-of {day}`.",
        *map(as_markdown, (*day_tables.unpublished(missing, staying), day_tables.rejected_rows(rejected))),
        page.sql_block(*page.run_queries(run_id, day)),
        f"Run `{run_id}`",
    ]
    show_markdown("\n\n".join(filter(None, parts)), key="daily-rebalance", description=f"Not published: {run_id}")


@stage("report refusal")
def report_rejection(settings: Settings, days: Sequence[date], reason: str, key: str, again: str) -> bool:
    """Store why content of the days was rejected, with the rows that broke a rule, and return whether that is recorded.

    Without a record there is nothing to show: the file is missing, or could not be fetched.
    """
    rejected = settings.open_warehouse().query("refused_content", days=list(days), most_rows=_MOST_ROWS)
    if rejected.is_empty():
        return False
    span = str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"
    parts = [
        f"# {span}: rejected, nothing was computed",
        f"- {escape_markdown(reason)}",
        f"What was published stays in force. When the file is corrected: `{again}`.",
        as_markdown(day_tables.rejected_rows(rejected.drop_nulls("row_number"))),
        page.sql_block(*page.day_queries(days[0], days[-1])),
    ]
    show_markdown("\n\n".join(filter(None, parts)), key=key, description=f"Rejected: {span}")
    return True


def summarise(summary: pl.DataFrame) -> str:
    """Return what a run did to each portfolio, or to many together: cash is that after the trades.

    *Requires* the columns of the query `day_summary`.
    """
    if summary.height > MOST_NAMED:
        return f"{summary.height:,} portfolios: {page.totals(summary)}"
    return "; ".join(
        f"{row['portfolio_id']} {row['n_positions']} positions, {row['n_open']} opened, {row['n_close']} closed, "
        f"cash {row['cash_after_weight']:.4f}" + _scaled(row["trade_scale"]) + page.lifecycle_counts(row)
        for row in summary.iter_rows(named=True)
    )


def _scaled(scale: float | None) -> str:
    """Return what max_turnover leaves of the trades; nothing where it leaves all."""
    return f", max_turnover leaves {scale:.4f} of the trades" if scale is not None and scale < 1 else ""


def _show(warehouse: AnyWarehouse, title: str, day: date, run_id: str, first: str, *more_queries: str) -> pl.DataFrame:
    """Store summary and targets of a run whose rows are in the tables, and return its `day_summary`."""
    with warehouse.kept_open() as kept:
        summary = kept.query("day_summary", run_ids=[run_id])
        if not artifacts.are_shown():
            return summary
        shown = first_portfolios(summary)
        changes = kept.query("chart_changes", run_id=run_id, portfolio_ids=shown)
        rejected = kept.query("chart_rejected_rows", as_of_date=day, most_rows=_MOST_ROWS)
        weights = kept.query("chart_weights", run_id=run_id, portfolio_ids=shown)
        outlook = read_outlook(kept, [run_id], shown)
        without_volatility = kept.query(
            "chart_missing_volatilities", run_ids=[run_id], portfolio_ids=shown, most_rows=_MOST_ROWS
        )
        ordered = [
            kept.query(name, portfolio_ids=shown, as_of_date=day) for name in ("shown_orders", "shown_order_status")
        ]
    queries = page.sql_block(*page.run_queries(run_id, day), *more_queries)
    orders, status = (frame.filter(run_id=run_id) for frame in ordered)
    special = [
        day_tables.not_the_change(own, f"{own['portfolio_id'][0]}: held back, released and scaled", page.MOST_OPENED)
        for own in weights.partition_by("portfolio_id", maintain_order=True)
    ]
    rest = [
        *map(as_markdown, special),
        *(
            as_markdown(table)
            for own in without_volatility.partition_by("portfolio_id", maintain_order=True)
            for table in missing_volatilities(own, f"{own['portfolio_id'][0]}: without a volatility")
        ),
        as_markdown(day_tables.orders(orders, status, PORTFOLIO)),
        *map(as_markdown, lifecycle_tables(outlook, PORTFOLIO)),
        as_markdown(day_tables.rejected_rows(rejected)),
        queries,
        f"Run `{run_id}`",
    ]
    markdown = page.summary_page(title, [first], summary, page.moves_of(weights, changes), rest)
    show_markdown(markdown, key="daily-rebalance", description=f"{title}: {run_id}")
    targets, cut_off = target_table(weights)
    show_table(targets, key="targets", description=f"{title}{_of_many(shown, summary)}{cut_off}: {run_id}")
    return summary


def _show_charts(warehouse: AnyWarehouse, title: str, run_id: str, summary: pl.DataFrame) -> None:
    """Store the charts of a run. *Requires* its `day_summary`."""
    if not artifacts.are_shown():
        return
    from tasks.reports.chart_page import chart_page  # noqa: PLC0415 - Altair takes a while to import

    shown = first_portfolios(summary)
    with warehouse.kept_open() as kept:
        rows = read_chart_rows(kept, run_id, shown)
    title = f"{title}{_of_many(shown, summary)}"
    others = page.left_out(summary, summary.filter(pl.col("portfolio_id").is_in(shown)), "Each is in `target_changes`")
    show_markdown(chart_page(title, rows, others), key="pictures", description=f"{title} in charts: {run_id}")


def _of_many(shown: Sequence[str], summary: pl.DataFrame) -> str:
    return f" of {len(shown)} of {summary.height} portfolios" if len(shown) < summary.height else ""


def target_table(weights: pl.DataFrame) -> tuple[list[dict[str, object]], str]:
    """Return the rows of the target table, and what is left out, in words. *Requires* those of `chart_weights`."""
    shown = weights
    if weights.height > MOST_TARGETS:
        busiest = weights.sort(pl.col("trade_weight").abs(), "target_weight", descending=True)
        shown = busiest.head(MOST_TARGETS).sort("portfolio_id", "is_cash", maintain_order=True)
    rows = shown.select(
        "portfolio_id",
        "asset",
        "action",
        pl.col("target_weight", "current_weight", "trade_weight", "post_trade_weight").cast(pl.String),
        "trade_reason",
        "bucket",
        "target_reason",
    )
    is_cut = shown.height < weights.height
    return rows.to_dicts(), f", {shown.height} of {weights.height} rows, what is traded first" if is_cut else ""


def _describe_rejects(ingested: Sequence[Ingested]) -> list[str]:
    return [
        f"{one.ingest.rows_rejected} of {one.ingest.rows_read} rows of {one.source}, see them below, or "
        f"FROM rejected_rows WHERE ingest_id = {one.ingest.ingest_id}"
        for one in ingested
        if one.ingest.rows_rejected
    ]
