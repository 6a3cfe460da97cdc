"""What the Prefect UI shows of a run: a summary and the target table, as artifacts."""

from collections.abc import Mapping
from datetime import date

import polars as pl
from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from tasks.ingest import Ingested
from tasks.ledger import OpenRun
from tasks.settings import Settings

_SUMMARY_HEADER = """| portfolio | positions | invested | cash | opened | closed | increased | decreased | turnover |
|---|---|---|---|---|---|---|---|---|"""


@task(name="report", cache_policy=NO_CACHE, persist_result=False)
def report(settings: Settings, day: date, run: OpenRun, ingested: tuple[Ingested, ...]) -> str:
    """Store the run's artifacts and give its summary in one sentence."""
    warehouse = settings.open_warehouse()
    summary = warehouse.query("day_summary", run_id=run.run_id)
    targets = warehouse.query("targets_of_days", days=[day])
    markdown = _markdown(day, run, summary, ingested)
    create_markdown_artifact(markdown, key="daily-rebalance", description=run.run_id)
    create_table_artifact(_target_rows(targets, run.run_id), key="targets", description=f"Targets of {run.run_id}")
    sentence = "; ".join([summarise(summary), *summarise_refusals(ingested)])
    get_run_logger().info("report: %s", sentence)
    return sentence


@task(name="report failure", cache_policy=NO_CACHE, persist_result=False)
def report_failure(settings: Settings, day: date, run_id: str, reason: str) -> None:
    """Store why a run that is held, rejected or failed leaves the published targets as they are, as an artifact."""
    state = settings.open_warehouse().query("run_by_id", run_id=run_id)["state"].to_list()
    markdown = f"# {day}: {', '.join(state) or 'not recorded'}\n\n{reason}\n\nRun `{run_id}`"
    create_markdown_artifact(markdown, key="daily-rebalance", description=run_id)


@task(name="report proposal", cache_policy=NO_CACHE, persist_result=False)
def report_proposal(settings: Settings, day: date, run: OpenRun, reasons: Mapping[str, str]) -> str:
    """Store the artifacts of a run that waits for approval, and give its summary in one sentence.

    *Requires* in `reasons`, for each portfolio that asks for approval, why.
    """
    summary = settings.open_warehouse().query("day_summary", run_id=run.run_id)
    asked = "\n".join(f"- {portfolio_id}: {reason}" for portfolio_id, reason in reasons.items())
    markdown = f"# Proposed targets of {day}\n\n{asked}\n\nRun `{run.run_id}`"
    create_markdown_artifact(markdown, key="daily-rebalance", description=run.run_id)
    return summarise(summary)


def with_warnings(sentence: str, *warnings: str) -> str:
    """Put each warning on a line of its own below the sentence."""
    return "\n".join([sentence, *(f"warning: {one}" for one in warnings)])


def warn_of_later_days(settings: Settings, run_id: str) -> tuple[str, ...]:
    """Say which days after the run's rest on targets that it replaced, and what brings them up to date."""
    later = settings.open_warehouse().query("days_to_bring_up_to_date", run_id=run_id)
    n_days, first, last = later.row(0)
    if not n_days:
        return ()
    rest = f"1 later day, {first}, rests" if n_days == 1 else f"{n_days} later days, {first} to {last}, rest"
    repair = f"`ballast backfill --from {first} --to {last}` brings {'it' if n_days == 1 else 'them'} up to date"
    return (f"{rest} on targets that this run replaced: {repair}",)


def summarise(summary: pl.DataFrame) -> str:
    """Say what a run did to each portfolio. *Requires* the columns of the query `day_summary`."""
    return "; ".join(
        f"{row['portfolio_id']} {row['n_positions']} positions, {row['n_open']} opened, {row['n_close']} closed, "
        f"cash {row['cash_weight']:.4f}"
        for row in summary.iter_rows(named=True)
    )


def summarise_refusals(ingested: tuple[Ingested, ...]) -> tuple[str, ...]:
    """Say how many rows were refused; nothing when none was."""
    n_refused = sum(one.ingest.rows_rejected for one in ingested)
    rows = "1 row" if n_refused == 1 else f"{n_refused} rows"
    return (f"{rows} refused, see rejected_rows",) if n_refused else ()


def _markdown(day: date, run: OpenRun, summary: pl.DataFrame, ingested: tuple[Ingested, ...]) -> str:
    rows = "\n".join(
        f"| {row['portfolio_id']} | {row['n_positions']} | {row['invested_weight']:.4f} | {row['cash_weight']:.4f} "
        f"| {row['n_open']} | {row['n_close']} | {row['n_increase']} | {row['n_decrease']} | {row['turnover']:.4f} |"
        for row in summary.iter_rows(named=True)
    )
    rejected = [one for one in ingested if one.ingest.rows_rejected]
    refusals = [
        f"- {one.ingest.rows_rejected} of {one.ingest.rows_read} rows of {one.source} were refused: "
        f"see `rejected_rows`, `ingest_id = {one.ingest.ingest_id}`"
        for one in rejected
    ]
    notes = "\n".join([*(refusals or ["Every row was accepted."]), *(f"- Warning: {one}" for one in run.warnings)])
    return f"# Targets of {day}\n\n{notes}\n\n{_SUMMARY_HEADER}\n{rows}\n\nRun `{run.run_id}`"


def _target_rows(targets: pl.DataFrame, run_id: str) -> list[dict[str, object]]:
    shown = targets.filter(pl.col("run_id") == run_id).select(
        "portfolio_id",
        "asset",
        "bucket",
        pl.col("target_weight", "current_weight", "trade_weight").cast(pl.String),
        "action",
        "target_reason",
    )
    return shown.to_dicts()
