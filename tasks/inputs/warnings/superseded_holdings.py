"""What is warned of when what visible targets rest on was replaced or corrected, and what brings them up to date."""

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

import polars as pl

from sizing.text import listed
from sql.snapshot_reader import Reader


class Corrected(NamedTuple):
    """Which visible days rest on what was corrected or replaced since, as text, and the command that updates them."""

    what: str
    command: str


def find_corrected(reader: Reader, portfolio_ids: Collection[str], before: date | None = None) -> tuple[Corrected, ...]:
    """Return which targets of the portfolios rest on inputs corrected since, of all days or of those before one.

    Portfolios that are not run any more cannot be brought up to date: they are not to be among them.
    """
    rows = reader.query("corrected_inputs").filter(pl.col("portfolio_id").is_in(list(portfolio_ids)))
    rows = rows.filter(pl.col("as_of_date") < before) if before else rows
    if rows.is_empty():
        return ()
    days = rows["as_of_date"].sort()
    first, last = days[0], days[-1]
    kinds = ", ".join(rows["kinds"].explode().unique().sort())
    command = f"run --as-of {first}" if first == last else f"backfill --from {first} --to {last}"
    return (Corrected(f"targets of {_of_days(rows)} rest on {kinds} corrected since", f"ballast {command}"),)


def find_superseded(reader: Reader, portfolio_ids: Collection[str]) -> tuple[Corrected, ...]:
    """Return which days of the portfolios rest on targets of an earlier day that a correction or approval replaced."""
    rows = reader.query("superseded_days").filter(pl.col("portfolio_id").is_in(list(portfolio_ids)))
    if rows.is_empty():
        return ()
    days, replaced = rows["as_of_date"].sort(), rows["replaced_as_of_date"].sort()[0]
    command = f"ballast backfill --from {days[0]} --to {days[-1]}"
    return (Corrected(f"holdings of {_of_days(rows)} rest on targets of {replaced} replaced since", command),)


def _of_days(rows: pl.DataFrame) -> str:
    days = rows["as_of_date"].unique().sort().to_list()
    names = listed(rows["portfolio_id"].unique().sort().to_list())
    return f"{names} of {days[0] if len(days) == 1 else f'{len(days)} days, {days[0]} to {days[-1]},'}"


def warn_of_corrected_inputs(reader: Reader, portfolio_ids: Collection[str]) -> tuple[str, ...]:
    """Return which targets of the portfolios rest on inputs corrected since, and what brings them up to date."""
    found = find_corrected(reader, portfolio_ids)
    return tuple(
        f"{one.what}, see targets_on_corrected_inputs: `{one.command}` brings them up to date" for one in found
    )


def warn_of_later_days(warehouse: Reader, run_id: str) -> tuple[str, ...]:
    """Return which days after the run's rest on targets that it replaced, and what brings them up to date."""
    later = warehouse.query("days_to_bring_up_to_date", run_id=run_id)
    n_days, first, last = later.row(0)
    if not n_days:
        return ()
    rest = f"1 later day, {first}, rests" if n_days == 1 else f"{n_days} later days, {first} to {last}, rest"
    return (f"{rest} on targets that this run replaced: {_repair(first, last)}",)


def warn_of_replaced_holdings(warehouse: Reader, run_id: str) -> tuple[str, ...]:
    """Return when the holdings of a visible run rest on targets that were replaced, and what brings it up to date."""
    rests = warehouse.query("replaced_holdings_of_run", run_id=run_id)
    portfolios, replaced, first, last = rests.row(0)
    if not portfolios:
        return ()
    what = f"the holdings of {portfolios} rest on targets of {replaced} that were replaced since"
    return (f"{what}, see superseded_holdings: {_repair(first, last)}",)


def _repair(first: date, last: date) -> str:
    command = f"`ballast backfill --from {first} --to {last}`"
    days = "it" if first == last else "them"
    return f"{command} (with --approver and --note where a portfolio asks for approval) brings {days} up to date"
