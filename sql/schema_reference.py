"""docs/schema.md: every table, view and macro with its grain, columns, types and comments, and questions to ask them.

Text from frames: what there is, the database says (queries/catalog/schema_columns.sql). Not here: DuckDB.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from sql.engine.scripts import Script, read_scripts
from sql.errors import WarehouseError

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "What to hold and trade, and what changed": (
        "current_targets",
        "targets_as_of",
        "target_changes",
        "target_changes_of",
        "turnover",
        "cash_drag",
        "bucket_exposure",
        "constraints_today",
    ),
    "Why": ("explain", "sizing_steps", "what_would_change", "decisions_today", "configured_limits"),
    "What waits for approval, and what is halted": (
        "open_proposals",
        "proposed_targets",
        "proposal_history",
        "halts_in_force",
    ),
    "How the days went": (
        "run_health",
        "latest_runs",
        "run_states",
        "superseded_holdings",
        "targets_on_corrected_inputs",
        "rejected_rows",
        "refused_files",
    ),
    "What was published, and when": (
        "visible_runs",
        "visible_runs_as_of",
        "publications",
        "correction_changes",
        "run_difference",
        "differences_of",
        "replays",
        "replay_differences",
    ),
    "What a run read and computed": (
        "runs",
        "run_events",
        "proposals",
        "halts",
        "run_limits",
        "decisions",
        "sizing_audit",
        "sizing_summary",
        "targets",
        "constraint_checks",
    ),
    "What came in": (
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
"""The order of reading. What is not named comes last."""

_REST = "The rest"
_HEAD = """# The tables, views and macros

Made by `make schema` from the database itself: do not edit. `ballast sql "..."` asks the snapshot, and so does any
DuckDB client that opens it read-only; the comments are in it too (`duckdb_columns()`, `duckdb_views()`,
`duckdb_functions()`).

- Weights are fractions of the portfolio's value: 0.15 is 15 %. Scores are in [0, 1]. Times are UTC, days are exchange
  dates. A null has the meaning that its column says.
- `CASH` is a row of every portfolio in the targets. A position that is closed has a row with target 0.
- Rows are appended, never changed. What execution and managers look at shows published runs only; what was tried
  is in `run_health`, `latest_runs` and `run_events`.
- A macro is asked like a table, with values: `FROM explain('core', 'AMZN', DATE '2025-06-06')`.
"""
_COLUMN = re.compile(r"(?P<name>\w+) (?P<type>[^:]+): (?P<comment>.+)")
_HEADER = re.compile(
    r"-- Asked by: (?P<who>.+)\n-- Question: (?P<question>.+)\n-- Gives: (?P<gives>.+)\n(?P<sql>[^-](?:.|\n)+)"
)


def schema_page(columns: pl.DataFrame) -> str:
    """Write the page. *Requires* the columns of the query `schema_columns`.

    *Raises* `WarehouseError` naming what has no comment, and questions without their three lines of header.
    """
    columns = pl.concat([columns.filter(pl.col("kind") != "macro"), _columns_of_macros(columns)])
    _refuse_uncommented(columns)
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


def _refuse_uncommented(columns: pl.DataFrame) -> None:
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
            msg = f"sql/questions/{question.name}.sql must begin with -- Asked by:, -- Question: and -- Gives:"
            raise WarehouseError(msg)
        if found["who"] != before:
            before = found["who"]
            lines.append(f"### Asked by {before}\n")
        lines.append(f"**{found['question']}** Gives {found['gives']}\n\n```sql\n{found['sql'].rstrip()}\n```\n")
    return "\n".join(lines)


def _contents(sections: Mapping[str, tuple[str, ...]], by_name: Mapping[str, pl.DataFrame]) -> str:
    lines = ["## What there is\n"]
    for title, names in sections.items():
        linked = ", ".join(f"[`{name}`](#{name})" for name in names if name in by_name)
        lines.append(f"- {title}: {linked}")
    return "\n".join([*lines, ""])


def _described(rows: pl.DataFrame) -> str:
    kind, name, comment = rows.select("kind", "name", "comment").row(0)
    told = [
        f"| `{column}` | {data_type} | {_cell(words)} |"
        for column, data_type, words in rows.select("column_name", "data_type", "column_comment").rows()
    ]
    return "\n".join(
        [f"### {name}\n", f"{kind.capitalize()}. {comment}\n", "| column | type | |", "|---|---|---|", *told, ""]
    )


def _cell(words: str) -> str:
    return words.replace("|", "\\|")
