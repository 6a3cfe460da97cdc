"""What a large run does otherwise works in a lake too: rows piece by piece, checks of some portfolios at a time."""

import pytest

from sql.errors import PublishRejectedError
from tasks.config.settings import Settings
from tests.sql.warehouse_samples import make_frames, make_run

PORTFOLIOS = {name: {"AAA": "0.5", "BBB": "0.3", "CCC": "0"} for name in ("p1", "p2", "p3")}


def test_rows_piece_by_piece_are_checked_some_portfolios_at_a_time(
    lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sql.store.runs._AT_ONCE", 1)
    monkeypatch.setattr("sql.engine.statements._ROWS_AT_ONCE", 2)
    warehouse, frames = lake.open_warehouse(), make_frames(PORTFOLIOS)
    warehouse.start_run(make_run("r1", PORTFOLIOS), "test")
    assert warehouse.publish("r1", {table: frame.lazy() for table, frame in frames.items()}, "test").is_new
    shown = warehouse.query_snapshot(
        "SELECT portfolio_id, count(*) AS n_rows FROM current_targets GROUP BY 1 ORDER BY 1"
    )
    assert shown.rows() == [(name, frames["targets"].height / len(PORTFOLIOS)) for name in PORTFOLIOS]
    assert warehouse.query_snapshot("SELECT count(*) AS n FROM decisions").item() == frames["decisions"].height


def test_a_row_twice_is_found_in_any_part(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sql.store.runs._AT_ONCE", 1)
    warehouse, frames = lake.open_warehouse(), make_frames(PORTFOLIOS)
    warehouse.start_run(make_run("r1", PORTFOLIOS), "test")
    frames["targets"] = frames["targets"].vstack(frames["targets"].tail(1))
    with pytest.raises(PublishRejectedError, match="one_target_per_asset"):
        warehouse.publish("r1", frames, "test")
    assert warehouse.query_snapshot("FROM targets").is_empty()
