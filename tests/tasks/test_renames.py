"""A name is followed from rename to rename; what is known of the old one counts for the new one, once."""

import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.frames.holding_states import STATE_COLUMNS
from sizing.limits.lifecycle import CoreAsset
from sizing.pipeline import rebalance
from sql.admin.maintenance import verify
from tasks.config.settings import Settings
from tasks.errors import SourceError
from tasks.preflight.file_check import frames_of
from tasks.renames import find_tangled, names_on, renamed
from tasks.runs.ingest import ingest_day, ingest_range
from tasks.runs.replay import find_differences
from tasks.runs.run_record import start_run
from tests.helpers.warehouse_days import ask, backfill, run_rows
from tests.sizing.days import ASSETS, HOLDINGS, RESTRICTIONS, SCORES

DAY, NEXT, THIRD = (date(2025, 6, day) for day in (2, 3, 4))
DAYS = (DAY, NEXT, THIRD)
LIMITS = {
    "core": RebalancingLimits(
        min_buckets_represented=1,
        max_missing_score_share=0.5,
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.2,
    )
}

Rename = tuple[str, str, date]


def _frame(*rows: Rename) -> pl.DataFrame:
    return pl.DataFrame(rows, {"old": pl.String, "new": pl.String, "valid_from": pl.Date}, orient="row")


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([], {}),
        ([("A", "B", NEXT)], {"A": "B"}),
        ([("A", "B", THIRD)], {}),
        ([("A", "B", DAY), ("B", "C", NEXT)], {"A": "C", "B": "C"}),
        ([("B", "C", NEXT), ("A", "B", DAY)], {"A": "C", "B": "C"}),
        ([("A", "B", DAY), ("B", "A", NEXT)], {"B": "A"}),
        ([("A", "C", DAY), ("B", "C", DAY)], {"A": "C", "B": "C"}),
        ([("B", "C", DAY), ("A", "B", NEXT)], {"A": "B"}),
        ([("A", "B", DAY), ("B", "C", NEXT), ("C", "A", NEXT)], {"B": "A", "C": "A"}),
        ([("A", "B", DAY), ("A", "C", NEXT)], {"A": "C"}),
    ],
    ids=["none", "one", "later", "chain", "any order", "back", "merger", "given again", "circle of days", "corrected"],
)
def test_names_are_followed_in_the_order_of_their_days(rows: list[Rename], names: dict[str, str]) -> None:
    assert names_on(_frame(*rows), NEXT) == names


@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.sampled_from("ABCD"), st.sampled_from(DAYS)), max_size=6))
def test_a_name_that_counts_is_never_one_that_no_longer_does(rows: list[Rename]) -> None:
    names = names_on(_frame(*(row for row in rows if row[0] != row[1])), THIRD)
    assert set(names).isdisjoint(names.values())


@pytest.mark.parametrize(
    ("rows", "tangled"),
    [
        ([("A", "B", DAY), ("B", "A", DAY)], ("A", "B")),
        ([("A", "B", DAY), ("B", "C", DAY)], ("B",)),
        ([("A", "B", DAY), ("B", "A", NEXT)], ()),
        ([("A", "C", DAY), ("B", "C", DAY)], ()),
    ],
)
def test_what_is_given_up_and_given_on_one_day_is_found(rows: list[Rename], tangled: tuple[str, ...]) -> None:
    assert tuple(name for name, _ in find_tangled(rows)) == tangled


def _day(**changes: object) -> DayFrames:
    scores = [("m", "OLD", DAY, 0, 0.9), ("m", "NEW", DAY, 0, 0.7), ("m", "OLD", date(2025, 5, 30), 1, 0.8)]
    held = [("p", "OLD", Decimal("0.1")), ("p", "NEW", Decimal("0.05")), ("q", "OLD", Decimal("0.2"))]
    frames = DayFrames(
        as_of_date=DAY,
        limits={"p": RebalancingLimits(exclude_assets=("OLD", "X")), "q": RebalancingLimits()},
        scores=pl.DataFrame([(*row, None, None) for row in scores], SCORES, orient="row"),
        assets=pl.DataFrame([("OLD", "Tech"), ("X", "Energy")], ASSETS, orient="row"),
        holdings=pl.DataFrame(held, HOLDINGS, orient="row"),
        restrictions=pl.DataFrame([(None, "OLD", "no_trade", "frozen")], RESTRICTIONS, orient="row"),
    )
    return frames._replace(**changes)


