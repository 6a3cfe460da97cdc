"""Which files describe a day."""

from datetime import date
from pathlib import Path

import fsspec
import pytest

from sql.records import IngestKind
from tasks.config.feeds import Feed
from tasks.errors import SourceError
from tasks.readers.formats import ENDINGS
from tasks.sources.discovery import days_in_inbox, find_all, find_sources, unread_in_inbox
from tasks.sources.locations import find_places

DAY = date(2025, 6, 2)
SCORES = "date,asset,technical_score\n2025-06-02,AAA,0.7\n"
ASSETS = "asset,bucket\nAAA,Energy\n"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "scores_2025-06-02.csv").write_text(SCORES)
    (folder / "assets.csv").write_text(ASSETS)
    return folder


def _found(inbox: Path) -> list[str]:
    return [Path(source.shown).name for source in find_sources(inbox, DAY)]


def test_assets_are_read_before_scores(inbox: Path) -> None:
    assert [source.contract.kind for source in find_sources(inbox, DAY)] == ["assets", "scores"]


def test_a_list_without_a_date_may_lie_in_the_folder_above(inbox: Path) -> None:
    (inbox / "assets.csv").rename(inbox.parent / "assets.csv")
    assert find_sources(inbox, DAY)[0].shown == str(inbox.parent / "assets.csv")


def test_the_inbox_counts_before_the_folder_above(inbox: Path) -> None:
    (inbox.parent / "assets.csv").write_text(ASSETS)
    assert find_sources(inbox, DAY)[0].shown == str(inbox / "assets.csv")


def test_the_days_of_an_inbox_come_in_order(inbox: Path) -> None:
    (inbox / "scores_2025-05-30.csv").write_text(SCORES)
    assert days_in_inbox(inbox) == (date(2025, 5, 30), DAY)


def test_a_missing_inbox_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no inbox folder at .*nowhere: give its path with --inbox"):
        find_sources(tmp_path / "nowhere", DAY)


def test_a_missing_day_says_which_days_are_there(inbox: Path) -> None:
    with pytest.raises(SourceError, match=r"no scores for 2025-06-03 .* found 2025-06-02"):
        find_sources(inbox, date(2025, 6, 3))


def test_a_file_name_that_is_no_day_is_reported(inbox: Path) -> None:
    (inbox / "scores_2025-13-40.csv").write_text(SCORES)
    with pytest.raises(SourceError, match="2025-13-40 is not a day"):
        days_in_inbox(inbox)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_of_the_day_may_have_any_ending(inbox: Path, ending: str) -> None:
    (inbox / "scores_2025-06-02.csv").rename(inbox / f"scores_2025-06-02{ending}")
    assert _found(inbox) == ["assets.csv", f"scores_2025-06-02{ending}"]
    assert days_in_inbox(inbox) == (DAY,)


def test_two_files_of_one_kind_and_day_are_rejected_by_name(inbox: Path) -> None:
    (inbox / "scores_2025-06-02.parquet").touch()
    with pytest.raises(SourceError, match=r"2 files of scores of 2025-06-02, .*02.csv and .*02.parquet") as caught:
        find_sources(inbox, DAY)
    assert "Nothing was read: keep one" in str(caught.value)


def test_a_file_of_many_days_is_read_before_that_of_the_day(inbox: Path) -> None:
    (inbox / "scores.parquet").touch()
    assert [(source.shown, source.day) for source in find_sources(inbox, DAY)][1:] == [
        (str(inbox / "scores.parquet"), None),
        (str(inbox / "scores_2025-06-02.csv"), DAY),
    ]


def test_a_file_of_many_days_above_the_inbox_is_not_read(inbox: Path) -> None:
    (inbox.parent / "scores.parquet").touch()
    assert _found(inbox) == ["assets.csv", "scores_2025-06-02.csv"]


@pytest.mark.parametrize(
    "path",
    [
        "{folder}/{as_of_date:%Y/%m}/s_{as_of_date:%d}.csv",
        "{folder}/2025/06/",
        "{folder}/2025/06/s*.csv",
        "memory://feeds/*/{as_of_date}.csv",
        "memory://feeds/day-{as_of_date}/",
        "memory://feeds/day-{as_of_date:%Y-%m-%d}/*.csv",
    ],
)
def test_a_feed_may_be_a_path_a_folder_or_a_glob(tmp_path: Path, path: str) -> None:
    (tmp_path / "2025" / "06").mkdir(parents=True)
    (tmp_path / "2025" / "06" / "s_02.csv").touch()
    (tmp_path / "2025" / "06" / "scores_2025-06-02.csv").touch() if path.endswith("06/") else None
    memory = fsspec.filesystem("memory")
    for name in ("/feeds/a/2025-06-02.csv", "/feeds/day-2025-06-02/scores_2025-06-02.csv"):
        memory.pipe(name, SCORES.encode())
    feed = Feed(path=path.replace("{folder}", str(tmp_path)))
    [source] = find_sources(tmp_path, DAY, {"scores": feed})
    assert source.place
    assert source.place.name in {"s_02.csv", "2025-06-02.csv", "scores_2025-06-02.csv"}


