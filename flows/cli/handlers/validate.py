"""`ballast validate`: what is wrong with the config and the files of a day, before a run. Nothing is written."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

import polars as pl
from cyclopts import Parameter

from flows.terminal.console import out, show
from flows.terminal.exit_codes import ExitCode
from flows.terminal.foremost import count_others, only
from flows.terminal.output import message_console, write_rows
from flows.terminal.parameters import AS_CONFIGURED_WITH_INBOX, AS_TABLE, OutputFormat, PathOptionsWithInbox
from sizing.text import MOST_NAMED, counted, listed
from tasks.config.settings import Settings
from tasks.preflight import file_check
from tasks.preflight.day_check import DayValidation
from tasks.reports.priority import first_by

_SCHEMA = ["level", "where", "what"]
_OF_PORTFOLIO = r"^portfolio (.+?): "
_MOST_ROWS = 50
"""Problems that a terminal shows."""
_USED = {True: "yes", False: "no"}


def validate(
    *,
    as_of: Annotated[date | None, Parameter(help="The trading day. Default: the newest one of the inbox.")] = None,
    strict: Annotated[bool, Parameter(negative="", help="Warnings are errors.")] = False,
    paths: PathOptionsWithInbox = AS_CONFIGURED_WITH_INBOX,
    form: OutputFormat = AS_TABLE,
) -> int:
    """Show what is wrong, the problems first, and report in one sentence whether a run can begin."""
    seen = DayValidation(Settings().at(asdict(paths)))
    seen.check(as_of)
    findings = pl.DataFrame(seen.found, schema=dict.fromkeys(_SCHEMA, pl.String), orient="row")
    if form.is_for_program:
        write_rows(findings, form)
    else:
        _show(seen, findings)
    n_errors = findings.filter(level=file_check.ERROR).height
    n_warnings = findings.height - n_errors
    is_ready = not n_errors and not (strict and n_warnings)
    counts = [counted(n, what) for n, what in ((n_errors, "error"), (n_warnings, "warning")) if n]
    of_day = f"{seen.day}: " if seen.day else ""
    looked_at = f"{counted(len(seen.files), 'file')}, {counted(len(seen.limits), 'portfolio')}"
    console = message_console(form)
    verdict = ", ".join(["ready" if is_ready else "not ready", *counts])
    console.print(f"{of_day}{looked_at}: {verdict}", soft_wrap=True)
    return ExitCode.OK if is_ready else ExitCode.ERROR


def _show(seen: DayValidation, findings: pl.DataFrame) -> None:
    """Show the problems first, then each file and what each portfolio reaches."""
    console = out()
    if findings.height:
        together = _together(findings)
        show(console, together.head(_MOST_ROWS), title="Problems")
        if together.height > _MOST_ROWS:
            console.print(f"and {together.height - _MOST_ROWS} more: --csv and --json have all\n")
    if seen.files:
        rows = [
            (file.source.contract.kind, file.source.shown, file.accepted.height, file.n_refused, _USED[file.counts])
            for file in seen.files
        ]
        columns = ["kind", "file", "accepted", "refused", "used"]
        show(console, pl.DataFrame(rows, schema=columns, orient="row"), title="Files")
    if seen.reach is not None:
        first = only(seen.reach, first_by(seen.reach, pl.col("target") - pl.col("reachable")))
        shown = first.drop("binds", "fix").with_columns(pl.col("reachable", "target").round(4))
        of_sets = ", by the first portfolio of each limit set" if seen.has_table else ""
        show(console, shown, title=f"What the limits reach, when all may be bought at once{of_sets}")
        count_others(console, seen.reach, first, "those that lack most first", "the others lack no more than these")


def _together(findings: pl.DataFrame) -> pl.DataFrame:
    """Group what is the same of more than ten portfolios, where the first of them stands."""
    message = findings.with_columns(
        who=pl.col("what").str.extract(_OF_PORTFOLIO), message=pl.col("what").str.replace(_OF_PORTFOLIO, "")
    )
    of_many = pl.col("who").is_not_null() & (pl.len().over("level", "message") > MOST_NAMED)
    groups = message.filter(of_many).group_by("level", "message", maintain_order=True)
    many = [
        (level, rows["where"][0], f"in {rows.height} portfolios ({listed(rows['who'].to_list())}): {sentence}")
        for (level, sentence), rows in groups
    ]
    together = pl.DataFrame(many, findings.schema, orient="row")
    return pl.concat([message.filter(~of_many).select(_SCHEMA), together]).sort("level", maintain_order=True)