def test_weights_scores_lists_and_limits_follow_a_rename() -> None:
    now = renamed(_day(), {"OLD": "NEW"})
    assert DayInputs(*now).holdings.rows() == [("p", "NEW", Decimal("0.15")), ("q", "NEW", Decimal("0.20"))]
    assert now.scores.select("asset", "score_date", "score").rows() == [
        ("NEW", date(2025, 5, 30), 0.8),
        ("NEW", DAY, 0.7),
    ]
    assert now.assets.rows() == [("NEW", "Tech"), ("X", "Energy")]
    assert now.restrictions["asset"].to_list() == ["NEW"]
    assert now.limits["p"].exclude_assets == ("NEW", "X")
    assert now.limits["q"] is _day().limits["q"] or now.limits["q"] == RebalancingLimits()
    assert now.holdings.schema == _day().holdings.schema
    assert renamed(now, {"OLD": "NEW"}).holdings.equals(now.holdings)


State = tuple[str, str, bool, bool, int | None, list[int]]


def _with_states(*rows: State) -> DayFrames:
    """Return the day with states: portfolio, asset, held, confirmed, day of opening and of closes in May."""
    names = ["portfolio_id", "asset", "is_held", "is_confirmed"]
    given = pl.DataFrame(
        [(*row[:4], date(2025, 5, row[4]) if row[4] else None, [date(2025, 5, day) for day in row[5]]) for row in rows],
        {name: STATE_COLUMNS[name] for name in (*names, "opened_on", "closed_on")},
        orient="row",
    )
    return _day(states=pl.concat([pl.DataFrame(schema=STATE_COLUMNS), given], how="diagonal"))


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([("OLD", True, True, 5, [])], (True, True, 5, [])),
        ([("OLD", True, True, 5, [2]), ("NEW", False, False, 3, [9, 1])], (True, True, 5, [9, 2, 1])),
        ([("NEW", True, False, 7, []), ("OLD", True, True, 5, [2])], (True, False, 7, [2])),
        ([("OLD", False, False, 5, [12, 2]), ("NEW", False, True, 3, [9, 2])], (False, False, 5, [12, 9, 2])),
        ([("NEW", False, True, 3, [9]), ("OLD", False, False, 5, [9])], (False, True, 3, [9])),
    ],
    ids=["alone", "the held one", "the name's own of two held", "closed last", "the name's own of two closed"],
)
def test_states_follow_a_rename(
    states: list[tuple[str, bool, bool, int, list[int]]], expected: tuple[bool, bool, int, list[int]]
) -> None:
    frames = _with_states(*(("p", *one) for one in states), ("q", "X", True, True, 4, []))
    now = renamed(frames, {"OLD": "NEW"}).states
    is_held, is_confirmed, opened, closes = expected
    days = [date(2025, 5, day) for day in closes]
    assert now.select("portfolio_id", "asset", "is_held", "is_confirmed", "opened_on", "closed_on").rows() == [
        ("p", "NEW", is_held, is_confirmed, date(2025, 5, opened), days),
        ("q", "X", True, True, date(2025, 5, 4), []),
    ]
    assert now.schema == frames.states.schema


def test_core_assets_follow_a_rename() -> None:
    core = {"OLD": CoreAsset(until=NEXT, reason="an index"), "NEW": CoreAsset(until=DAY, reason="short")}
    limits = {"p": RebalancingLimits(core_assets=core), "q": RebalancingLimits()}
    now = renamed(_day(limits=limits), {"OLD": "NEW"}).limits
    assert now["p"].core_assets == {"NEW": core["OLD"]}
    assert now["q"].core_assets == {}


def test_without_renames_nothing_is_touched() -> None:
    frames = _day()
    assert renamed(frames, {}) is frames


