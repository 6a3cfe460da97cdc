"""Which of many portfolios a person looks at first: the ten that matter most; the others are counted.

What does not belong here: how they are shown.
"""

import polars as pl

from sizing.wording import MOST_NAMED

ORDER = "missed limits first, then cash that a limit forces, then turnover"


def first_portfolios(summary: pl.DataFrame) -> list[str]:
    """Return the ten portfolios that matter most, or all of fewer, in the order of their names.

    *Requires* the columns of the query `day_summary`.
    """
    foremost = summary.sort(
        pl.col("n_missed") > 0, "is_cash_forced", "turnover", "portfolio_id", descending=[True, True, True, False]
    )
    return foremost["portfolio_id"].head(MOST_NAMED).sort().to_list()
