"""The commands that take every limit as a flag: `ballast run` and `ballast plan`. Their help stands in app.py.

The model of the limits is imported here, which app.py leaves to the moment when one of them is asked for.
"""

from datetime import date
from typing import Annotated

from cyclopts import Parameter

from flows.cli.limit_parameters import LimitFlags
from flows.terminal.parameters import (
    AS_CONFIGURED_WITH_INBOX,
    AS_TABLE,
    AsFlowRun,
    AsOf,
    Form,
    PlacesWithInbox,
    PortfolioIds,
    Verbose,
    prepare,
)

_AS_CONFIGURED: LimitFlags = {}


def run(  # noqa: PLR0913 - one parameter a flag
    *,
    as_of: AsOf = None,
    first: Annotated[date | None, Parameter(name="--from", help="First day of a range.")] = None,
    last: Annotated[date | None, Parameter(name="--to", help="Last day of a range.")] = None,
    portfolio: PortfolioIds = (),
    places: PlacesWithInbox = AS_CONFIGURED_WITH_INBOX,
    form: Form = AS_TABLE,
    prefect: AsFlowRun = False,
    verbose: Verbose = False,
    limits: LimitFlags = _AS_CONFIGURED,
) -> int:
    """Rebalance a day, or each trading day of a range."""
    prepare(verbose=verbose, prefect=prefect)
    from flows.cli.handlers.run import run_days  # noqa: PLC0415 - Prefect and Polars take a second to import

    return run_days(as_of, first, last, places.given(), portfolio_ids=portfolio, given=limits, form=form)


def plan(  # noqa: PLR0913 - one parameter a flag
    *,
    as_of: AsOf = None,
    portfolio: PortfolioIds = (),
    all_rows: Annotated[bool, Parameter(negative="", help="Show the targets that stay as they are too.")] = False,
    places: PlacesWithInbox = AS_CONFIGURED_WITH_INBOX,
    form: Form = AS_TABLE,
    limits: LimitFlags = _AS_CONFIGURED,
) -> int:
    """Say what a run of the day would do."""
    prepare(verbose=False)
    from flows.cli.handlers.plan import show_plan  # noqa: PLC0415 - Prefect and Polars take a second to import

    return show_plan(as_of, places.given(), portfolio, limits, form, all_rows=all_rows)
