"""Paths of any kind: what only the config writes is a glob, every name can be shown, and only plain files are read."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from sql.errors import WarehouseError
from tasks.config.feeds import Feed
from tasks.config.portfolios import load_feeds
from tasks.config.settings import Settings
from tasks.errors import SourceError
from tasks.preflight.day_check import DayValidation
from tasks.runs.ingest import ingest_range
from tasks.sources.discovery import days_in_inbox, find_sources
from tasks.text import readable

DAY = date(2025, 6, 2)
SCORES = "date,asset,score\n2025-06-02,AAA,0.7\n"
ASSETS = "asset,bucket\nAAA,Energy\n"
CONFIG = "portfolios: {core: {min_buckets_represented: 1}}\n"
"""A portfolio that one asset is enough for."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a config and an inbox of one day."""
    monkeypatch.chdir(tmp_path)
    _put(tmp_path)
    return tmp_path


def _put(folder: Path) -> None:
    (folder / "inbox").mkdir(parents=True)
    (folder / "vendor").mkdir()
    (folder / "inbox" / "assets.csv").write_text(ASSETS)
    (folder / "inbox" / "scores_2025-06-02.csv").write_text(SCORES)
    (folder / "vendor" / "eod_2025-06-02.csv").write_text(SCORES)
    (folder / "portfolios.yaml").write_text(CONFIG)


def _errors(feeds: str = "", inbox: Path = Path("inbox")) -> list[str]:
    Path("portfolios.yaml").write_text(CONFIG + feeds)
    seen = DayValidation(Settings(config=Path("portfolios.yaml"), inbox=inbox))
    seen.check(DAY)
    found = [f"{finding.where}: {finding.what}" for finding in seen.found if finding.level == "error"]
    assert all(one.isprintable() for one in found)
    return found


NAMES = [
    *("it's [old]", "a*", "q?", "[a-z]", "{x}", "100%", "two  blanks", "#1", "semi;colon", "-f", "new\nline"),
    os.fsdecode(b"caf\xe9"),
]
PATHS = ("vendor/eod_{as_of_date}.csv", "vendor/*.csv", "vendor/eod_????-??-??.csv", "vendor/e*_{as_of_date}.csv")


def _found(path: str, inbox: Path = Path("inbox")) -> list[str]:
    feed = Feed(path=path)
    assert days_in_inbox(inbox, {"scores": feed}) == (DAY,)
    return [source.place.name for source in find_sources(inbox, DAY, {"scores": feed}) if source.place]


@pytest.mark.parametrize("name", NAMES)
class TestFolders:
    @pytest.mark.slow
    def test_the_working_folder_may_have_any_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        _put(tmp_path / name)
        monkeypatch.chdir(tmp_path / name)
        assert [_found(path) for path in PATHS] == [["assets.csv", "eod_2025-06-02.csv"]] * len(PATHS)
        assert _errors(f"feeds: {{scores: {{path: '{PATHS[0]}'}}}}") == []

    def test_a_variable_of_the_environment_is_no_glob(
        self, here: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        _put(here / name)
        monkeypatch.setenv("DESK", str(here / name))
        assert [_found(f"${{DESK}}/{path}") for path in PATHS] == [["assets.csv", "eod_2025-06-02.csv"]] * len(PATHS)

    def test_an_inbox_may_have_any_name(self, here: Path, name: str) -> None:
        _put(here / name)
        assert days_in_inbox(here / name / "inbox") == (DAY,)
        assert len(find_sources(here / name / "inbox", DAY)) == 2


@pytest.mark.usefixtures("here")
class TestGlobs:
    def test_a_glob_of_the_config_does_not_match_hidden_files(self) -> None:
        Path("vendor/.eod_2025-06-02.csv").write_text("half a file")
        assert _found("ven[d]or/*{as_of_date}.csv") == ["assets.csv", "eod_2025-06-02.csv"]
        with pytest.raises(SourceError, match="no scores for 2025-06-02 at"):
            find_sources(Path("inbox"), DAY, {"scores": Feed(path="vendor/[!e]*{as_of_date}.csv")})


class TestNames:
    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            (b"scores_\xff\xfe.csv", r"scores_\xff\xfe.csv"),
            ("scores_é.csv".encode("latin-1"), r"scores_\xe9.csv"),
            (b"two\nlines.csv", r"two\nlines.csv"),
            (b"\x1b[31mred.csv", r"\x1b[31mred.csv"),
            ("\u202egnp.csv".encode(), r"\u202egnp.csv"),
            ("Größe.csv".encode(), "Größe.csv"),
        ],
    )
    def test_a_name_is_shown_escaped_where_it_cannot_be_printed(self, here: Path, name: bytes, shown: str) -> None:
        assert readable(os.fsdecode(name)) == shown
        (here / "inbox" / os.fsdecode(name)).write_text("x")
        seen = DayValidation(Settings(config=Path("portfolios.yaml"), inbox=Path("inbox")))
        seen.check(DAY)
        assert any(f"1 file that no run reads: {shown}." in finding.what for finding in seen.found)

    @pytest.mark.usefixtures("here")
    def test_it_is_stored_escaped_too(self, migrated: Path) -> None:
        odd = Path("vendor/eod_2025-06-02.csv").rename("vendor/" + os.fsdecode(b"eod\n_\xff_2025-06-02.csv"))
        Path("portfolios.yaml").write_text(CONFIG + "feeds: {scores: {path: 'vendor/*_{as_of_date}.csv'}}")
        settings = Settings(config=Path("portfolios.yaml"), inbox=Path("inbox"), warehouse=migrated)
        [*_, scores] = ingest_range(settings, (DAY,), load_feeds(settings.config))
        assert scores.source == r"eod\n_\xff_2025-06-02.csv"
        with duckdb.connect(str(migrated), read_only=True) as con:
            sources = con.sql("SELECT source FROM ingests WHERE kind = 'scores'").fetchall()
        assert sources == [(readable(odd.absolute()),)]


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


