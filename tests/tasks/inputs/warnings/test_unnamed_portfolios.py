"""A portfolio that the day's positions do not name: what is taken as held is reported, and "nothing" can be said."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from sql.records import RunRecord
from tasks.config.portfolios import load_portfolios
from tasks.config.settings import Settings
from tasks.errors import SourceError
from tasks.inputs.warnings.unnamed_portfolios import NOTHING, POSITIONS, TARGETS, describe_unnamed
from tasks.preflight.day_check import DayValidation
from tasks.runs.ingest import ingest_range
from tasks.runs.multi_day.backfill import publish_days as publish_days_of
from tasks.runs.multi_day.day_stretches import Book
from tasks.runs.run_record import gather
from tests.helpers.installation import installed_in, publish_days

FIRST, NEXT, LAST = (date(2025, 6, day) for day in (2, 3, 4))
PORTFOLIOS = "portfolios:\n  core: {min_buckets_represented: 1}\n  income: {min_buckets_represented: 1}\n"
CORE, INCOME = "core,AAA,0.15", "income,BBB,0.15"
UNNAMED = "positions: income was named before and is not in this file; "
TAKEN_EARLIER = "positions taken in earlier: portfolios core, income are not in this run"

Put = Callable[..., None]


@pytest.fixture
def installed(tmp_path: Path, migrated: Path) -> Settings:
    """Three days of scores, and no positions yet."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "portfolios.yaml").write_text(PORTFOLIOS)
    (tmp_path / "inbox" / "assets.csv").write_text("asset,bucket\nAAA,Tech\nBBB,Finance\n")
    for day in (FIRST, NEXT, LAST):
        rows = f"date,asset,score\n{day},AAA,0.9\n{day},BBB,0.8\n"
        (tmp_path / "inbox" / f"scores_{day}.csv").write_text(rows)
    assert migrated == tmp_path / "warehouse.duckdb"
    return installed_in(tmp_path, tmp_path / "inbox", tmp_path / "portfolios.yaml")


@pytest.fixture
def put(installed: Settings) -> Put:
    """Write the positions of a day."""

    def put(day: date, *rows: str) -> None:
        lines = ["date,portfolio_id,asset,current_weight", *(f"{day},{row}" for row in rows)]
        (installed.inbox / f"positions_{day}.csv").write_text("\n".join(lines) + "\n")

    return put


def _open(installed: Settings, day: date) -> tuple[dict[str, list[str]], tuple[str, ...], RunRecord]:
    """Return what each portfolio holds on the day, the warnings of its run, and what the run records."""
    ingest_range(installed, [day], {})
    limits = load_portfolios(installed.config)
    with installed.open_warehouse().kept_open() as warehouse:
        inputs, (record, warnings) = gather(warehouse, "XNYS", day, limits)
    held = {name: inputs.holdings.filter(portfolio_id=name)["asset"].to_list() for name in limits}
    return held, tuple(warnings), record


def _sentences(installed: Settings, day: date) -> list[str]:
    seen = DayValidation(installed)
    seen.check(day)
    return [finding.what for finding in seen.found if finding.what.startswith("positions")]


@pytest.mark.slow
def test_last_published_targets_are_taken_as_held_and_reported(installed: Settings, put: Put) -> None:
    put(FIRST, CORE, INCOME)
    publish_days(installed, [FIRST])
    put(NEXT, CORE)
    held, [warning], recorded = _open(installed, NEXT)
    assert held == {"core": ["AAA"], "income": ["AAA", "BBB"]}
    assert warning.startswith(UNNAMED + "what its last published trades left is taken as held")
    assert recorded.portfolios.filter("is_unnamed")["portfolio_id"].to_list() == ["income"]
    publish_days(installed, [NEXT])
    with installed.open_warehouse().kept_open() as warehouse:
        assert warehouse.query("newest_health", first=NEXT)["warnings"].to_list() == [[warning]]


@pytest.mark.slow
def test_nothing_is_said_on_a_day_without_positions(installed: Settings, put: Put) -> None:
    put(FIRST, CORE, INCOME)
    publish_days(installed, [FIRST])
    put(NEXT, CORE)
    publish_days(installed, [NEXT])
    assert _open(installed, LAST)[1] == ()


def test_a_dropped_portfolio_without_publication_holds_nothing(installed: Settings, put: Put) -> None:
    put(FIRST, CORE, INCOME)
    _open(installed, FIRST)
    put(FIRST, CORE)
    held, [warning], _ = _open(installed, FIRST)
    assert held == {"core": ["AAA"], "income": []}
    assert warning.startswith(UNNAMED + "nothing of it was published before, so it holds nothing")


