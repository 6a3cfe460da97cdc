"""What a file must be before its rows are looked at."""

from datetime import date
from pathlib import Path

import pytest

from tasks.errors import SourceError
from tasks.sources import days_in_inbox, find_sources, read_source

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


def _read_scores(inbox: Path, content: bytes) -> None:
    (inbox / "scores_2025-06-02.csv").write_bytes(content)
    scores = [source for source in find_sources(inbox, DAY) if source.contract.kind == "scores"]
    read_source(scores[0])


def test_assets_are_read_before_the_scores_that_are_of_no_use_without_them(inbox: Path) -> None:
    assert [source.contract.kind for source in find_sources(inbox, DAY)] == ["assets", "scores"]


def test_a_list_without_a_date_may_lie_in_the_folder_above(inbox: Path) -> None:
    (inbox / "assets.csv").rename(inbox.parent / "assets.csv")
    assert find_sources(inbox, DAY)[0].path == inbox.parent / "assets.csv"


def test_the_inbox_counts_before_the_folder_above(inbox: Path) -> None:
    (inbox.parent / "assets.csv").write_text(ASSETS)
    assert find_sources(inbox, DAY)[0].path == inbox / "assets.csv"


def test_the_days_of_an_inbox_come_in_order(inbox: Path) -> None:
    (inbox / "scores_2025-05-30.csv").write_text(SCORES)
    assert days_in_inbox(inbox) == (date(2025, 5, 30), DAY)


def test_a_missing_inbox_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no inbox folder at .*nowhere: give its path with --inbox"):
        find_sources(tmp_path / "nowhere", DAY)


def test_a_missing_day_says_which_days_are_there(inbox: Path) -> None:
    with pytest.raises(SourceError, match=r"no scores for 2025-06-03 .* found 2025-06-02"):
        find_sources(inbox, date(2025, 6, 3))


def test_a_file_name_that_is_no_day_is_told(inbox: Path) -> None:
    (inbox / "scores_2025-13-40.csv").write_text(SCORES)
    with pytest.raises(SourceError, match="2025-13-40 is not a day"):
        days_in_inbox(inbox)


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_refused(inbox: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match="is empty: expected a header and at least one row"):
        _read_scores(inbox, content)


def test_a_header_without_rows_is_refused(inbox: Path) -> None:
    with pytest.raises(SourceError, match="has a header but no rows"):
        _read_scores(inbox, b"date,asset,technical_score\n")


def test_a_list_of_restrictions_without_rows_says_that_there_are_none(inbox: Path) -> None:
    (inbox / "restrictions.csv").write_text("portfolio_id,asset,restriction\n")
    [source] = [source for source in find_sources(inbox, DAY) if source.contract.kind == "restrictions"]
    rows, _ = read_source(source)
    assert rows.is_empty()


def test_an_unknown_column_is_refused_with_the_nearest_known_one(inbox: Path) -> None:
    with pytest.raises(SourceError, match=r"column tecnical_score is unknown \(did you mean technical_score\?\)"):
        _read_scores(inbox, b"date,asset,tecnical_score\n2025-06-02,AAA,0.7\n")


def test_a_missing_column_is_refused_with_what_came(inbox: Path) -> None:
    with pytest.raises(SourceError, match="column asset is missing; got date, technical_score"):
        _read_scores(inbox, b"date,technical_score\n2025-06-02,0.7\n")


@pytest.mark.parametrize(
    "content", [b"date,asset,score\n2025-06-02,\xff\xfe,0.7\n", b'date,asset\n2025-06-02,"AAA,0.7\n']
)
def test_what_is_not_csv_in_utf8_is_refused(inbox: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match="is not CSV in UTF-8"):
        _read_scores(inbox, content)


def test_a_row_with_too_many_values_is_refused(inbox: Path) -> None:
    with pytest.raises(SourceError, match="has a row with more values than the header has columns"):
        _read_scores(inbox, b"date,asset,score\n2025-06-02,AAA,0.7,9,9\n")


def test_a_byte_order_mark_and_windows_line_ends_are_read(inbox: Path) -> None:
    _read_scores(inbox, b"\xef\xbb\xbfdate,asset,technical_score\r\n2025-06-02,AAA,0.7\r\n")