SPECIAL: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (_fifo, "it is a pipe, not a file"),
    "a socket": (_socket, "it is a socket, not a file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
    "a folder": (Path.mkdir, "it is a folder, not a file"),
    "a link to a pipe": (lambda path: (_fifo(path.with_name("p")), path.symlink_to("p")), "it is a pipe, not a file"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "a link to a file that is not there"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "cannot be read"),
}


@pytest.fixture(params=SPECIAL)
def special(request: pytest.FixtureRequest) -> tuple[Callable[[Path], object], str]:
    """What makes something else than a file, and what is said of it."""
    return SPECIAL[request.param]


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 20, "it was waited for"


@pytest.mark.usefixtures("here")
class TestSpecialFiles:
    @pytest.mark.parametrize(
        "name", ["inbox/scores_2025-06-02.csv", "inbox/assets.csv", "inbox/restrictions.csv", "assets.csv"]
    )
    def test_under_a_known_name_it_is_rejected(self, special: tuple[Callable[[Path], object], str], name: str) -> None:
        make, said = special
        Path("inbox/assets.csv").unlink() if "assets" in name else None
        Path(name).unlink(missing_ok=True)
        make(Path(name))
        [error, *_] = _errors()
        assert said in error
        assert Path(name).name in error

    @pytest.mark.parametrize("path", ["vendor/eod-{as_of_date}.csv", "vendor/eod-*.csv"])
    def test_by_a_feed_it_is_rejected(self, special: tuple[Callable[[Path], object], str], path: str) -> None:
        make, said = special
        make(Path("vendor/eod-2025-06-02.csv"))
        errors = _errors(f"feeds: {{scores: {{path: '{path}'}}}}")
        is_folder = make == Path.mkdir and "*" not in path
        assert any(("no scores" if is_folder else said) in error for error in errors)

    def test_a_run_rejects_it_as_well(self, migrated: Path) -> None:
        Path("inbox/assets.csv").unlink()
        _fifo(Path("inbox/assets.csv"))
        with pytest.raises(SourceError, match="it is a pipe, not a file"):
            ingest_range(Settings(config=Path("portfolios.yaml"), inbox=Path("inbox"), warehouse=migrated), (DAY,), {})


@pytest.mark.parametrize("field", ["warehouse", "snapshot", "export_folder"])
def test_a_file_that_duckdb_cannot_name_is_rejected_first(tmp_path: Path, field: str) -> None:
    settings = Settings(warehouse=tmp_path / "warehouse.duckdb").at({field: tmp_path / os.fsdecode(b"\xff.duckdb")})
    with pytest.raises(WarehouseError, match=r"\\xff\.duckdb is no path in UTF-8"):
        settings.open_warehouse()
    assert list(tmp_path.iterdir()) == []