def test_the_days_of_a_feed_are_reported_by_its_file_names() -> None:
    memory = fsspec.filesystem("memory")
    for day in ("20250602", "20250603"):
        memory.pipe(f"/days/s-{day}.csv", b"")
    feed = Feed(path="memory://days/s-{as_of_date:%Y%m%d}.csv")
    assert days_in_inbox(Path("nowhere"), {"scores": feed}) == (DAY, date(2025, 6, 3))


def test_the_days_of_a_query_are_not_known() -> None:
    feed = Feed(database="duckdb:///x.duckdb", query="FROM scores")
    assert days_in_inbox(Path("nowhere"), {"scores": feed}) == ()


@pytest.mark.parametrize("kind", ["scores", "positions", "restrictions"])
def test_a_feed_that_leads_to_nothing_names_its_address(inbox: Path, kind: IngestKind) -> None:
    feed = Feed(path=f"{inbox}/{{as_of_date}}.csv")
    with pytest.raises(SourceError, match=rf"no {kind} for 2025-06-02 at .*/2025-06-02.csv: deliver them"):
        find_sources(inbox, DAY, {kind: feed})


def test_a_missing_list_of_a_feed_stops_a_range_too(inbox: Path) -> None:
    with pytest.raises(SourceError, match=r"no restrictions for 2025-06-02 at .*/gone.csv"):
        find_all(inbox, DAY, {"restrictions": Feed(path=f"{inbox}/gone.csv")})


def test_a_folder_that_is_not_there_is_reported_as_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no folder at .*/missing/: correct the path"):
        find_places(f"{tmp_path}/missing/", 1)


@pytest.mark.parametrize("name", ["restrictions.xlsx", "restrictions_2025-06-02.XLSX", "scores_2025-06-02.csv.zip"])
def test_a_lone_file_of_another_format_is_rejected(inbox: Path, name: str) -> None:
    kind = name.partition("_")[0].partition(".")[0]
    (inbox / name).write_text("")
    for path in inbox.glob(f"{kind}*.csv"):
        path.unlink()
    stem = name.partition(".")[0] if kind == "scores" else kind  # a list has no day in its name
    with pytest.raises(
        SourceError, match=rf"{name} is of a format that is not read: save its {kind} as {stem}\.csv \(or"
    ):
        find_sources(inbox, DAY)


def test_a_lone_list_with_a_day_in_its_name_is_rejected(inbox: Path) -> None:
    (inbox / "restrictions_2025-06-02.csv").write_text("portfolio_id,asset,restriction\n")
    told = r"restrictions_2025-06-02\.csv is under a name that is not read: save its restrictions as restrictions\.csv"
    with pytest.raises(SourceError, match=told):
        find_sources(inbox, DAY)
    (inbox / "restrictions.csv").write_text("portfolio_id,asset,restriction\n")
    assert _found(inbox) == ["assets.csv", "restrictions.csv", "scores_2025-06-02.csv"]
    assert unread_in_inbox(inbox) == ("restrictions_2025-06-02.csv",)


def test_the_sheet_that_a_file_was_saved_from_may_lie_beside_it(inbox: Path) -> None:
    (inbox / "assets.xlsx").write_text("")
    assert _found(inbox) == ["assets.csv", "scores_2025-06-02.csv"]


def test_a_file_under_another_name_is_one_that_no_run_reads(inbox: Path) -> None:
    for name in ("Scores_2025-06-03.csv", "restriction.csv", "scores_20250603.csv", "README.md", ".hidden"):
        (inbox / name).write_text("")
    for ending in ENDINGS:
        (inbox / f"positions_2025-06-03{ending}").write_text("")
    assert unread_in_inbox(inbox) == ("Scores_2025-06-03.csv", "restriction.csv", "scores_20250603.csv")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("*{as_of_date}.csv", "eod_2025-06-02.csv"),
        ("*{as_of_date:%Y%m%d}*.csv", "eod20250602v2.csv"),
        ("eod?[a-c]{as_of_date:%-d%b%y}.csv", "eod_b2Jun25.csv"),
        ("{as_of_date:%Y-%j}-*.csv", "2025-153-final.csv"),
        ("{as_of_date:%F}.csv", "2025-06-02.csv"),
    ],
)
def test_the_day_is_found_between_globs(tmp_path: Path, path: str, name: str) -> None:
    (tmp_path / name).write_text("")
    (tmp_path / "another.csv").write_text("")
    assert days_in_inbox(tmp_path, {"scores": Feed(path=f"{tmp_path}/{path}")}) == (DAY,)
