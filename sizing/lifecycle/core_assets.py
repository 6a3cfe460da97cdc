"""Which assets are core holdings on the day: a list in the limits, with an end and a reason for each."""

import polars as pl

from sizing.frames.day_inputs import DayInputs


def core_assets(inputs: DayInputs) -> pl.DataFrame:
    """Return the core assets of the day: `portfolio_id, asset, core_until, core_reason`."""
    rows = [
        (name, asset, core.until, core.reason)
        for name, one in inputs.limits.items()
        for asset, core in one.core_on(inputs.day_of(name)).items()
    ]
    schema = {"portfolio_id": pl.String(), "asset": pl.String(), "core_until": pl.Date(), "core_reason": pl.String()}
    return pl.DataFrame(rows, schema=schema, orient="row")