def _write(folder: Path, *, renames: str | None = None) -> Settings:
    """FB of the first day is META in the list and the scores of the next two."""
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    for day, name in zip(DAYS, ("FB", "META", "META"), strict=True):
        scores = "".join(f"{day},{asset},0.9\n" for asset in (name, "MSFT", "XOM"))
        (inbox / f"scores_{day}.csv").write_text(f"date,asset,score\n{scores}")
    _list_assets(inbox, "FB")
    if renames is not None:
        (inbox / "renames.csv").write_text(f"old,new,valid_from\n{renames}")
    return Settings(inbox=inbox, warehouse=folder / "warehouse.duckdb", config=folder / "none.yaml")


def _list_assets(inbox: Path, name: str) -> None:
    (inbox / "assets.csv").write_text(f"asset,bucket\n{name},Technology\nMSFT,Technology\nXOM,Energy\n")


@pytest.fixture
def make(tmp_path: Path, empty_warehouse: Path) -> Callable[..., Settings]:
    """Make an installation whose three days are taken in, as they would have come."""

    def make(name: str, *, renames: str | None = None) -> Settings:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(empty_warehouse, folder / "warehouse.duckdb")
        settings = _write(folder, renames=renames)
        (folder / "none.yaml").write_text("portfolios: {core: {}}\n")
        ingest_range(settings, DAYS[:1], {})
        _list_assets(settings.inbox, "META")
        ingest_range(settings, DAYS[1:], {})
        return settings

    return make


def _backfill(settings: Settings, days: tuple[date, ...] = DAYS) -> list[str]:
    return [warning for one in backfill(settings, days, LIMITS) for warning in one.warnings]


def _require_sound_and_replayed(settings: Settings) -> None:
    warehouse = settings.open_warehouse()
    assert verify(warehouse, lambda *_: None, has_copies=False).failures == ()
    for run_id, day in ask(settings, "SELECT run_id, as_of_date FROM runs ORDER BY ALL"):
        assert isinstance(day, date)
        with warehouse.kept_open() as kept:
            again = start_run(kept, "XNYS", day, LIMITS, (), by="test")
            assert again.run_id == run_id
            published = kept.read_run(str(run_id))
        assert find_differences(published, rebalance(again.inputs)._asdict()).rows() == []


@pytest.mark.slow
def test_a_delisted_holding_never_grows_and_keeps_its_bucket(
    make: Callable[..., Settings],
) -> None:
    together, one_by_one = make("together"), make("one by one")
    warnings = _backfill(together)
    assert warnings == [warning for day in DAYS for warning in _backfill(one_by_one, (day,))]
    sentence = (
        "holdings: FB is no longer in the asset list: it is not bought, and counts with its last bucket Technology; "
        "perhaps renamed to META: list it under renames"
    )
    assert [warning for warning in warnings if "FB" in warning] == [sentence] * 2
    assert run_rows(together) == run_rows(one_by_one)
    told = "SELECT DISTINCT bucket, restriction, contains(decision_reason, 'perhaps renamed to META') FROM decisions"
    assert ask(together, f"{told} JOIN runs USING (run_id) WHERE asset = 'FB' AND as_of_date > '{DAY}'") == [
        ("Technology", "no_buy", True)
    ]
    assert (
        ask(together, "FROM targets WHERE asset = 'FB' AND target_weight > current_weight AND current_weight > 0") == []
    )
    tech = "SELECT sum(target_weight) FROM targets WHERE bucket = 'Technology' GROUP BY run_id ORDER BY 1 DESC LIMIT 1"
    assert ask(together, tech) == [(Decimal("0.20000000"),)]
    _require_sound_and_replayed(together)


@pytest.mark.slow
def test_a_rename_carries_holding_score_and_reasons_across(make: Callable[..., Settings]) -> None:
    together, one_by_one = (make(name, renames=f"FB,META,{NEXT}\n") for name in ("together", "one by one"))
    assert _backfill(together) == []
    for day in DAYS:
        assert _backfill(one_by_one, (day,)) == []
    assert run_rows(together) == run_rows(one_by_one)
    held = "SELECT asset, current_weight, target_weight, action FROM targets JOIN runs USING (run_id)"
    assert ask(together, f"{held} WHERE runs.as_of_date = '{NEXT}' AND bucket = 'Technology' ORDER BY ALL") == [
        ("META", Decimal("0.10000000"), Decimal("0.10000000"), "hold"),
        ("MSFT", Decimal("0.10000000"), Decimal("0.10000000"), "hold"),
    ]
    changes = f"SELECT asset, change FROM target_changes_of(DATE '{NEXT}') WHERE NOT is_cash ORDER BY 1"
    assert ask(together, changes) == [(name, "unchanged") for name in ("META", "MSFT", "XOM")]
    [words] = ask(together, f"SELECT words FROM explain('core', 'META', DATE '{NEXT}') WHERE quantity = 'holding'")
    assert "Renamed from FB" in str(words)
    _require_sound_and_replayed(together)


