"""docs/schema.md: every table, view and macro with its grain, columns, types and comments, and example queries.

Text from frames: the catalog comes from queries/catalog/schema_columns.sql. Not here: DuckDB.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from sql.engine.scripts import Script, read_scripts
from sql.errors import WarehouseError

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Targets, trades and changes": (
        "current_targets",
        "targets_as_of",
        "current_orders",
        "current_order_status",
        "visible_order_status",
        "target_changes",
        "target_changes_of",
        "turnover",
        "cash_drag",
        "bucket_exposure",
        "constraints_today",
    ),
    "Why": (
        "explain",
        "sizing_steps",
        "what_would_change",
        "decisions_today",
        "holding_periods",
        "holding_periods_of",
        "followed_lifecycle",
        "followed_lifecycle_of",
        "configured_limits",
    ),
    "Proposals and halts": (
        "open_proposals",
        "proposed_targets",
        "proposal_history",
        "halts_in_force",
    ),
    "Results of days and runs": (
        "run_health",
        "latest_runs",
        "run_states",
        "superseded_holdings",
        "targets_on_corrected_inputs",
        "rejected_rows",
        "refused_files",
    ),
    "Publications": (
        "visible_runs",
        "visible_runs_as_of",
        "current_runs",
        "published_days",
        "visibility",
        "publications",
        "correction_changes",
        "run_difference",
        "differences_of",
        "replays",
        "replay_differences",
    ),
    "Runs: inputs, decisions, weights": (
        "runs",
        "run_portfolios",
        "limit_sets",
        "run_events",
        "proposals",
        "halts",
        "run_limits",
        "decisions",
        "sizing_audit",
        "sizing_summary",
        "targets",
        "books",
        "trade_summary",
        "constraint_checks",
        "lifecycle",
        "risk_estimates",
        "orders",
        "order_status",
    ),
    "Ingested data": (
        "ingests",
        "effective_ingests",
        "effective_ingests_as_of",
        "rejects",
        "scores",
        "assets",
        "positions",
        "accounts",
        "prices",
        "restrictions",
        "renames",
    ),
}
"""Sections of the page, in order. Other relations come last."""

_REST = "Other tables"
_HEAD = """# The tables, views and macros

Made by `make schema` from the database itself: do not edit. `ballast sql "..."` queries the snapshot, and so does any
DuckDB client that opens it read-only; the comments are in it too (`duckdb_columns()`, `duckdb_views()`,
`duckdb_functions()`).

- Weights are fractions of the portfolio's value: 0.15 is 15 %. Scores are in [0, 1]. Times are UTC, days are exchange
  dates. The comment of a column describes its null.
- `CASH` is a row of every portfolio in the targets. A position that is closed has a row with target 0.
- Rows are appended, never changed, but for the two ends in `visibility`. The views for execution and managers show
  published runs only; all runs are in `run_health`, `latest_runs` and `run_events`.
- A macro is queried like a table, with values: `FROM explain('core', 'AMZN', DATE '2025-06-06')`.
"""
_COLUMN = re.compile(r"(?P<name>\w+) (?P<type>[^:]+): (?P<comment>.+)")
_HEADER = re.compile(
    r"-- For: (?P<who>.+)\n-- Question: (?P<question>.+)\n-- Returns: (?P<returns>.+)\n(?P<sql>[^-](?:.|\n)+)"
)


def schema_page(columns: pl.DataFrame) -> str:
    """Return the page. *Requires* the columns of the query `schema_columns`.

    *Raises* `WarehouseError` naming relations and columns without comment, and questions without header.
    """
    columns = pl.concat([columns.filter(pl.col("kind") != "macro"), _columns_of_macros(columns)])
    _reject_uncommented(columns)
    by_name = {str(name): rows for (name,), rows in columns.group_by("name", maintain_order=True)}
    placed = {name for names in SECTIONS.values() for name in names}
    sections = {**SECTIONS, _REST: tuple(sorted(set(by_name) - placed))}
    parts = [_HEAD, _contents(sections, by_name), _questions(read_scripts("questions"))]
    for title, names in sections.items():
        parts += [f"## {title}\n", *(_described(by_name[name]) for name in names if name in by_name)]
    return "\n".join(parts)


def _columns_of_macros(columns: pl.DataFrame) -> pl.DataFrame:
    """Read the columns of each macro from its comment: the first line describes it, each other one a column."""
    macros = columns.filter(pl.col("kind") == "macro").with_columns(pl.col("comment").str.split("\n"))
    lines = macros.with_columns(comment=pl.col("comment").list.first(), line=pl.col("comment").list.slice(1)).explode(
        "line", empty_as_null=True
    )
    found = pl.col("line").str.extract_groups(_COLUMN.pattern).struct
    return lines.with_columns(
        column_name=found.field("name"), data_type=found.field("type"), column_comment=found.field("comment")
    ).select(columns.columns)


def _reject_uncommented(columns: pl.DataFrame) -> None:
    full = pl.format("{} of {}", pl.col("column_name").fill_null("a column"), "name")
    uncommented = pl.concat(
        [
            columns.filter(pl.col("comment").fill_null("").str.strip_chars() == "").select("name"),
            columns.filter(pl.col("column_comment").fill_null("").str.strip_chars() == "").select(name=full),
        ]
    )
    names = uncommented["name"].unique(maintain_order=True).to_list()
    if names:
        msg = (
            f"{len(names)} tables, views, macros or columns have no comment: {', '.join(names)}. "
            "Write COMMENT ON for each"
        )
        raise WarehouseError(msg)


def _questions(questions: Sequence[Script]) -> str:
    lines, before = ["## Questions\n"], ""
    for question in questions:
        found = _HEADER.fullmatch(question.sql)
        if found is None:
            msg = f"sql/questions/{question.name}.sql must begin with -- For:, -- Question: and -- Returns:"
            raise WarehouseError(msg)
        if found["who"] != before:
            before = found["who"]
            lines.append(f"### For {before}\n")
        lines.append(f"**{found['question']}** Returns {found['returns']}\n\n```sql\n{found['sql'].rstrip()}\n```\n")
    return "\n".join(lines)


def _contents(sections: Mapping[str, tuple[str, ...]], by_name: Mapping[str, pl.DataFrame]) -> str:
    lines = ["## Contents\n"]
    for title, names in sections.items():
        linked = ", ".join(f"[`{name}`](#{name})" for name in names if name in by_name)
        lines.append(f"- {title}: {linked}")
    return "\n".join([*lines, ""])


def _described(rows: pl.DataFrame) -> str:
    kind, name, comment = rows.select("kind", "name", "comment").row(0)
    lines = [
        f"| `{column}` | {data_type} | {_cell(words)} |"
        for column, data_type, words in rows.select("column_name", "data_type", "column_comment").rows()
    ]
    return "\n".join(
        [f"### {name}\n", f"{kind.capitalize()}. {comment}\n", "| column | type | |", "|---|---|---|", *lines, ""]
    )


def _cell(words: str) -> str:
    return words.replace("|", "\\|")
