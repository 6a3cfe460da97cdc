"""How the state of a holding moves: corrected by what is held before the rules, advanced by the trades after them.

What does not belong here: what a rule makes of a state (rules.py), and the calendar (frames/holding_states.py).
"""

from collections.abc import Mapping
from decimal import Decimal

import polars as pl

from sizing.frames.holding_states import MOST_DAYS_SINCE_CLOSE, STATE_COLUMNS
from sizing.frames.limit_columns import limit_frame
from sizing.frames.plans import run_plan
from sizing.frames.schema import STORED_WEIGHT
from sizing.limits.model import RebalancingLimits

_KEY = ["portfolio_id", "asset"]
_GRACE = ("grace_started_on", "grace_count", "grace_entry_weight")
_STORED_DECIMALS = 8

_NEVER = pl.lit([], pl.List(pl.Date))


def correct_states(
    states: pl.DataFrame, holdings: pl.DataFrame, files: pl.DataFrame, dust_weight: float
) -> pl.DataFrame:
    """Return the states as the holdings of the day show them, by portfolio and asset.

    *Requires* `states` (STATE_COLUMNS) after the last visible run of each portfolio, the day's `holdings`, and
    `files`, `portfolio_id, file_date`: the portfolios whose holdings come from a positions file, and its session.
    A weight below `dust_weight` counts as not held.

    With h, c: held and confirmed before (no state: c, not h), and f: held in the file, a file leaves every row
    confirmed, held = f, and

        f, h             the stay goes on                 not f, h, c      closed on file_date
        f, not h, not c  the close is withdrawn           not f, h, not c  the opening never was
        f, not h, c      found: opened_on is not known    not f, not h     the close is confirmed

    Without a file nothing moves; a holding without a state gets one, not confirmed.

    >>> from datetime import date
    >>> monday, tuesday = date(2025, 6, 2), date(2025, 6, 3)
    >>> opened = pl.DataFrame({
    ...     "portfolio_id": "growth", "asset": ["KO", "LLY"], "is_held": True, "is_confirmed": False,
    ...     "opened_on": monday, "term_started_on": monday, "closed_on": [[], []],
    ... })
    >>> states = pl.concat([pl.DataFrame(schema=STATE_COLUMNS), opened], how="diagonal_relaxed")
    >>> holdings = pl.DataFrame({"portfolio_id": "growth", "asset": ["KO", "V"], "current_weight": [0.1, 0.2]})
    >>> files = pl.DataFrame({"portfolio_id": ["growth"], "file_date": [tuesday]})
    >>> corrected = correct_states(states, holdings.cast({"current_weight": STORED_WEIGHT}), files, 0.0001)
    >>> corrected.select("asset", "is_held", "is_confirmed", "opened_on").rows()
    [('KO', True, True, datetime.date(2025, 6, 2)), ('V', True, True, None)]
    """
    least = pl.lit(round(Decimal(str(dust_weight)), _STORED_DECIMALS), STORED_WEIGHT)
    book = holdings.lazy().filter(pl.col("current_weight") >= least).select(*_KEY, is_in_book=pl.lit(value=True))
    return (
        states.lazy()
        .select(STATE_COLUMNS.keys())
        .join(book, on=_KEY, how="full", coalesce=True)
        .join(files.lazy().select("portfolio_id", "file_date"), on="portfolio_id", how="left")
        .with_columns(
            pl.col("is_in_book").fill_null(value=False),
            pl.col("closed_on").fill_null(_NEVER),
            has_file=pl.col("file_date").is_not_null(),
            was_held=pl.col("is_held").fill_null(value=False),
            was_confirmed=pl.col("is_confirmed").fill_null(value=True),
            had_no_state=pl.col("is_held").is_null(),
        )
        .with_columns(**_corrected())
        .filter(pl.col("is_held") | (pl.col("closed_on").list.len() > 0))
        .select(STATE_COLUMNS.keys())
        .sort(_KEY)
        .pipe(run_plan)
    )


def _corrected() -> dict[str, pl.Expr]:
    """Return the columns of a state as its file leaves them, and those of a holding that had no state."""
    has_file, is_there = pl.col("has_file"), pl.col("is_in_book")
    is_withdrawn = is_there & ~pl.col("was_held") & ~pl.col("was_confirmed")
    keeps_clocks = ~has_file | (is_there & (pl.col("was_held") | is_withdrawn))
    has_left = ~is_there & pl.col("was_held") & pl.col("was_confirmed")
    found_on = pl.when(has_file & is_there).then("file_date")
    return {
        "is_held": pl.when(has_file | pl.col("had_no_state")).then(is_there).otherwise("is_held"),
        "is_confirmed": has_file | pl.col("is_confirmed").fill_null(value=False),
        "opened_on": pl.when(keeps_clocks).then("opened_on"),
        "term_started_on": pl.when(keeps_clocks).then("term_started_on").otherwise(found_on),
        **{name: pl.when(keeps_clocks).then(name) for name in _GRACE},
        "closed_on": pl.when(has_file & is_withdrawn)
        .then(pl.col("closed_on").list.slice(1))
        .when(has_file & has_left)
        .then(pl.concat_list("file_date", "closed_on"))
        .otherwise("closed_on"),
    }


