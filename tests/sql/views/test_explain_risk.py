"""The page of `ballast explain` under risk limits: every number follows from those above, what is missing is named."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from sql.records import RunRecord
from sql.warehouse import Warehouse
from tests.sizing.days import AS_OF
from tests.sizing.risk.drawn import DrawnRisk, draw_day
from tests.sql.bare_runs import covering, make_visible
from tests.sql.views.test_explain_recomputes import Row, assert_recomputed, read_page, value_of

DAYS = [(seed, None) for seed in range(16)] + [(seed, 0.001) for seed in (102, 116)]
"""Seeds, and the target volatility of a day whose pinned names alone move more: nothing is left of the others."""
RISK_STEPS = {"by volatility", "by crowding", "size", "position cap", "scale"}


def _draw(seed: int, target: float | None) -> DrawnRisk:
    return draw_day(seed) if target is None else draw_day(seed, target_volatility=target)


def _publish_days(
    warehouse: Warehouse, days: Iterable[tuple[int, float | None]]
) -> tuple[dict[str, RebalancingLimits], dict[str, dict[str, Row]]]:
    """Publish drawn days without checks, each a run of its own; give the limits and the sizes of each portfolio."""
    limits: dict[str, RebalancingLimits] = {}
    sized: dict[str, dict[str, Row]] = defaultdict(dict)
    tables: dict[str, list[pl.DataFrame]] = defaultdict(list)
    for seed, target in days:
        drawn, run_id = _draw(seed, target), f"r{seed}"
        own = {f"{name}-{seed}": one for name, one in drawn.limits.items()}
        covered = covering({name: one.model_dump(mode="json") for name, one in own.items()})
        prints = {f"{name}_fingerprint": f"{name} {seed}" for name in ("input", "config", "code")}
        warehouse.start_run(RunRecord(run_id, AS_OF, **covered, **prints, inputs={}), "test")
        result, name_of_run = rebalance(drawn.day())._asdict(), pl.format(f"{{}}-{seed}", "portfolio_id")
        for table, frame in result.items():
            named = {"portfolio_id": name_of_run} if "portfolio_id" in frame.columns else {}
            tables[table].append(frame.with_columns(**named, run_id=pl.lit(run_id)))
        frozen = {one.asset for one in drawn.bans}
        for row in tables["sizing_audit"][-1].iter_rows(named=True):
            sized[row["portfolio_id"]][row["asset"]] = row | {"is_immovable": row["is_held"] and row["asset"] in frozen}
        limits |= own
    with duckdb.connect(str(warehouse.path)) as con:
        for table, frames in tables.items():
            con.register("rows", pl.concat(frames))
            con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows")
        con.execute(
            "INSERT INTO run_events "
            "SELECT 1000 + row_number() OVER (), run_id, 'published', now(), 'test', 'test' FROM runs"
        )
        make_visible(con)
    return limits, sized


def _kind(own: Row, limits: RebalancingLimits) -> tuple[object, ...]:
    """Return what the page of a position differs by."""
    marks = (own[name] for name in ("stage1_cap", "stage2_cap", "drop_reason"))
    is_scaled = limits.target_volatility is not None
    return (own["pinned_weight"] is None, own["volatility_multiplier"] is None, is_scaled, *marks)


@pytest.mark.slow
def test_every_number_under_risk_limits_follows_from_those_above(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse = make_migrated()
    limits, sized = _publish_days(warehouse, DAYS)
    done: set[str] = set()
    pages = {_kind(own, limits[name]): (name, own) for name, rows in sized.items() for own in rows.values()}
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        for name, own in pages.values():
            page = read_page(con, name, own["asset"], AS_OF)
            done |= assert_recomputed(page, limits[name], list(sized[name].values()), own)
            values = {quantity: value for quantity, value, _ in page}
            if own["drop_reason"] in {None, "target_volatility"}:
                assert Decimal(values["rounded down"]) + Decimal(values["rounding unit"]) == own["target_weight"]
            if own["risk_share"] is not None:
                assert float(values["risk share"]) == pytest.approx(own["risk_share"])
        for name in list(sized)[:8]:
            reached = {quantity: (value, words) for quantity, value, words in read_page(con, name, "CASH", AS_OF)}
            value, words = reached["reachable weight"]
            assert value_of(words)[0] == pytest.approx(float(value), abs=2e-11)
    capped = {own[mark] for _, own in pages.values() for mark in ("stage1_cap", "stage2_cap", "drop_reason")}
    assert done >= RISK_STEPS
    assert capped >= {None, "risk", "position", "bucket", "max_position_risk", "target_volatility"}


@pytest.mark.slow
def test_the_page_names_why_a_volatility_is_missing(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse = make_migrated()
    limits, _ = _publish_days(warehouse, DAYS[:6])
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        missing = con.execute(
            "SELECT portfolio_id, asset, gate FROM decisions "
            "WHERE gate = 'no_volatility' OR kept_by = 'volatility_missing'"
        ).fetchall()
        reasons = set()
        for name, asset, gate in missing:
            steps = con.execute(
                "SELECT quantity, value, limit_value, words FROM explain(?, ?, ?)", [name, asset, AS_OF]
            )
            (found,) = [row for row in steps.fetchall() if row[0] == "no volatility"]
            reasons.add(found[1])
            one = limits[name]
            expected = {
                "suspect_return": f"max_plausible_return {one.max_plausible_return}",
                "too_few_returns": f"min_observations {one.min_observations}",
            }
            assert found[2] == expected.get(found[1])
            assert ("not opened" in found[3]) == (gate is not None)
        read = con.execute("SELECT DISTINCT missing_reason FROM risk_estimates WHERE volatility IS NULL").fetchall()
    assert reasons == {reason for (reason,) in read}
    assert len(reasons) >= 4


@pytest.mark.slow
def test_what_would_change_a_weight_changes_it(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse = make_migrated()
    limits, sized = _publish_days(warehouse, DAYS[:12])
    grown = 0
    seen: set[str] = set()
    pages = {_kind(own, limits[name]): (name, own) for name, rows in sized.items() for own in rows.values()}
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        for name, own in pages.values():
            rows = con.execute("FROM what_would_change(?, ?, ?)", [name, own["asset"], AS_OF]).fetchall()
            changes = {quantity: (value, limit, words) for _, quantity, value, limit, words in rows}
            portfolio, seed = name.split("-")
            drawn = _draw(int(seed), None)
            if "no scale" in changes and changes["no scale"][0]:
                again = drawn.of(target_volatility=float(changes["no scale"][0])).result.sizing_audit
                weight = again.filter(portfolio_id=portfolio, asset=own["asset"])["target_weight"].item()
                assert f"{own['stage2_weight'] + own['residual_weight']:.8f}" in changes["no scale"][2]
                assert float(weight) == pytest.approx(own["stage2_weight"] + own["residual_weight"], abs=3e-8)
                seen.add("no scale")
            limit = (changes.get("more weight") or ("", "", ""))[1] or ""
            if limit.startswith(("max_position_risk", "max_single_position")):
                field, value = limit.split(" ")
                assert own["position_cap"] is None or (field == "max_position_risk") == (
                    float(own["position_cap"]) < limits[name].max_single_position
                )
                before = own["stage2_weight"] + own["residual_weight"]
                assert before == pytest.approx(float(own["position_cap"] or limits[name].max_single_position), abs=1e-7)
                again = drawn.of(**{field: min(1.0, float(value) * 1.2)}).result.sizing_audit
                more = again.filter(portfolio_id=portfolio, asset=own["asset"]).row(0, named=True)
                grown += more["stage2_weight"] + more["residual_weight"] > before + 1e-9
                seen.add(field)
    assert seen == {"no scale", "max_position_risk", "max_single_position"}
    assert grown >= 3
