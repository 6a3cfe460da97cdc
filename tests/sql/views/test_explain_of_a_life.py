"""What is explained of grace, locks, terms and cooldown: numbers, what would change them, why targets changed."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pytest

from sizing.pipeline import rebalance
from sql.warehouse import Warehouse
from tests.sizing.days import Ban
from tests.sizing.lifecycle.histories import draw_history
from tests.sizing.lifecycle.history_walk import Walk
from tests.sizing.lifecycle.states import State
from tests.sizing.lifecycle.walk import walk
from tests.sql.lifecycle_days import LIMITS, SESSIONS, publish_day, publish_life, run_of
from tests.sql.views.test_explain_recomputes import assert_recomputed, read_page, value_of

pytestmark = pytest.mark.slow

HISTORIES, FIRST_DAY = 60, 12
"""Random portfolios, and the first of their days that is looked at: by then they have a past."""

_KINDS = ("kept_by", "is_pinned_now", "drop_reason", "enable_dynamic_sizing", "sizing_mode", "is_scaled", "starts_term")


def july(day: int) -> date:
    return date(2025, 7, day)


@pytest.fixture(scope="module")
def life(make_migrated: Callable[[], Warehouse]) -> Warehouse:
    warehouse = make_migrated()
    publish_life(warehouse)
    return warehouse


def steps(warehouse: Warehouse, macro: str, asset: str, day: int) -> dict[str, tuple[str | None, str | None]]:
    """Return value and limit of each step."""
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        rows = con.execute(f"FROM {macro}('P', ?, ?)", [asset, july(day)]).fetchall()
    return {quantity: (value, limit) for _, quantity, value, limit, _ in rows}


@pytest.mark.parametrize(
    ("day", "kept_by", "factor", "pinned"),
    [
        (2, ("min_holding_days", "min_holding_days 3"), None, None),
        (3, ("min_holding_days", "min_holding_days 3"), None, "0.15000000"),
        (7, ("grace_period_days", "grace_period_days 3"), "0.8", "0.12000000"),
        (8, None, None, None),
        (11, ("grace_period_days", "grace_period_days 3"), "0.64", "0.09600000"),
    ],
)
def test_what_keeps_a_holding_and_at_which_weight_is_explained(
    life: Warehouse, day: int, kept_by: tuple[str, str] | None, factor: str | None, pinned: str | None
) -> None:
    story = steps(life, "explain", "a", day)
    assert story.get("kept by") == kept_by
    assert story.get("grace factor", (None,))[0] == factor
    assert story.get("pinned weight", (None,))[0] == pinned


@pytest.mark.parametrize(
    ("day", "asset", "change", "expected"),
    [
        (3, "a", "not frozen", ("0.6", "min_score_threshold 0.6")),
        (7, "a", "not frozen", ("0.65", "grace_recovery_score 0.65")),
        (2, "a", "frozen", ("0.6", "min_score_threshold 0.6")),
        (8, "a", "grace goes on", ("0.65", "grace_recovery_score 0.65")),
        (9, "a", "not frozen", ("0.6", "min_score_threshold 0.6")),
        (14, "a", "in", ("0.6", None)),
        (14, "a", "past its gate", ("4", "grace_period_days 3")),
        (15, "a", "in", (None, None)),
        (15, "a", "past its gate", ("0", "reentry_cooldown_days 5")),
        (16, "a", "past its gate", ("1", "reentry_cooldown_days 5")),
        (16, "b", "out", ("0.65", None)),
    ],
)
def test_what_would_change_a_kept_or_stopped_name(
    life: Warehouse, day: int, asset: str, change: str, expected: tuple[str | None, str | None]
) -> None:
    assert steps(life, "what_would_change", asset, day)[change] == expected


def test_only_a_cooldown_of_0_lets_in_what_positions_show_closed_today(warehouse: Warehouse) -> None:
    days = [{"a": 0.9, "b": 0.9}] * 2
    for one in walk(LIMITS, days, sessions=SESSIONS, files={0: {"a": 0.1, "b": 0.1}, 1: {"b": 0.1}}):
        publish_day(warehouse, one, {"P": LIMITS})
    assert steps(warehouse, "what_would_change", "a", 2)["past its gate"] == ("0", "reentry_cooldown_days 5")


def test_a_close_that_positions_withdraw_and_that_is_made_again_ends_one_stay(warehouse: Warehouse) -> None:
    days = [{"a": score, "b": 0.9} for score in (0.9, 0.9, 0.9, 0.9, 0.5, 0.5, 0.5)]
    limits = LIMITS.model_copy(update={"grace_period_days": 0})
    for one in walk(limits, days, sessions=SESSIONS, files={5: {"a": 0.1, "b": 0.15}}):
        publish_day(warehouse, one, {"P": limits})
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        found = con.execute("SELECT closed_on, outcome, gate FROM holding_periods WHERE asset = 'a'").fetchall()
    assert found == [(july(9), "closed", "below_min_score_threshold")]


@pytest.mark.parametrize(("day", "multiplier"), [(15, 1.65), (16, 1.5)])
def test_a_new_term_begins_without_the_bias_of_a_holding(life: Warehouse, day: int, multiplier: float) -> None:
    assert float(steps(life, "explain", "b", day)["multiplier"][0] or 0) == pytest.approx(multiplier, abs=1e-12)


@pytest.mark.parametrize(
    ("before", "day", "causes", "moved"),
    [
        (3, 7, "grace -0.03000000", ["kept"]),
        (7, 8, "grace +0.03000000", ["score", "rank", "size", "kept"]),
        (10, 11, "grace -0.02400000", ["kept"]),
        (11, 14, "selection -0.09600000", ["gate"]),
    ],
)
def test_a_change_names_grace_and_no_limit(
    life: Warehouse, before: int, day: int, causes: str, moved: list[str]
) -> None:
    pair = [{"portfolio_id": "P", "run_id": run_of(july(day)), "previous_run_id": run_of(july(before))}]
    with duckdb.connect(str(life.path), read_only=True) as con:
        found = con.execute("SELECT causes, moved FROM differences_of(?) WHERE asset = 'a'", [pair]).fetchall()
    assert found[0][0] == causes
    assert [one for one in found[0][1] if one not in {"holding", "others"}] == moved


def test_the_end_of_a_lock_is_the_cause_of_what_it_kept(warehouse: Warehouse) -> None:
    publish_life(warehouse, 5, LIMITS.model_copy(update={"grace_period_days": 0, "max_single_position": 0.4}))
    pair = [{"portfolio_id": "P", "run_id": run_of(july(day)), "previous_run_id": run_of(july(3))} for day in (7, 8)]
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        found = con.execute(
            "SELECT as_of_date, causes, moved, change FROM differences_of(?) WHERE asset = 'a' ORDER BY ALL", [pair]
        ).fetchall()
    assert found[0][1].startswith("selection ")
    assert {"kept", "gate"} <= set(found[0][2])


def test_past_stays_and_graces_are_rows(life: Warehouse) -> None:
    rows = life.query("life_of_asset", portfolio_id="P", asset="a", as_of_date=july(16))
    assert rows.select("quantity", "value", "limit_value").rows() == [
        ("stay", "1", "grace_period_days"),
        ("in grace", "2025-07-03 to 2025-07-07", None),
        ("in grace", "2025-07-09 to 2025-07-14", None),
    ]
    assert life.query("life_of_asset", portfolio_id="P", asset="a", as_of_date=july(2))["limit_value"].to_list() == [
        None
    ]
    assert life.query("life_of_asset", portfolio_id="P", asset="zzz", as_of_date=july(16)).is_empty()


def test_what_was_closed_on_the_first_day_is_a_stay_without_a_number(warehouse: Warehouse) -> None:
    at_once = LIMITS.model_copy(update={"grace_period_days": 0})
    publish_day(warehouse, next(walk(at_once, [{"a": 0.1}], files={0: {"a": 0.1}})), {"P": at_once})
    day = date(2025, 1, 1)
    rows = warehouse.query("life_of_asset", portfolio_id="P", asset="a", as_of_date=day)
    assert rows.select("quantity", "value").rows() == [("stay", None)]


def test_every_number_of_days_with_a_past_follows_from_those_above(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse = make_migrated()
    walked = Walk([draw_history(seed) for seed in range(HISTORIES)])
    looked_at, days = [], {}
    for day in range(24):
        walked.walk(day)
        if day < FIRST_DAY or walked.inputs is None:
            continue
        result, limits = rebalance(walked.inputs), walked.inputs.limits
        publish_day(warehouse, result, limits)
        days[walked.inputs.as_of_date] = (result, limits)
        looked_at.append(_kinds(result, limits))
    kinds = pl.concat(looked_at).unique(_KINDS, keep="first", maintain_order=True)
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        done = {
            quantity
            for row in kinds.iter_rows(named=True)
            for quantity in _recompute(con, *days[row["as_of_date"]], row)
        }
    assert {"grace factor", "pinned weight", "within limits", "multiplier", "stage 2 weight", "rounded down"} <= done
    assert set(kinds["kept_by"]) >= {
        "grace_period_days",
        "min_holding_days",
        "core_assets",
        "score_missing",
        "no_trade",
    }
    assert kinds["starts_term"].any()


def _kinds(result: Any, limits: Any) -> pl.DataFrame:  # noqa: ANN401 - frames of a day
    modes = [(name, one.enable_dynamic_sizing, one.sizing_mode, one.incumbent_bias) for name, one in limits.items()]
    columns = ["portfolio_id", "enable_dynamic_sizing", "sizing_mode", "incumbent_bias"]
    day = result.targets["as_of_date"][0]
    started = result.lifecycle.filter(pl.col("term_started_on") == day, pl.col("opened_on") < day)
    return (
        result.sizing_audit.join(
            result.decisions.select("portfolio_id", "asset", "kept_by", "restriction"), on=["portfolio_id", "asset"]
        )
        .join(pl.DataFrame(modes, schema=columns, orient="row"), on="portfolio_id")
        .join(
            started.select("portfolio_id", "asset", starts=pl.lit(value=True)), on=["portfolio_id", "asset"], how="left"
        )
        .with_columns(
            as_of_date=pl.lit(day),
            is_pinned_now=pl.col("pinned_weight").is_not_null(),
            is_scaled=(pl.col("pinned_weight") > pl.col("raw_weight")).fill_null(value=False),
            starts_term=pl.col("starts").fill_null(value=False) & (pl.col("incumbent_bias") > 0),
        )
    )


def _recompute(con: duckdb.DuckDBPyConnection, result: Any, limits: Any, own: dict[str, Any]) -> set[str]:  # noqa: ANN401
    key = {"portfolio_id": own["portfolio_id"], "asset": own["asset"]}
    bans = result.decisions.select(
        "portfolio_id",
        "asset",
        is_immovable=pl.col("is_held") & (pl.col("restriction") == "no_trade").fill_null(value=False),
    )
    rows = (
        result.sizing_audit.filter(portfolio_id=own["portfolio_id"]).join(bans, on=["portfolio_id", "asset"]).to_dicts()
    )
    state = result.lifecycle.filter(**key)["grace_entry_weight"].drop_nulls().cast(float).to_list()
    page = read_page(con, own["portfolio_id"], own["asset"], own["as_of_date"])
    done = assert_recomputed(page, limits[own["portfolio_id"]], rows, own, [*state, 1e-8])
    values = {quantity: value for quantity, value, _ in page}
    if own["drop_reason"] is None:
        assert Decimal(values["rounded down"]) + Decimal(values["rounding unit"]) == own["target_weight"]
        taken = Decimal(values["rounding unit"])
        assert taken == 0 or own["kept_by"] in {None, "score_missing"} or own["pinned_weight"] is None
    return done


def test_the_unit_of_a_locked_holding_beside_what_may_not_be_traded_is_explained(warehouse: Warehouse) -> None:
    limits = LIMITS.model_copy(update={"target_total_allocation": 0.3, "max_single_position": 0.3})
    before = (2, {"a": 0.3, "b": 0.1}, [State("a"), State("b")])
    bans = {2: [Ban("a", "no_trade")]}
    result = next(walk(limits, [{"a": 0.9, "b": 0.2}], before=before, bans=bans))
    publish_day(warehouse, result, {"P": limits})
    day = result.targets["as_of_date"][0]
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        page = read_page(con, "P", "b", day)
    values = {quantity: (value, value_of(words)) for quantity, value, words in page}
    value, typed = values["within limits"]
    assert typed
    assert float(value) == typed[0] == 1e-8
    assert values["rounded down"][0] == values["target weight"][0] == "0.00000001"
