"""What a person reads first of a run, as Markdown: what to look at, what changed and why, and the SQL to ask on.

Pure text from frames. What does not belong here: reading the frames, pictures, storing artifacts (run_artifacts.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from sizing.text import counted, first_of, grouped
from tasks.reports.priority import ORDER, first_portfolios
from tasks.text import bounded

MOST_MOVES = 3
"""Increases of a portfolio that are told, and as many decreases: the largest."""

MOST_OPENED = 15
"""Opened and closed positions of a portfolio that are told, each."""

_ACTIONS = {"open": "opened", "close": "closed", "increase": "increased", "decrease": "decreased"}


def summary_page(title: str, first: Sequence[str], day: pl.DataFrame, moves: pl.DataFrame, rest: Sequence[str]) -> str:
    """Write the summary of a run: what to look at, each portfolio in a line, what changed and why.

    *Requires* in `day` the columns of the query `day_summary`, in `moves` those of `moves_of`; of many portfolios only
    those of `first_portfolios` are shown. The rest ends the page.
    """
    shown = day.filter(pl.col("portfolio_id").is_in(first_portfolios(day)))
    own = ((row, moves.filter(portfolio_id=row["portfolio_id"])) for row in shown.iter_rows(named=True))
    sections = [_section(row, moved) for row, moved in own if moved.height]
    parts = [f"# {title}", *first, "## Portfolios", _portfolios(shown), *left_out(day), *sections, *rest]
    return "\n\n".join(part for part in parts if part)


def left_out(day: pl.DataFrame) -> tuple[str, ...]:
    """Say what the portfolios do that are not among the first; nothing where all are.

    *Requires* the columns of the query `day_summary`.
    """
    rest = day.filter(~pl.col("portfolio_id").is_in(first_portfolios(day)))
    if rest.is_empty():
        return ()
    return (f"{ORDER[0].upper()}{ORDER[1:]}. {rest.height} more: {totals(rest)}. Each is in `target_changes`.",)


def totals(day: pl.DataFrame) -> str:
    """Sum up what portfolios do together. *Requires* the columns of the query `day_summary`."""
    counts = pl.col("n_positions", "n_open", "n_close").sum()
    n_positions, n_open, n_close, n_cash, cash = day.select(
        counts, n_cash=(pl.col("cash_weight") > 0).sum(), cash=pl.col("cash_weight").max()
    ).row(0)
    in_cash = f"cash in {n_cash:,} of them, at most {cash:.4f}" if n_cash else "no cash"
    return f"{n_positions:,} positions, {n_open:,} opened, {n_close:,} closed, {in_cash}"


def moves_of(weights: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Give what is traded with the reason in words, the largest trades first.

    *Requires* the columns of the queries `picture_weights` and `picture_changes`. A close tells its gate, everything
    else what moved since the day before; where there is none, how the target came about.
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
    """Give what to look at first as a list; nothing where there is nothing."""
    told = [("Warning", one) for one in warnings] + [("Refused", one) for one in refusals]
    return "\n".join(f"- **{word}:** {escaped(one)}" for word, one in told)


def refused_rows(rows: pl.DataFrame) -> str:
    """Show the refused rows themselves. *Requires* the columns of the query `picture_refused_rows`."""
    if rows.is_empty():
        return ""
    n_refused, day_rows = rows["n_refused"][0], rows.select("source", "row_number", "reason", "row_json")
    more = f", the first {rows.height}" if n_refused > rows.height else ""
    return f"### {counted(n_refused, 'refused row')}{more}\n\n{table(day_rows)}"


def missing_scores(rows: pl.DataFrame) -> str:
    """Show which assets lost their score. *Requires* the columns of the query `picture_missing_scores`."""
    if rows.is_empty():
        return ""
    n_missing, shown = rows["n_missing"][0], rows.drop("n_missing").with_columns(pl.col("held_in").fill_null(""))
    more = (
        f", the first {rows.height}, holdings before others" if n_missing > rows.height else ", holdings before others"
    )
    return f"### {counted(n_missing, 'asset')} without a score that had one{more}\n\n{table(shown)}"


def staying_targets(rows: pl.DataFrame) -> str:
    """Say which targets stay in force. *Requires* the columns of the query `picture_staying_targets`."""
    n_more = sum(rows["n_portfolios"].head(1)) - rows.height
    more = f"\n\nAnd {n_more} more." if n_more else ""
    shown = rows.select(
        "portfolio_id",
        targets_of=pl.col("as_of_date").cast(pl.String).fill_null("none yet"),
        run_id=pl.col("run_id").fill_null(""),
    )
    return f"### What stays in force\n\n{table(shown)}{more}"


def sql_block(run_id: str, day: date, *questions: str) -> str:
    """Give the SQL to ask on, for the snapshot: a reader needs no more than to copy it."""
    asked = [f"FROM run_events WHERE run_id = '{run_id}' ORDER BY event_id;", *questions]
    asked += [
        f"FROM rejected_rows WHERE as_of_date = DATE '{day}';",
        f"FROM run_health WHERE as_of_date = DATE '{day}';",
    ]
    return _ask_on(asked)


def refusals_block(days: Sequence[date]) -> str:
    """Give the SQL to ask on what was refused of the days."""
    within = f"as_of_date BETWEEN DATE '{days[0]}' AND DATE '{days[-1]}'"
    return _ask_on([f"FROM {view} WHERE {within};" for view in ("refused_files", "rejected_rows", "run_health")])


def reasons_asked(reasons: Mapping[str, str]) -> str:
    """Give why each portfolio asks for approval, as a list: of many the first, and how many more."""
    said = first_of([f"**{escaped(names)}:** {escaped(reason)}" for names, reason in grouped(reasons.items())])
    return "\n".join(f"- {one}" for one in said)


def table(rows: pl.DataFrame) -> str:
    """Give a frame as a Markdown table, whatever its cells hold."""
    head = [_line([name.replace("_", " ") for name in rows.columns]), _line(["---"] * rows.width)]
    return "\n".join([*head, *(_line([escaped(bounded(str(cell))) for cell in row]) for row in rows.iter_rows())])


def escaped(text: str) -> str:
    """Keep text from being read as Markdown or HTML, and on one line."""
    for mark in ("\\", "|", "*", "`", "<", "[", "_"):
        text = text.replace(mark, "&lt;" if mark == "<" else f"\\{mark}")
    return " ".join(text.split())


def _ask_on(questions: Sequence[str]) -> str:
    text = "\n".join(questions)
    return f"### Ask on\n\nWith `ballast sql`, or any DuckDB client on the snapshot:\n\n```sql\n{text}\n```"


def _portfolios(day: pl.DataFrame) -> str:
    return table(
        day.select(
            portfolio="portfolio_id",
            positions="n_positions",
            opened="n_open",
            closed="n_close",
            resized=pl.col("n_increase") + pl.col("n_decrease"),
            turnover=_percent("turnover"),
            cash=_percent("cash_weight"),
        )
    )


def _section(row: Mapping[str, object], moves: pl.DataFrame) -> str:
    told = pl.concat(
        moves.filter(action=action).head(MOST_OPENED if action in {"open", "close"} else MOST_MOVES)
        for action in _ACTIONS
    )
    shown = told.select(
        action=pl.col("action").replace_strict(_ACTIONS),
        asset="asset",
        before=_percent("current_weight"),
        target=_percent("target_weight"),
        why="why",
    )
    left_out = moves.height - told.height
    more = f"\n\nAnd {counted(left_out, 'smaller trade')}." if left_out else ""
    return f"### {escaped(str(row['portfolio_id']))}\n\n{table(shown)}{more}"


def _percent(column: str) -> pl.Expr:
    return pl.format("{}%", (pl.col(column).cast(pl.Float64) * 100).cast(pl.Decimal(12, 2)))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
