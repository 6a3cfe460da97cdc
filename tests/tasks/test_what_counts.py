"""Of every kind and day the newest content counts, as a whole: however files came, went, came back and were bad."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sql.warehouse import Warehouse
from tasks.config.settings import Settings
from tasks.errors import SourceError
from tasks.runs.ingest import ingest_range
from tests.helpers.effective_times import rows_of

DAYS = (date(2025, 6, 2), date(2025, 6, 3))
HEADERS = {
    "assets": "asset,bucket",
    "restrictions": "portfolio_id,asset,restriction",
    "positions": "date,portfolio_id,asset,current_weight",
    "prices": "date,asset,close",
    "scores": "date,model,asset,score",
}
"""In the order of reading."""
LISTS = ("assets", "restrictions")
COUNTED = {
    "assets": ("asset", "bucket"),
    "restrictions": ("portfolio_id", "asset", "restriction"),
    "positions": ("portfolio_id", "asset", "current_weight"),
    "scores": ("model", "asset", "score"),
}
GROUPS = {"assets": [""], "restrictions": ["core", "income"], "prices": [""]}
VALUES = {"assets": ["Energy", "Tech"], "restrictions": ["no_buy", "no_trade"]}
BAD = "2025-06-02,core,AAA,heavy"

Row = tuple[str, ...]
Rows = frozenset[Row]


class File(NamedTuple):
    """A file of the inbox: `day` None: of many days. Of a list every row stands under one day, which is not written."""

    kind: str
    day: date | None
    rows: Mapping[date, Rows]
    is_bad: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.day}.csv" if self.day else f"{self.kind}.csv"

    @property
    def text(self) -> str:
        dates = {day: [] if self.kind in LISTS else [day.isoformat()] for day in self.rows}
        lines = [",".join([*dates[day], *row]) for day in sorted(self.rows) for row in sorted(self.rows[day])]
        return "\n".join([HEADERS[self.kind], *lines, *([BAD] if self.is_bad else [])]) + "\n"


@dataclass
class Reference:
    """What counts of each kind and day, kept slowly: each file that is read replaces what it has a day of."""

    counted: dict[tuple[str, date], File] = field(default_factory=dict)
    last_of_many_days: dict[str, str] = field(default_factory=dict)

    def take(self, inbox: Mapping[str, File]) -> None:
        for day in DAYS:
            for kind in HEADERS:
                for file in filter(None, (inbox.get(f"{kind}.csv"), inbox.get(f"{kind}_{day}.csv"))):
                    if file.is_bad:
                        return  # a rejected file stops the rest, and counts for nothing
                    self._read(file, day)

    def _read(self, file: File, day: date) -> None:
        if file.kind in LISTS:
            before = self.list_of(file.kind, day)
            if before is None or before.text != file.text:
                self.counted[file.kind, day] = file
        elif file.day:
            self.counted[file.kind, file.day] = file
        elif self.last_of_many_days.get(file.kind) != file.text:
            self.last_of_many_days[file.kind] = file.text
            self.counted |= {(file.kind, one): file for one in file.rows}

    def list_of(self, kind: str, day: date) -> File | None:
        days = [one for counted, one in self.counted if counted == kind and one <= day]
        return self.counted[kind, max(days)] if days else None

    def rows(self, kind: str, day: date) -> Rows:
        if kind in LISTS:
            file = self.list_of(kind, day)
            return next(iter(file.rows.values())) if file else frozenset()
        if kind != "positions":
            return self._of_day(kind, day)
        named = {one: {row[0] for row in self._of_day(kind, one)} for one in DAYS if one <= day}
        newest = {name: one for one in sorted(named) for name in named[one]}
        return frozenset(row for name, one in newest.items() for row in self._of_day(kind, one) if row[0] == name)

    def _of_day(self, kind: str, day: date) -> Rows:
        file = self.counted.get((kind, day))
        return file.rows[day] if file else frozenset()


@st.composite
def _files(draw: st.DrawFn, kind: str) -> File:
    groups = st.sampled_from(GROUPS.get(kind, ["core", "income"]))
    values = st.sampled_from(VALUES.get(kind, ["0.1", "0.2"]))
    keys = st.tuples(groups, st.sampled_from(["AAA", "BBB"]))
    rows = st.dictionaries(keys, values, min_size=1, max_size=3).map(
        lambda cells: frozenset((*filter(None, key), value) for key, value in cells.items())
    )
    if kind in LISTS:
        return File(kind, None, {DAYS[0]: draw(rows)})
    days = draw(st.sampled_from([DAYS, DAYS[:1], DAYS[1:]]))
    is_of_many = len(days) > 1 or draw(st.booleans())
    is_bad = kind == "positions" and draw(st.integers(0, 4)) == 0 and (is_of_many or days[0] == DAYS[0])
    return File(kind, None if is_of_many else days[0], {day: draw(rows) for day in days}, is_bad)


Step = tuple[str, File | int]


def _steps(kind: str) -> st.SearchStrategy[list[Step]]:
    put = st.tuples(st.just("put"), _files(kind))
    again = st.tuples(st.sampled_from(["remove", "restore"]), st.integers(0, 9))
    return st.lists(st.one_of(put, put, again), min_size=3, max_size=7)


def _counted(warehouse: Warehouse, kind: str, day: date) -> Rows:
    if kind == "prices":
        with warehouse.connected() as con:
            sql = (
                "SELECT asset, close FROM prices SEMI JOIN effective_ingests USING (ingest_id) WHERE as_of_date = $day"
            )
            rows = con.sql(sql, params={"day": day}).fetchall()
    else:
        rows = rows_of(warehouse, kind, day).select(COUNTED[kind]).rows()
    return frozenset(tuple(_plain(value) for value in row) for row in rows)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else f"{float(str(value)):g}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counts")


ASSETS = File("assets", None, {DAYS[0]: frozenset([("AAA", "Energy")])})
CORE, INCOME = ("core", "AAA", "0.1"), ("income", "BBB", "0.2")


def _check(folder: Path, empty_warehouse: Path, kind: str, steps: list[Step]) -> None:
    """Take in the inbox after every step, and compare what counts in the end with the reference."""
    inbox = folder / "inbox"
    path = Path(shutil.copy(empty_warehouse, folder / "warehouse.duckdb"))
    installed = Settings(config=folder / "none.yaml", inbox=inbox, warehouse=path, snapshot=folder / "snapshot.duckdb")
    reference, there, seen = Reference(), dict[str, File](), list[File]()
    for what, which in [("put", ASSETS), *steps]:
        file = which if isinstance(which, File) else seen[which % len(seen)]
        seen += [file] if what == "put" else []
        there = {name: one for name, one in there.items() if name != file.name}
        there |= {} if what == "remove" else {file.name: file}
        shutil.rmtree(inbox, ignore_errors=True)
        inbox.mkdir()
        for one in there.values():
            (inbox / one.name).write_text(one.text)
        try:
            ingest_range(installed, DAYS, {})
        except SourceError:
            assert any(one.is_bad for one in there.values()) or "assets.csv" not in there
        reference.take(there)
    with installed.open_warehouse().kept_open() as warehouse:
        for day in DAYS:
            assert _counted(warehouse, kind, day) == reference.rows(kind, day), day


@pytest.mark.slow
@pytest.mark.parametrize("kind", HEADERS)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_the_newest_content_of_each_kind_and_day_counts_whole(
    folder: Path, empty_warehouse: Path, kind: str, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "migrate", lambda _: ())
        _check(folder, empty_warehouse, kind, data.draw(_steps(kind)))


def _of_days(*rows: Rows) -> File:
    days = DAYS if len(rows) == len(DAYS) else DAYS[1:]
    return File("positions", None, dict(zip(days, rows, strict=True)))


BEFORE, FIRST, OTHER = frozenset([("core", "AAA", "0.3")]), frozenset([CORE, INCOME]), frozenset([CORE])
BOTH, LAST = _of_days(BEFORE, FIRST), _of_days(OTHER)
DATED = File("positions", DAYS[1], {DAYS[1]: OTHER})
DATED_OTHERWISE = File("positions", DAYS[1], {DAYS[1]: FIRST})
CASES: Mapping[str, list[Step]] = {
    "rows dropped": [("put", BOTH), ("put", _of_days(OTHER, OTHER))],
    "one day corrected by a file of its own": [("put", BOTH), ("put", DATED)],
    "that file removed: what was read counts": [("put", BOTH), ("put", DATED), ("remove", 2)],
    "the first content again, of more days": [("put", BOTH), ("put", LAST), ("restore", 1)],
    "the first content again, of one day": [("put", DATED), ("put", DATED_OTHERWISE), ("restore", 1)],
    "a rejected file between": [("put", BOTH), ("put", LAST._replace(is_bad=True)), ("restore", 1)],
    "a rejected file last": [("put", BOTH), ("put", LAST), ("put", BOTH._replace(is_bad=True))],
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("migrated")
def test_a_correction_counts_whole(tmp_path: Path, empty_warehouse: Path, case: str) -> None:
    _check(tmp_path, empty_warehouse, "positions", CASES[case])
