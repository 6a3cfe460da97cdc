"""Compute a published run again from what the warehouse kept of it, and compare every value."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import polars.selectors as cs

from sizing.pipeline import rebalance
from sizing.text import counted, listed
from tasks.artifacts import show_markdown
from tasks.config.settings import Settings
from tasks.errors import UsageError
from tasks.inputs.fingerprints import code_fingerprint, input_fingerprint
from tasks.retries import RETRIES
from tasks.runs.orders import order_again
from tasks.runs.run_record import actor, read_recorded
from tasks.stages import run_logger, stage
from tasks.text import with_warnings

_ROW_KEYS = {
    "decisions": ("asset",),
    "sizing_audit": ("asset",),
    "sizing_summary": (),
    "targets": ("asset",),
    "trade_summary": (),
    "constraint_checks": ("constraint_name", "basis"),
    "lifecycle": ("asset",),
    "risk_estimates": (
        *("source", "model", "half_life_days", "window_days", "min_observations", "max_plausible_return"),
        "asset",
    ),
    "orders": ("asset",),
}
_DIFFERENCE = ("table_name", "portfolio_id", "row_key", "column_name", "published", "replayed")


@dataclass(frozen=True)
class Replayed:
    """What a replay found. `n_differences` counts the values that differ; `other_calendar`: see `Recorded`."""

    run_id: str
    replay_id: int
    n_differences: int
    has_other_code: bool
    has_other_inputs: bool
    other_calendar: str = ""


@stage("find runs", RETRIES)
def find_published(
    settings: Settings, run_id: str | None, first: date | None, last: date | None
) -> dict[str, tuple[str, ...]]:
    """Return the runs that were ever published, superseded ones too, by month: of a name, or of a range of days.

    *Raises* `UsageError` when there is none.
    """
    selection = {"run_id": run_id, "first": first, "last": last}
    found = settings.open_warehouse().query("runs_to_replay", **selection)
    if found.is_empty():
        wanted = f"run {run_id}" if run_id else f"run from {first} to {last}"
        msg = f"no {wanted} was ever published: latest_runs lists what ran"
        raise UsageError(msg)
    months = found.group_by(month=pl.col("as_of_date").dt.strftime("%Y-%m"), maintain_order=True).agg("run_id")
    return {month: tuple(run_ids) for month, run_ids in months.iter_rows()}


@stage("replay", RETRIES)
def replay_runs(settings: Settings, run_ids: tuple[str, ...]) -> tuple[Replayed, ...]:
    """Compute each run again and record what came out."""
    by, code = actor(), code_fingerprint()
    replayed = tuple(_replay(settings, run_id, by, code) for run_id in run_ids)
    differing = [one.run_id for one in replayed if one.n_differences]
    run_logger().info("replay: %d runs, %d differ: %s", len(replayed), len(differing), listed(differing))
    return replayed


@stage("report")
def report_replay(replayed: tuple[Replayed, ...]) -> str:
    """Store what the replay found as an artifact, and return it in one sentence, each warning on a line below it."""
    sentence = _summarise(replayed)
    rows = [
        f"| {one.run_id} | {one.n_differences} | {_yes(one.has_other_code)} | {_yes(one.has_other_inputs)} "
        f"| {one.replay_id} |"
        for one in replayed
        if one.n_differences
    ]
    head = ["| run | differences | other code | other inputs | replay_id |", "|---|---|---|---|---|"] if rows else []
    markdown = "\n".join([f"# {sentence.splitlines()[0]}", "", *head, *rows])
    show_markdown(markdown, key="replay", description="Differences: see replay_differences")
    return sentence


def _replay(settings: Settings, run_id: str, by: str, code: str) -> Replayed:
    with settings.open_warehouse().kept_open() as warehouse:
        run = warehouse.query("run_by_id", run_id=run_id).row(0, named=True)
        inputs, other_calendar = read_recorded(warehouse, settings.exchange, run)
        published = warehouse.read_run(run_id)
        orders = [warehouse.query("orders_of_run", run_id=run_id), order_again(warehouse, run_id)]
    read = input_fingerprint(inputs.frames)
    differences = pl.concat(
        [
            _of_inputs(run, inputs.limits, read),
            find_differences(published, rebalance(inputs)._asdict()),
            compare_orders(*orders),
        ]
    )
    return Replayed(
        run_id,
        settings.open_warehouse().record_replay(run_id, by, code, differences),
        differences.height,
        has_other_code=run["code_fingerprint"] != code,
        has_other_inputs=run["input_fingerprint"] != read,
        other_calendar=other_calendar,
    )


def find_differences(published: Mapping[str, pl.DataFrame], replayed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Compare every value of every column that was published, as text, which for a float has all its bits.

    *Returns* `table_name, portfolio_id, row_key, column_name, published, replayed`: one row a value that differs, one
    without a column for a row that only one side has.
    """
    return pl.concat(_compare(table, published[table], replayed[table]) for table in published)


