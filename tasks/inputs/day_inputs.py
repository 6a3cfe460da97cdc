"""What decides a day: what is in the ingests and runs that it reads.

What does not belong here: which these are (day_sources.py), files, the result of a run.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import polars as pl

from sizing.frames.day_inputs import ENTRY_SCORES_UP_TO, DayFrames
from sizing.frames.holding_states import DUST_WEIGHT
from sql.snapshot_reader import Reader
from tasks.inputs.asset_lists import AssetLists
from tasks.inputs.day_prices import read_prices, with_returns
from tasks.inputs.day_sources import FOR_ALL, FORMER, Limits, ids_of
from tasks.inputs.holding_states import Counting, files_of, read_states, start_from_states
from tasks.inputs.marked_books import books_to_mark, start_from_books
from tasks.renames import Names, names_on, renamed
from tasks.trading_calendar import score_ages

_SCORES = ("model", "asset", "score_date", "score_age_days", "score", "technical_score", "fundamental_score")


def read_days(  # noqa: PLR0913 - where from, of which days, and how they are counted
    warehouse: Reader,
    exchange: str,
    days: Sequence[date],
    limits: Limits,
    sources: pl.DataFrame,
    *,
    dust_weight: float = DUST_WEIGHT,
    entry_scores_up_to: int = ENTRY_SCORES_UP_TO,
) -> dict[date, DayFrames]:
    """Return the inputs of each day from its sources; what several days share is read once.

    With more than `entry_scores_up_to` portfolios their decisions have no entry scores.
    """
    rows = {
        kind: warehouse.query(f"{kind}_of_ingests", ingest_ids=ids_of(sources, kind))
        for kind in (*FOR_ALL, "positions")
    }
    rows[FORMER] = warehouse.query("assets_of_ingests", ingest_ids=ids_of(sources, FORMER))
    rows["targets"] = warehouse.query("holdings_after_runs", run_ids=_runs(sources))
    scored = _of(rows, sources, "scores")
    scores, volatilities = _by_day(_aged(scored, exchange)), _by_day(_volatilities(scored, limits))
    restrictions = _by_day(_in_force(_of(rows, sources, "restrictions")))
    holdings = _by_day(_holdings(rows, sources.filter(pl.col("portfolio_id").is_in(list(limits)))))
    names = _names(rows["renames"], sources)
    prices = read_prices(warehouse, sources)
    books = _by_day(books_to_mark(sources, limits))
    states = _by_day(read_states(warehouse, sources, limits))
    files = _by_day(files_of(sources, limits))
    counting = Counting(exchange, dust_weight)
    lists = AssetLists(_list_of(sources, "assets"), rows["assets"], _former_of(sources), rows[FORMER])
    frames = {
        day: start_from_states(
            start_from_books(
                renamed(
                    DayFrames(
                        as_of_date=day,
                        limits=dict(limits),
                        scores=scores(day),
                        assets=lists.on(day),
                        holdings=holdings(day),
                        restrictions=restrictions(day),
                        states=states(day),
                        volatilities=volatilities(day),
                        has_entry_scores=len(limits) <= entry_scores_up_to,
                    ),
                    names(day),
                )._replace(delisted=lists.delisted_on(day, names(day))),
                *(books(day), prices, exchange),
            ),
            *(files(day), counting),
        )
        for day in days
    }
    return with_returns(frames, prices, exchange)


def _runs(sources: pl.DataFrame) -> list[str]:
    return sources.filter(pl.col("kind") == "targets")["run_id"].unique().to_list()


def _names(renames: pl.DataFrame, sources: pl.DataFrame) -> Callable[[date], Names]:
    """Return the renames in force on a day, by the list that the day reads."""
    lists = {ingest_id: own for (ingest_id,), own in renames.partition_by("ingest_id", as_dict=True).items()}
    list_of = _list_of(sources, "renames")
    return lambda day: names_on(lists[list_of[day]], day) if list_of.get(day) in lists else {}


def _former_of(sources: pl.DataFrame) -> dict[date, tuple[int, ...]]:
    former = sources.filter(pl.col("kind") == FORMER).sort("ingest_id").partition_by("day", as_dict=True)
    return {day: tuple(own["ingest_id"]) for (day,), own in former.items()}


def _list_of(sources: pl.DataFrame, kind: str) -> dict[date, int]:
    return dict(sources.filter(pl.col("kind") == kind).select("day", "ingest_id").iter_rows())


def _of(rows: Mapping[str, pl.DataFrame], sources: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Join the rows of a kind with each day that reads them, in their order."""
    own = sources.filter(pl.col("kind") == kind).select("day", "ingest_id")
    return rows[kind].join(own, on="ingest_id", how="inner", maintain_order="left")


def _by_day(rows: pl.DataFrame) -> Callable[[date], pl.DataFrame]:
    """Return the rows of a day; a day without any has an empty frame."""
    nothing = rows.drop("day").clear()
    parts = rows.partition_by("day", as_dict=True, include_key=False, maintain_order=True)
    return lambda day: parts.get((day,), nothing)


def _holdings(rows: Mapping[str, pl.DataFrame], sources: pl.DataFrame) -> pl.DataFrame:
    columns = ["day", "portfolio_id", "asset", "current_weight"]
    on_positions, on_targets = ["ingest_id", "portfolio_id", "as_of_date"], ["run_id", "portfolio_id"]
    own = sources.filter(pl.col("kind") == "positions").select("day", *on_positions)
    positions = rows["positions"].join(own, on=on_positions)
    left = sources.filter(pl.col("kind") == "targets").select("day", *on_targets)
    targets = rows["targets"].join(left, on=on_targets)
    return pl.concat([positions.select(columns), targets.select(columns)]).sort("portfolio_id", "asset")


def _aged(scores: pl.DataFrame, exchange: str) -> pl.DataFrame:
    ages = score_ages(exchange, scores.select("day", score_date="as_of_date").unique())
    return (
        scores.rename({"as_of_date": "score_date"})
        .join(ages, on=["day", "score_date"], how="left", maintain_order="left")
        .select("day", *_SCORES)
    )


def _volatilities(scores: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Return the volatilities that came with the scores of the models whose volatilities a limit reads."""
    reading = {one.model for one in limits.values() if one.reads_volatility and not one.reads_returns}
    return scores.filter(pl.col("model").is_in(list(reading))).select(
        "day", "model", "asset", "volatility", score_date="as_of_date"
    )


def _in_force(restrictions: pl.DataFrame) -> pl.DataFrame:
    has_begun = pl.col("valid_from").fill_null(pl.col("day")) <= pl.col("day")
    has_ended = pl.col("valid_until").fill_null(pl.col("day")) < pl.col("day")
    return restrictions.filter(has_begun & ~has_ended).select("day", "portfolio_id", "asset", "restriction", "reason")
