"""The summary of a run, as Markdown: what to look at, what changed and why, and SQL for more.

Pure text from frames. What does not belong here: reading them, tables (day_tables.py), artifacts (run_artifacts.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from sizing.text import counted, first_of, grouped
from tasks.reports.day_tables import portfolios, trade_totals, trades
from tasks.reports.priority import ORDER, first_portfolios
from tasks.reports.tables import as_markdown, escape_markdown

MOST_MOVES = 3
"""Increases of a portfolio that are shown, and as many decreases: the largest."""

MOST_OPENED = 15
"""Opened and closed positions of a portfolio that are shown, each."""

_LIFECYCLE = {"n_in_grace": "kept in grace", "n_locked": "locked", "n_shut_out": "shut out"}


def summary_page(title: str, first: Sequence[str], day: pl.DataFrame, moves: pl.DataFrame, rest: Sequence[str]) -> str:
    """Return the summary of a run: what to look at, each portfolio in a line, what changed and why.

    *Requires* in `day` the columns of the query `day_summary`, in `moves` those of `moves_of`; of many portfolios only
    those of `first_portfolios` are shown. The rest ends the page.
    """
    shown = day.filter(pl.col("portfolio_id").is_in(first_portfolios(day)))
    others = left_out(day, shown, "Each is in `target_changes`")
    sections = [_largest_trades(name, moves.filter(portfolio_id=name)) for name in shown["portfolio_id"]]
    parts = [
        f"# {title}",
        *first,
        as_markdown(portfolios(shown)),
        as_markdown(trade_totals(shown)),
        others,
        *sections,
        *rest,
    ]
    return "\n\n".join(part for part in parts if part)


def left_out(day: pl.DataFrame, shown: pl.DataFrame, where: str) -> str:
    """Return what the portfolios do that are not shown, and where each is; nothing where all are.

    *Requires* the columns of the query `day_summary`.
    """
    rest = day.join(shown, on="portfolio_id", how="anti")
    if rest.is_empty():
        return ""
    return f"{ORDER[0].upper()}{ORDER[1:]}. {rest.height:,} more: {totals(rest)}. {where}."


def totals(day: pl.DataFrame) -> str:
    """Return the sums of what portfolios do together. *Requires* the columns of the query `day_summary`."""
    counts, cash_after = pl.col("n_positions", "n_open", "n_close", *_LIFECYCLE).sum(), pl.col("cash_after_weight")
    row = day.select(counts, n_cash=(cash_after > 0).sum(), cash=cash_after.max()).row(0, named=True)
    n_cash, cash = row["n_cash"], row["cash"]
    in_cash = f"cash after the trades in {n_cash:,} of them, at most {cash:.4f}" if n_cash else "no cash"
    moved = f"{row['n_positions']:,} positions, {row['n_open']:,} opened, {row['n_close']:,} closed"
    return f"{moved}, {in_cash}{lifecycle_counts(row)}"


def lifecycle_counts(row: Mapping[str, int]) -> str:
    """Return how many names are in grace, locked or shut out, after a comma. *Requires* a row of `day_summary`."""
    return "".join(f", {row[name]:,} {words}" for name, words in _LIFECYCLE.items() if row[name])


def moves_of(weights: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Return what is traded with the reason in words, the largest trades first.

    *Requires* the columns of the queries `chart_weights` and `chart_changes`. The reason of a close is its gate, of
    everything else what moved since the day before; where there is none, how the target came about.
    """
    own = ~pl.element().str.contains(r"^(others|holding) ")
    moved = pl.col("change_reason").str.split("; ").list.eval(pl.element().filter(own)).list.join("; ")
    since = pl.when((pl.col("action") != "close") & (moved != "")).then(moved)
    return (
        weights.filter(~pl.col("is_cash"), pl.col("action") != "hold")
        .join(
            changes.select("portfolio_id", "asset", "change_reason", "previous_as_of_date"),
            on=["portfolio_id", "asset"],
            how="left",
        )
        .with_columns(
            why=pl.when(pl.col("previous_as_of_date").is_not_null())
            .then(pl.coalesce(since, "target_reason"))
            .otherwise("target_reason")
        )
        .sort("portfolio_id", pl.col("trade_weight").abs(), "asset", descending=[False, True, False])
    )


def first_lines(warnings: Sequence[str], refusals: Sequence[str] = ()) -> str:
    """Return what to look at first as a list; nothing where there is nothing."""
    lines = [("Warning", one) for one in warnings] + [("Rejected", one) for one in refusals]
    return "\n".join(f"- **{word}:** {escape_markdown(one)}" for word, one in lines)


def sql_block(*queries: str) -> str:
    """Return SQL for more detail, ready to run on the snapshot."""
    text = "\n".join(queries)
    return f"### Ask on\n\nWith `ballast sql`, or any DuckDB client on the snapshot:\n\n```sql\n{text}\n```"


def run_queries(run_id: str, day: date) -> tuple[str, ...]:
    """Return the SQL that shows the events of a run, and the rejected rows and the runs of its day."""
    return (f"FROM run_events WHERE run_id = '{run_id}' ORDER BY event_id;", *day_queries(day, day))


def day_queries(first: date, last: date) -> tuple[str, ...]:
    """Return the SQL that shows the rejected files and rows and the runs of a range of days."""
    within = f"as_of_date BETWEEN DATE '{first}' AND DATE '{last}'"
    return tuple(f"FROM {view} WHERE {within};" for view in ("refused_files", "rejected_rows", "run_health"))


def approval_reasons(reasons: Mapping[str, str]) -> str:
    """Return why each portfolio requires approval, as a list: of many the first, and how many more."""
    lines = [f"**{escape_markdown(names)}:** {escape_markdown(reason)}" for names, reason in grouped(reasons.items())]
    return "\n".join(f"- {one}" for one in first_of(lines))


def _largest_trades(portfolio_id: str, moves: pl.DataFrame) -> str:
    most = pl.when(pl.col("action").is_in(["open", "close"])).then(MOST_OPENED).otherwise(MOST_MOVES)
    largest = moves.filter(pl.int_range(pl.len()).over("action") < most)
    n_smaller = moves.height - largest.height
    note = f"And {counted(n_smaller, 'smaller trade')}." if n_smaller else ""
    return as_markdown(trades(largest, portfolio_id, note))