@pytest.mark.slow
def test_a_rename_that_comes_later_computes_the_day_again(make: Callable[..., Settings]) -> None:
    settings = make("late")
    _backfill(settings)
    (settings.inbox / "renames.csv").write_text(f"old,new,valid_from\nFB,META,{NEXT}\n")
    ingest_range(settings, DAYS[1:], {})
    resting = "SELECT as_of_date, kind, n_changed FROM targets_on_corrected_inputs ORDER BY ALL"
    assert ask(settings, resting) == [(day, "renames", 1) for day in DAYS[1:]]
    assert _backfill(settings, DAYS[1:]) == []
    assert ask(settings, resting) == []
    assert ask(settings, "SELECT DISTINCT asset FROM current_targets ORDER BY 1") == [
        ("CASH",),
        ("META",),
        ("MSFT",),
        ("XOM",),
    ]
    [reason] = ask(
        settings, f"SELECT change_reason FROM correction_changes WHERE as_of_date = '{NEXT}' AND asset = 'META'"
    )
    assert "renamed from FB" in str(reason)


@pytest.mark.slow
def test_positions_and_restrictions_follow_a_rename(
    make: Callable[..., Settings],
) -> None:
    settings = make("positions", renames=f"FB,META,{NEXT}\n")
    rows = f"{NEXT},core,FB,0.12\n{NEXT},core,META,0.03\n"
    (settings.inbox / f"positions_{NEXT}.csv").write_text(f"date,portfolio_id,asset,current_weight\n{rows}")
    (settings.inbox / "restrictions.csv").write_text("portfolio_id,asset,restriction\n,FB,no_trade\n")
    ingest_range(settings, DAYS[1:], {})
    _backfill(settings)
    held = "SELECT asset, current_weight, restriction FROM decisions JOIN runs USING (run_id)"
    assert ask(settings, f"{held} WHERE as_of_date = '{NEXT}' AND is_held") == [
        ("META", Decimal("0.15000000"), "no_trade")
    ]
    _require_sound_and_replayed(settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (f"A,B,{DAY}\nB,A,{DAY}\n", "2 names given up and given on the same day, the first is A"),
        (f"A,B,{DAY}\nB,C,{DAY}\n", "1 name given up and given on the same day, the first is B"),
        (f"A,A,{DAY}\n", "1 of its 1 rows cannot be used"),
        (f"A,B,{DAY}\nA,C,{DAY}\n", "2 of its 2 rows cannot be used"),
        (f"A,CASH,{DAY}\n", "cannot be used"),
        ("A,B,\n", "cannot be used"),
    ],
)
def test_impossible_renames_are_rejected_whole(make: Callable[..., Settings], rows: str, words: str) -> None:
    settings = make("refused")
    (settings.inbox / "renames.csv").write_text(f"old,new,valid_from\n{rows}")
    with pytest.raises(SourceError, match=words):
        ingest_day.fn(settings, NEXT, {})
    assert ask(settings, "FROM renames") == []


@pytest.mark.slow
def test_an_empty_list_takes_a_rename_back(make: Callable[..., Settings]) -> None:
    settings = make("back", renames=f"FB,META,{NEXT}\n")
    (settings.inbox / "renames.csv").write_text("old,new,valid_from\n")
    ingest_range(settings, DAYS[2:], {})
    with settings.open_warehouse().kept_open() as warehouse:
        inputs = start_run(warehouse, "XNYS", THIRD, LIMITS, (), by="test").inputs
    assert dict(inputs.renamed) == {}


def test_validate_looks_at_a_day_under_the_names_that_count() -> None:
    assert frames_of(DAY, LIMITS, []).renamed == {}
