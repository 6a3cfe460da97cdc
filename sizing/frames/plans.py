"""Several steps on a frame as one plan: a small frame costs little more than its calls of Polars, so there are fewer.

What does not belong here: any rule.
"""

import polars as pl

_AS_WRITTEN = pl.QueryOptFlags.none()
"""Plans of a day are short: to improve one costs more than it saves."""


def run_plan(plan: pl.LazyFrame) -> pl.DataFrame:
    """Return what the steps of the plan return one by one. A frame that it reads twice is computed twice."""
    return plan.collect(optimizations=_AS_WRITTEN, engine="in-memory")
