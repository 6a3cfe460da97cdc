"""What would move a weight; that the sizer agrees, tests/e2e/test_changes_that_explain_names.py proves."""

import duckdb
import polars as pl

from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, make_frames, make_run


def _changes(warehouse: Warehouse, asset: str, portfolio: str = "p1") -> dict[str, tuple[str | None, str | None, str]]:
    """Return value, limit and words of each change."""
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        rows = con.execute("FROM what_would_change(?, ?, ?)", [portfolio, asset, DAY]).fetchall()
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    return {quantity: (value, limit, words) for _, quantity, value, limit, words in rows}


def _publish(warehouse: Warehouse, frames: dict[str, pl.DataFrame], **limits: object) -> None:
    warehouse.start_run(make_run("r1", **limits), "test")
    warehouse.publish("r1", frames, "test")


def test_a_full_bucket_is_named_with_the_limit_that_is_its_own(warehouse: Warehouse) -> None:
    frames = make_frames({"p1": {"AAA": "0.4", "BBB": "0.45", "CCC": "0"}})
    _publish(warehouse, frames, max_allocation_per_bucket=0.45, max_allocation_by_bucket={"tech": 0.4})
    assert _changes(warehouse, "AAA")["more weight"][1] == "max_allocation_by_bucket tech 0.4"
    _, limit, words = _changes(warehouse, "BBB")["more weight"]
    assert limit == "max_allocation_per_bucket 0.45"
    assert words.startswith("Bucket health is full")


def test_the_limit_of_the_residual_is_named_where_neither_position_nor_bucket_is_full(warehouse: Warehouse) -> None:
    frames = make_frames()
    frames["sizing_audit"] = frames["sizing_audit"].with_columns(residual_limit=pl.lit("max_residual_multiple"))
    _publish(warehouse, frames, max_residual_multiple=0.5)
    assert _changes(warehouse, "AAA")["more weight"][1] == "max_single_position 0.5"
    assert _changes(warehouse, "BBB")["more weight"][1] == "max_residual_multiple 0.5"


def test_evenly_divided_weights_have_no_limit_and_no_size(warehouse: Warehouse) -> None:
    frames = make_frames({"p1": {"AAA": "0.475", "BBB": "0.475"}})
    _publish(warehouse, frames, enable_dynamic_sizing=False, sizing_mode="adaptive")
    changes = _changes(warehouse, "AAA")
    assert changes["more weight"][1] is None
    assert "evenly" in changes["more weight"][2]
    assert {"larger size", "smaller size"} & set(changes) == set()


def test_a_tier_below_the_score_of_leaving_is_not_told(warehouse: Warehouse) -> None:
    tiers = [
        {"min_score": 0.9, "size_category": "max", "score_multiplier": 1.5},
        {"min_score": 0.7, "size_category": "base", "score_multiplier": 1.0},
    ]
    _publish(warehouse, make_frames(), sizing_mode="adaptive", score_tiers=tiers)
    changes = _changes(warehouse, "AAA")
    assert changes["larger size"][:2] == ("0.9", "score_tiers max")
    assert changes["out"][0] == "0.8"
    assert "smaller size" not in changes


def test_a_closed_holding_is_told_the_score_that_keeps_it(warehouse: Warehouse) -> None:
    _publish(warehouse, make_frames())
    changes = _changes(warehouse, "CCC")
    assert changes["in"] == ("0.85", None, "From this score it is selected; it has 0.8.")
    assert changes["past its gate"][:2] == ("0.8", "min_score_threshold 0.85")


def test_nothing_would_change_what_is_not_there(warehouse: Warehouse) -> None:
    _publish(warehouse, make_frames())
    assert _changes(warehouse, "ZZZ") == _changes(warehouse, "AAA", "p9") == {}