def test_earlier_positions_count_where_nothing_was_published_since(installed: Settings, put: Put) -> None:
    put(FIRST, CORE, INCOME)
    _open(installed, FIRST)
    put(NEXT, CORE)
    held, [warning], _ = _open(installed, NEXT)
    assert held == {"core": ["AAA"], "income": ["BBB"]}
    assert warning.startswith(UNNAMED + "its last positions before the day are taken as held")


@pytest.mark.slow
def test_a_row_of_cash_says_that_a_portfolio_holds_nothing(installed: Settings, put: Put) -> None:
    put(FIRST, CORE, INCOME)
    publish_days(installed, [FIRST])
    put(NEXT, CORE, "income,CASH,1")
    held, warnings, recorded = _open(installed, NEXT)
    assert (held, warnings) == ({"core": ["AAA"], "income": []}, ())
    ingest_id = recorded.inputs["positions"]["ingest_id"]
    assert recorded.portfolios.select("portfolio_id", "held_on", "held_ingest_id", "held_run_id").rows() == [
        (name, date(2025, 6, 3), ingest_id, None) for name in ("core", "income")
    ]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["income,CASH,0.4"], "leave the row out"),
        (["income,CASH,1", INCOME], "add up to more than 1.005, the first is income"),
        (["income,cash,1"], "looks like cash: cash"),
    ],
)
def test_cash_beside_positions_rejects_the_file(installed: Settings, put: Put, rows: list[str], told: str) -> None:
    put(FIRST, CORE, *rows)
    with pytest.raises(SourceError, match=told):
        ingest_range(installed, [FIRST], {})


@pytest.mark.slow
def test_a_backfill_reports_it_and_starts_from_its_own_targets(installed: Settings, put: Put) -> None:
    put(FIRST, CORE, INCOME)
    put(NEXT, CORE)
    put(LAST, CORE, "income,CASH,1")
    days = (FIRST, NEXT, LAST)
    ingest_range(installed, days, {})
    with installed.open_warehouse().kept_open() as warehouse:
        book = Book(warehouse, "XNYS", load_portfolios(installed.config), "test", None)
        told = {one.day: one.warnings for one in publish_days_of(book, days, keep_going=False)}
        held = warehouse.query("targets_of_days", days=[NEXT, LAST], first=None, last=None).filter(
            portfolio_id="income", asset="BBB"
        )
    assert (told[FIRST], told[LAST]) == ((), ())
    assert told[NEXT][0].startswith(UNNAMED + "what its last published trades left is taken as held")
    assert [f"{weight:.2f}" for weight in held["current_weight"]] == ["0.15", "0.00"]


@pytest.mark.slow
def test_validate_says_it_where_the_snapshot_knows(installed: Settings, put: Put) -> None:
    put(FIRST, CORE, INCOME)
    assert _sentences(installed, FIRST) == []
    publish_days(installed, [FIRST])
    installed.open_warehouse().snapshot()
    put(NEXT, CORE)
    assert [told.partition(" (")[0] for told in _sentences(installed, NEXT)] == [
        UNNAMED + "what its last published trades left is taken as held"
    ]
    put(NEXT, CORE, "income,CASH,1")
    assert _sentences(installed, NEXT) == []
    put(FIRST, CORE)
    assert "so it holds nothing" in _sentences(installed, FIRST)[0]


@pytest.mark.slow
def test_positions_that_name_nobody_of_the_run_are_used(installed: Settings, put: Put) -> None:
    put(FIRST, CORE, INCOME)
    publish_days(installed, [FIRST])
    installed.config.write_text("portfolios:\n  main: {min_buckets_represented: 1}\n")
    assert _open(installed, FIRST)[1] == ("positions taken in: portfolios core, income are not in this run",)
    (installed.inbox / f"positions_{FIRST}.csv").unlink()
    assert _open(installed, NEXT)[1] == (TAKEN_EARLIER,)
    assert _sentences(installed, NEXT) == []


def test_without_positions_published_targets_do_not_stand_for_them(installed: Settings) -> None:
    publish_days(installed, [FIRST])
    installed.config.write_text("portfolios:\n  main: {min_buckets_represented: 1}\n")
    assert _open(installed, NEXT)[1] == ()


def test_many_portfolios_are_one_sentence_for_all_that_go_alike() -> None:
    many = {f"p{number:02}": TARGETS for number in range(12)} | {"a": POSITIONS, "b": NOTHING}
    targets, positions, nothing = describe_unnamed(many)
    assert targets.startswith("positions: 12 portfolios were named before and are not in this file (p00, p01, ")
    assert "and 2 more); what their last published trades left is taken as held" in targets
    assert positions.startswith("positions: a was named")
    assert nothing.startswith("positions: b was named")
