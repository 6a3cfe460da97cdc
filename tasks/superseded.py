"""What a run is warned of when targets that others rest on were replaced, and what brings those up to date."""

from datetime import date

from sql.warehouse import Warehouse


def warn_of_later_days(warehouse: Warehouse, run_id: str) -> tuple[str, ...]:
    """Say which days after the run's rest on targets that it replaced, and what brings them up to date."""
    later = warehouse.query("days_to_bring_up_to_date", run_id=run_id)
    n_days, first, last = later.row(0)
    if not n_days:
        return ()
    rest = f"1 later day, {first}, rests" if n_days == 1 else f"{n_days} later days, {first} to {last}, rest"
    return (f"{rest} on targets that this run replaced: {_repair(first, last)}",)


def warn_of_replaced_holdings(warehouse: Warehouse, run_id: str) -> tuple[str, ...]:
    """Say when the holdings of a visible run rest on targets that were replaced, and what brings it up to date."""
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