def advance_states(
    states: pl.DataFrame,
    decisions: pl.DataFrame,
    targets: pl.DataFrame,
    limits: Mapping[str, RebalancingLimits],
    as_of: pl.Expr,
) -> pl.DataFrame:
    """Return the states after the day's trades (STATE_COLUMNS), by portfolio and asset.

    *Requires* the corrected `states` with their counts, the day's `decisions` and `targets`, and in `as_of` the day
    of a row. With h: held before, u: current weight, p: post-trade weight,

        opens   not h, p > 0, p > u    opened_on = term_started_on = as_of
        stays   h, p > 0               clocks go on; a new term begins where the last is over and its holding stays
        closes  h, p = 0               as_of comes before the other closes; the clocks wait for a file to confirm it

    An opening and a closing are not confirmed. Grace is what the decision counts: 0 begins it at weight u, null ends
    it. Closes of more than 260 sessions ago are dropped, and rows neither held nor with a close.

    >>> from datetime import date
    >>> monday, weight = date(2025, 6, 2), {"current_weight": STORED_WEIGHT, "post_trade_weight": STORED_WEIGHT}
    >>> day = pl.DataFrame({"portfolio_id": ["growth"], "asset": ["KO"]})
    >>> decisions = day.with_columns(
    ...     is_selected=True, is_locked=False, score_age_days=0, grace_count=pl.lit(None, pl.Int32)
    ... )
    >>> targets = day.with_columns(is_cash=False, current_weight=0.0, post_trade_weight=0.1).cast(weight)
    >>> counts = {"days_in_term": pl.Int32, "days_since_closes": pl.List(pl.Int32)}
    >>> before = pl.DataFrame(schema=STATE_COLUMNS | counts)
    >>> after = advance_states(before, decisions, targets, {"growth": RebalancingLimits()}, pl.lit(monday))
    >>> after.select("asset", "is_held", "is_confirmed", "opened_on", "closed_on").rows()
    [('KO', True, False, datetime.date(2025, 6, 2), [])]
    """
    return (
        states.lazy()
        .select(*STATE_COLUMNS, "days_in_term", "days_since_closes")
        .join(_traded(decisions, targets), on=_KEY, how="full", coalesce=True)
        .join(limit_frame(limits, ["max_holding_days"]).lazy(), on="portfolio_id", how="left")
        .with_columns(
            pl.col("is_held").fill_null(value=False),
            pl.col("is_confirmed").fill_null(value=True),
            closed_on=_recent_closes(),
            was_held=pl.col("is_held").fill_null(value=False),
            as_of=as_of,
        )
        .with_columns(opens=_opens(), stays=_stays(), closes=_closes())
        .with_columns(**_advanced())
        .filter(pl.col("is_held") | (pl.col("closed_on").list.len() > 0))
        .select(STATE_COLUMNS.keys())
        .sort(_KEY)
        .pipe(run_plan)
    )


def _traded(decisions: pl.DataFrame, targets: pl.DataFrame) -> pl.LazyFrame:
    """Return each asset that is held or has a target, with its weights and what was decided on it."""
    decided = decisions.lazy().select(
        *_KEY, "is_selected", "is_locked", "score_age_days", decided_count=pl.col("grace_count").cast(pl.Int32)
    )
    return (
        targets.lazy()
        .filter(~pl.col("is_cash"))
        .select(*_KEY, "current_weight", "post_trade_weight")
        .join(decided, on=_KEY, how="left")
    )


def _recent_closes() -> pl.Expr:
    """Return the closes that are still remembered; the newest come first."""
    n_recent = pl.col("days_since_closes").list.eval(pl.element() <= MOST_DAYS_SINCE_CLOSE).list.sum()
    return pl.col("closed_on").list.head(n_recent).fill_null(_NEVER)


def _opens() -> pl.Expr:
    grows = (pl.col("post_trade_weight") > 0) & (pl.col("post_trade_weight") > pl.col("current_weight"))
    return (~pl.col("was_held") & grows).fill_null(value=False)


def _stays() -> pl.Expr:
    return (pl.col("was_held") & (pl.col("post_trade_weight") > 0)).fill_null(value=False)


def _closes() -> pl.Expr:
    """Whether nothing is left: of what a marked book has no unit of any more, there is no row."""
    return pl.col("was_held") & (pl.col("post_trade_weight").fill_null(0) == 0)


def _advanced() -> dict[str, pl.Expr]:
    opens, stays, closes = pl.col("opens"), pl.col("stays"), pl.col("closes")
    is_judged, counts = stays | closes, pl.col("decided_count").is_not_null()
    begins = is_judged & counts & pl.col("grace_started_on").is_null()
    keeps_grace = ~opens & (~is_judged | counts)
    return {
        "is_held": (pl.col("was_held") & ~closes) | opens,
        "is_confirmed": pl.col("is_confirmed") & ~opens & ~closes,
        "opened_on": pl.when(opens).then("as_of").otherwise("opened_on"),
        "term_started_on": pl.when(opens | _begins_term()).then("as_of").otherwise("term_started_on"),
        "grace_started_on": pl.when(begins).then("as_of").when(keeps_grace).then("grace_started_on"),
        "grace_count": pl.when(is_judged).then("decided_count").when(keeps_grace).then("grace_count"),
        "grace_entry_weight": pl.when(begins).then("current_weight").when(keeps_grace).then("grace_entry_weight"),
        "closed_on": pl.when(closes).then(pl.concat_list("as_of", "closed_on")).otherwise("closed_on"),
    }


def _begins_term() -> pl.Expr:
    """Whether a new term begins: the last is over, and its holding stays for a score of today; or none was known."""
    is_over = pl.col("days_in_term") >= pl.col("max_holding_days")
    is_renewed = is_over & (pl.col("score_age_days") == 0) & pl.col("is_selected") & ~pl.col("is_locked")
    return pl.col("stays") & (is_renewed.fill_null(value=False) | pl.col("term_started_on").is_null())
