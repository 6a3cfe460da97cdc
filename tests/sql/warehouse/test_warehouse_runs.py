from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest

from sql.errors import WarehouseError
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, TWO, make_frames, make_run, publish, read, states_of

NEXT = DAY + timedelta(days=1)
P2 = {"p2": TWO["p2"]}


def test_a_new_run_has_no_state_before_and_is_started(warehouse: Warehouse) -> None:
    assert warehouse.start_run(make_run("r1"), "scheduler") is None
    run = warehouse.query("run_by_id", run_id="r1").rows(named=True)[0]
    assert (run["state"], run["by"], run["n_portfolios"]) == ("started", "scheduler", 1)


def test_a_run_started_again_returns_its_state(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    warehouse.record_event("r1", "held", "test", "too many scores missing")
    assert warehouse.start_run(make_run("r1"), "test") == "held"
    assert states_of(warehouse, "r1") == ["started", "held", "started"]


def test_a_published_run_started_again_is_unchanged(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    assert warehouse.start_run(make_run("r1"), "test") == "published"
    assert states_of(warehouse, "r1") == ["started", "published", "unchanged"]
    assert warehouse.query("run_by_id", run_id="r1")["state"].to_list() == ["published"]


def test_a_run_id_that_means_another_run_is_refused(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    with pytest.raises(WarehouseError, match=r"1 differences: code_fingerprint other, recorded code-r1"):
        warehouse.start_run(replace(make_run("r1"), code_fingerprint="other"), "test")
    assert states_of(warehouse, "r1") == ["started"]


@pytest.mark.parametrize("portfolio_ids", [(), ("p1", "p1")])
def test_a_run_has_portfolios_and_each_once(portfolio_ids: tuple[str, ...]) -> None:
    with pytest.raises(WarehouseError, match="at least one and each only once"):
        replace(make_run("r1"), portfolios=pl.DataFrame({"portfolio_id": portfolio_ids}, {"portfolio_id": pl.String}))


def test_the_config_comes_back_as_it_was(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1", max_single_position=0.12345678), "test")
    limits = read(warehouse, "SELECT max_single_position, max_allocation_by_bucket['tech'] AS tech FROM run_limits")
    assert limits.rows() == [(Decimal("0.12345678"), Decimal("0.65"))]


@pytest.mark.parametrize("value", [Decimal("0.1"), float("nan")])
def test_inputs_that_are_no_json_are_refused(warehouse: Warehouse, value: object) -> None:
    run = replace(make_run("r1"), inputs={"dust_weight": value})
    with pytest.raises(WarehouseError, match=r"inputs of run r1 are no JSON: .*model_dump\(mode='json'\)"):
        warehouse.start_run(run, "test")
    assert warehouse.query("run_by_id", run_id="r1").is_empty()


@pytest.mark.parametrize("state", ["published", "superseded"])
def test_what_makes_targets_visible_cannot_be_told(warehouse: Warehouse, state: str) -> None:
    warehouse.start_run(make_run("r1"), "test")
    with pytest.raises(WarehouseError, match=f"state {state} of run r1 cannot be recorded alone"):
        warehouse.record_event("r1", state, "test", "")


def test_an_event_of_an_unknown_run_or_state_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match=r"no run r1 .*start_run\(\) comes first"):
        warehouse.record_event("r1", "held", "test", "")
    warehouse.start_run(make_run("r1"), "test")
    with pytest.raises(WarehouseError, match="CHECK constraint"):
        warehouse.record_event("r1", "lost", "test", "")
    assert states_of(warehouse, "r1") == ["started"]


def test_an_unknown_run_cannot_be_published(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="no run r1"):
        warehouse.publish("r1", make_frames(), "test")


def test_a_published_run_is_what_was_handed_over(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    for table, frame in make_frames(TWO).items():
        stored = read(warehouse, f"SELECT * EXCLUDE (run_id) FROM {table}")
        key = [name for name in ("portfolio_id", "asset") if name in frame.columns]
        assert stored.sort(key).equals(frame.select(stored.columns).sort(key)), table


def test_columns_are_matched_by_name(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    turned = {table: frame.select(reversed(frame.columns)) for table, frame in make_frames().items()}
    warehouse.publish("r1", turned, "test")
    weights = warehouse.query("current_targets").select("asset", "target_weight").rows()
    assert dict(weights)["AAA"] == Decimal("0.5")


def test_publishing_again_writes_nothing_but_an_event(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    first = warehouse.query("current_targets")
    again = warehouse.publish("r1", make_frames(), "test")
    assert (again.is_new, again.superseded) == (False, ())
    assert warehouse.query("current_targets").equals(first)
    assert again.published_at == first["published_at"][0]
    assert states_of(warehouse, "r1") == ["started", "published", "unchanged"]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ({"targets": make_frames()["targets"]}, r"got frames \['targets'\], expected exactly"),
        (
            make_frames() | {"decisions": make_frames()["decisions"].drop("gate")},
            r"table decisions does not fit: 1 columns missing \['gate'\]",
        ),
        (
            make_frames() | {"targets": make_frames()["targets"].cast({"target_weight": pl.Float64})},
            r"target_weight is Float64, expected DECIMAL\(10,8\)",
        ),
    ],
)
def test_frames_that_do_not_fit_are_refused_before_writing(
    warehouse: Warehouse, frames: dict[str, pl.DataFrame], message: str
) -> None:
    warehouse.start_run(make_run("r1"), "test")
    with pytest.raises(WarehouseError, match=message):
        warehouse.publish("r1", frames, "test")
    assert states_of(warehouse, "r1") == ["started"]


def test_a_null_where_none_may_be_rolls_everything_back(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    frames = make_frames()
    frames["constraint_checks"] = frames["constraint_checks"].with_columns(is_ok=pl.lit(None, pl.Boolean))
    with pytest.raises(WarehouseError, match=r"NOT NULL constraint failed: constraint_checks\.is_ok"):
        warehouse.publish("r1", frames, "test")
    assert read(warehouse, "SELECT * FROM targets").is_empty()
