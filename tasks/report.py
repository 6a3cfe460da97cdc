"""What the Prefect UI shows of a run: a summary and the target table, as artifacts."""

from datetime import date

import polars as pl
from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from tasks.ingest import Ingested
from tasks.settings import Settings

_SUMMARY_HEADER = """| portfolio | positions | invested | cash | opened | closed | increased | decreased | turnover |
|---|---|---|---|---|---|---|---|---|"""


@task(name="report", cache_policy=NO_CACHE, persist_result=False)
def report(settings: Settings, day: date, run_id: str, ingested: tuple[Ingested, ...]) -> str:
    """Store the run's artifacts and give its summary in one sentence."""
    warehouse = settings.open_warehouse()
    summary = warehouse.query("day_summary", run_id=run_id)
    targets = warehouse.query("targets_for_day", as_of_date=day)
    create_markdown_artifact(_markdown(day, run_id, summary, ingested), key="daily-rebalance", description=run_id)
    create_table_artifact(_target_rows(targets, run_id), key="targets", description=f"Targets of {run_id}")
    n_refused = sum(one.ingest.rows_rejected for one in ingested)
    sentence = summarise(summary) + (f"; {n_refused} rows refused, see rejected_rows" if n_refused else "")
    get_run_logger().info("report: %s", sentence)
    return sentence


def summarise(summary: pl.DataFrame) -> str:
    """Say what a run did to each portfolio. *Requires* the columns of the query `day_summary`."""
    return "; ".join(
        f"{row['portfolio_id']} {row['n_positions']} positions, {row['n_open']} opened, {row['n_close']} closed, "
        f"cash {row['cash_weight']:.4f}"
        for row in summary.iter_rows(named=True)
    )


def _markdown(day: date, run_id: str, summary: pl.DataFrame, ingested: tuple[Ingested, ...]) -> str:
    rows = "\n".join(
        f"| {row['portfolio_id']} | {row['n_positions']} | {row['invested_weight']:.4f} | {row['cash_weight']:.4f} "
        f"| {row['n_open']} | {row['n_close']} | {row['n_increase']} | {row['n_decrease']} | {row['turnover']:.4f} |"
        for row in summary.iter_rows(named=True)
    )
    rejected = [one for one in ingested if one.ingest.rows_rejected]
    warnings = "\n".join(
        f"- {one.ingest.rows_rejected} of {one.ingest.rows_read} rows of {one.source} were refused: "
        f"see `rejected_rows`, `ingest_id = {one.ingest.ingest_id}`"
        for one in rejected
    )
    return (
        f"# Targets of {day}\n\n{warnings or 'Every row was accepted.'}\n\n{_SUMMARY_HEADER}\n{rows}\n\nRun `{run_id}`"
    )


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