def compare_orders(published: pl.DataFrame, replayed: pl.DataFrame) -> pl.DataFrame:
    """Compare the orders of a run as `find_differences` compares its tables."""
    names = {"run_id", "order_id"}  # made of the run and the asset, not computed
    return _compare("orders", published.drop(names), replayed)


def _compare(table: str, published: pl.DataFrame, replayed: pl.DataFrame) -> pl.DataFrame:
    names = _ROW_KEYS[table]
    key, shared = ["portfolio_id", "row_key"], [name for name in replayed.columns if name in published.columns]
    before, after = (
        _with_key(frame, names)
        for frame in (published, replayed.select(shared).cast({name: published.schema[name] for name in shared}))
    )
    gone, new = (
        one.join(other, on=key, how="anti", nulls_equal=True).select(
            *key, column_name=pl.lit(None, pl.String), **{side: pl.lit("a row"), opposite: pl.lit(None, pl.String)}
        )
        for one, other, side, opposite in (
            (before, after, "published", "replayed"),
            (after, before, "replayed", "published"),
        )
    )
    values = _values(before, key, "published").join(
        _values(after, key, "replayed"), on=[*key, "column_name"], how="inner", nulls_equal=True
    )
    moved = values.filter(pl.col("published").ne_missing(pl.col("replayed")))
    return (
        pl.concat([gone, new, moved], how="diagonal")
        .with_columns(table_name=pl.lit(table))
        .select(_DIFFERENCE)
        .sort("portfolio_id", "row_key", "column_name")
    )


def _with_key(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Add `row_key`, and a `portfolio_id` of null to what is of no portfolio."""
    key = pl.concat_str(names, separator=" of ", ignore_nulls=True) if names else pl.lit(None, pl.String)
    of_all = {} if "portfolio_id" in frame.columns else {"portfolio_id": pl.lit(None, pl.String)}
    return frame.with_columns(row_key=key, **of_all)


def _values(frame: pl.DataFrame, key: list[str], side: str) -> pl.DataFrame:
    texts = frame.with_columns(cs.list().cast(pl.List(pl.String)).list.join(", "), (~cs.list()).cast(pl.String))
    return texts.unpivot(index=key, variable_name="column_name", value_name=side)


def _of_inputs(run: Mapping[str, Any], covered: Iterable[str], read: str) -> pl.DataFrame:
    """Return the difference of the inputs for every portfolio, since all are computed from them."""
    portfolios = covered if run["input_fingerprint"] != read else ()
    return pl.DataFrame(
        [("runs", one, None, "input_fingerprint", run["input_fingerprint"], read) for one in portfolios],
        schema=dict.fromkeys(_DIFFERENCE, pl.String),
        orient="row",
    )


def _summarise(replayed: tuple[Replayed, ...]) -> str:
    differing = [one for one in replayed if one.n_differences]
    n_values = sum(one.n_differences for one in differing)
    found = (
        f"{len(differing)} differ, in {n_values} values, see replay_differences"
        if differing
        else "identical, every value of every table"
    )
    warnings = (
        (sum(one.has_other_inputs for one in replayed), "read other inputs than were recorded"),
        (sum(one.has_other_code for one in replayed), "computed by other code than now"),
    )
    sentences = [f"{n_runs} of {len(replayed)} {words}" for n_runs, words in warnings if n_runs]
    moved = [one for one in replayed if one.other_calendar]
    if moved:
        sentences.append(
            f"{len(moved)} of {len(replayed)} counted days by another calendar than now, and were replayed by theirs: "
            f"{moved[0].run_id}, {moved[0].other_calendar}"
        )
    return with_warnings(f"{counted(len(replayed), 'run')} replayed: {found}", *sentences)


def _yes(flag: bool) -> str:  # noqa: FBT001 - a cell of a table
    return "yes" if flag else ""
