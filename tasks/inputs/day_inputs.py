"""What decides a day: which ingests and runs it reads, and what is in them.

A run records its sources, and a replay reads exactly these. What does not belong here: files, the result of a run.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from sizing.frames.day_inputs import DayFrames
from sizing.limits.model import RebalancingLimits
from sql.warehouse import Warehouse
from tasks.inputs.asset_lists import AssetLists
from tasks.inputs.marked_books import (
    books_to_mark,
    find_prices,
    missing_returns,
    read_prices,
    start_from_books,
)
from tasks.renames import Names, names_on, renamed
from tasks.trading_calendar import find_calendar, score_ages

NOW = "infinity"
"""Everything that the warehouse knows."""

Limits = Mapping[str, RebalancingLimits]

_SOURCES = {
    "day": pl.Date,
    "kind": pl.String,
    "portfolio_id": pl.String,
    "as_of_date": pl.Date,
    "ingest_id": pl.Int64,
    "run_id": pl.String,
    "n_rows": pl.Int32,
}
_SCORES = ("model", "asset", "score_date", "score_age_days", "score", "technical_score", "fundamental_score")
_FOR_ALL = ("scores", "assets", "restrictions", "renames")
_FORMER, _PRICES = "former_assets", "prices"
_HELD = ("positions", "targets")


def find_sources(
    warehouse: Warehouse, exchange: str, days: Sequence[date], limits: Limits, known_at: datetime | str = NOW
) -> pl.DataFrame:
    """Return what a run of each day reads, as it was known at `known_at`: one row a day and source.

    Portfolios without limits are named too, since someone may have mistyped a name.
    """
    since = [scores_since(exchange, day, limits) for day in days]
    found = warehouse.query("sources_of_days", days=list(days), since=since, known_at=known_at)
    newest = newest_holdings(found)
    prices = find_prices(warehouse, days, newest, limits, known_at).with_columns(kind=pl.lit(_PRICES))
    return pl.concat([newest, prices], how="diagonal")


def scores_since(exchange: str, day: date, limits: Limits) -> date:
    """Return the first day whose scores a run of the day reads."""
    window = max((one.max_score_age_days for one in limits.values()), default=0)
    # The last scored day before today is looked at too, to see whose score went missing.
    return find_calendar(exchange).before(day, max(window, 1))


def newest_holdings(sources: pl.DataFrame) -> pl.DataFrame:
    """Take each portfolio's holdings from its positions, or else from its last published targets.

    Positions of a day are what is held when it starts, so targets published for that day or later are newer.
    """
    is_held = pl.col("kind").is_in(_HELD)
    newest = (
        sources.filter(is_held)
        .sort("day", "portfolio_id", "as_of_date", "kind")
        .unique(["day", "portfolio_id"], keep="last", maintain_order=True)
    )
    return pl.concat([sources.filter(~is_held), newest])


def read_days(
    warehouse: Warehouse, exchange: str, days: Sequence[date], limits: Limits, sources: pl.DataFrame
) -> dict[date, DayFrames]:
    """Return the inputs of each day from its sources; what several days share is read once."""
    rows = {
        kind: warehouse.query(f"{kind}_of_ingests", ingest_ids=_ids(sources, kind)) for kind in (*_FOR_ALL, "positions")
    }
    rows[_FORMER] = warehouse.query("assets_of_ingests", ingest_ids=_ids(sources, _FORMER))
    rows["targets"] = warehouse.query("holdings_after_runs", run_ids=sources["run_id"].drop_nulls().unique().to_list())
    scores = _by_day(_aged(_of(rows, sources, "scores"), exchange))
    restrictions = _by_day(_in_force(_of(rows, sources, "restrictions")))
    holdings = _by_day(_holdings(rows, sources.filter(pl.col("portfolio_id").is_in(list(limits)))))
    names = _names(rows["renames"], sources)
    prices = _by_day(_of({_PRICES: read_prices(warehouse, sources)}, sources, _PRICES))
    books = _by_day(books_to_mark(sources, limits))
    lists = AssetLists(_list_of(sources, "assets"), rows["assets"], _former_of(sources), rows[_FORMER])
    return {
        day: start_from_books(
            renamed(
                DayFrames(
                    as_of_date=day,
                    limits=dict(limits),
                    scores=scores(day),
                    assets=lists.on(day),
                    holdings=holdings(day),
                    restrictions=restrictions(day),
                ),
                names(day),
            )._replace(delisted=lists.delisted_on(day, names(day))),
            *(books(day), prices(day), exchange),
        )
        for day in days
    }


def continue_from(
    inputs: DayFrames, sources: pl.DataFrame, day_before: date, run_id: str, holdings: pl.DataFrame
) -> tuple[DayFrames, pl.DataFrame]:
    """Let a day start from a run of the day before it that is not published yet, except where newer positions are.

    *Requires* in `sources` those of this day alone, and in `holdings` what the day starts from, books marked.
    """
    newer = newer_positions(inputs, sources, day_before)
    is_held = pl.col("kind").is_in(_HELD) & pl.col("portfolio_id").is_in(list(inputs.limits))
    kept = sources.filter(~is_held | pl.col("portfolio_id").is_in(list(newer)))
    others = [portfolio_id for portfolio_id in inputs.limits if portfolio_id not in newer]
    before = pl.DataFrame({"portfolio_id": others}, schema={"portfolio_id": pl.String}).select(
        day=pl.lit(inputs.as_of_date),
        kind=pl.lit("targets"),
        portfolio_id="portfolio_id",
        as_of_date=pl.lit(day_before),
        ingest_id=pl.lit(None, pl.Int64),
        run_id=pl.lit(run_id),
        n_rows=pl.lit(None, pl.Int32),
    )
    return inputs._replace(holdings=holdings), pl.concat([kept, before])


def newer_positions(inputs: DayFrames, sources: pl.DataFrame, day_before: date) -> frozenset[str]:
    """Return whose positions are newer than what a run of the day before leaves. *Requires* the sources of one day."""
    newer = (pl.col("kind") == "positions") & (pl.col("as_of_date") > day_before)
    return frozenset(sources.filter(newer)["portfolio_id"]) & frozenset(inputs.limits)


def find_missing_returns(inputs: DayFrames, sources: pl.DataFrame, exchange: str) -> pl.DataFrame:
    """Return the returns for lack of which books were not marked. *Requires* the sources of the day alone."""
    return missing_returns(inputs, books_to_mark(sources, inputs.limits), exchange)


def as_record(inputs: DayFrames, sources: pl.DataFrame, exchange: str, unmarked: Collection[str]) -> dict[str, Any]:
    """Return the sources of the day as its run keeps them: ingests, where holdings came from, whose days counted.

    `positions` are the newest up to the day, whoever reads them, `positions_of_others` whom they name beside ours, and
    `not_in_positions` are those of ours that positions named before and the day's own do not. `unmarked`: whose book
    was to be marked and could not be. `books` says what each starts from: positions, the book that a run left, or that
    book marked.
    """
    day, limits = inputs.as_of_date, inputs.limits
    held, named, unnamed = (
        sources.filter(pl.col("kind").is_in(kinds)).sort("portfolio_id") for kinds in (_HELD, ["named"], ["unnamed"])
    )
    is_ours = pl.col("portfolio_id").is_in(list(limits))
    newest = (
        {
            "as_of_date": named["as_of_date"][0].isoformat(),
            "ingest_id": named["ingest_id"][0],
        }
        if named.height
        else None
    )
    books = books_to_mark(sources, limits)
    marked = {*books["portfolio_id"]} - {*unmarked}
    lists = {kind: sorted(_ids(sources, kind)) for kind in (*_FOR_ALL, _FORMER)}
    if books.height:
        lists[_PRICES] = sorted(_ids(sources.filter(pl.col("as_of_date") >= books["since"].min()), _PRICES))
    return lists | {
        "holdings": {
            portfolio_id: {"as_of_date": held_on.isoformat()}
            | ({"run_id": run_id} if run_id else {"ingest_id": ingest_id})
            for portfolio_id, held_on, ingest_id, run_id in held.filter(is_ours)
            .select("portfolio_id", "as_of_date", "ingest_id", "run_id")
            .iter_rows()
        },
        "books": {
            portfolio_id: "post_trade_marked" if portfolio_id in marked else "post_trade" if run_id else "positions"
            for portfolio_id, run_id in held.filter(is_ours).select("portfolio_id", "run_id").iter_rows()
        },
        "positions": newest,
        "positions_of_others": named.filter(~is_ours)["portfolio_id"].to_list(),
        "not_in_positions": unnamed.filter(is_ours)["portfolio_id"].to_list(),
        "exchange": exchange,
        "scores_since": scores_since(exchange, day, limits).isoformat(),
    }


def recorded_sources(
    warehouse: Warehouse, exchange: str, run: Mapping[str, Any], record: Mapping[str, Any], limits: Limits
) -> pl.DataFrame:
    """Return the sources that a run recorded.

    An earlier release recorded only the day of each portfolio's holdings: these come from what was visible when the
    run was created.
    """
    day = run["as_of_date"]
    lists = [
        {"day": day, "kind": kind, "ingest_id": one}
        for kind in (*_FOR_ALL, _FORMER, _PRICES)
        for one in record.get(kind, [])
    ]
    if any(isinstance(source, str) for source in record["holdings"].values()):
        then = find_sources(warehouse, exchange, [day], limits, known_at=run["created_at"])
        return pl.concat([pl.DataFrame(lists, _SOURCES), then.filter(pl.col("kind").is_in(_HELD))])
    held = [
        {"day": day, "kind": "targets" if "run_id" in source else "positions", "portfolio_id": portfolio_id}
        | source
        | {"as_of_date": date.fromisoformat(source["as_of_date"])}
        for portfolio_id, source in record["holdings"].items()
    ]
    return pl.DataFrame([*lists, *held], _SOURCES)


def _names(renames: pl.DataFrame, sources: pl.DataFrame) -> Callable[[date], Names]:
    """Return the renames in force on a day, by the list that the day reads."""
    lists = {ingest_id: own for (ingest_id,), own in renames.partition_by("ingest_id", as_dict=True).items()}
    list_of = _list_of(sources, "renames")
    return lambda day: names_on(lists[list_of[day]], day) if list_of.get(day) in lists else {}


def _former_of(sources: pl.DataFrame) -> dict[date, tuple[int, ...]]:
    former = sources.filter(pl.col("kind") == _FORMER).sort("ingest_id").partition_by("day", as_dict=True)
    return {day: tuple(own["ingest_id"]) for (day,), own in former.items()}


def _list_of(sources: pl.DataFrame, kind: str) -> dict[date, int]:
    return dict(sources.filter(pl.col("kind") == kind).select("day", "ingest_id").iter_rows())


def _ids(sources: pl.DataFrame, kind: str) -> list[int]:
    return sources.filter(pl.col("kind") == kind)["ingest_id"].unique(maintain_order=True).to_list()


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
    targets = rows["targets"].join(sources.select("day", *on_targets), on=on_targets)
    return pl.concat([positions.select(columns), targets.select(columns)]).sort("portfolio_id", "asset")


def _aged(scores: pl.DataFrame, exchange: str) -> pl.DataFrame:
    ages = score_ages(exchange, scores.select("day", score_date="as_of_date").unique())
    return (
        scores.rename({"as_of_date": "score_date"})
        .join(ages, on=["day", "score_date"], how="left", maintain_order="left")
        .select("day", *_SCORES)
    )


def _in_force(restrictions: pl.DataFrame) -> pl.DataFrame:
    has_begun = pl.col("valid_from").fill_null(pl.col("day")) <= pl.col("day")
    has_ended = pl.col("valid_until").fill_null(pl.col("day")) < pl.col("day")
    return restrictions.filter(has_begun & ~has_ended).select("day", "portfolio_id", "asset", "restriction", "reason")
