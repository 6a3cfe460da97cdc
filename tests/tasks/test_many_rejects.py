"""Very many bad rows: reading stops where they are too many, a bounded number is kept, and the others are counted."""

import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sql.admin.maintenance import verify
from sql.store import ingests
from tasks.errors import SourceError
from tasks.readers import csv_reader
from tasks.runs.ingest import ingest_range
from tasks.validation import file_acceptance
from tests.helpers.examples import examples
from tests.tasks.runs.test_ingest import DAY, HEADER, NEXT_DAY, Installation

KEPT, ENOUGH = 5, 20
GOOD, SHORT, HIGH, TWIN = "{n},0.7", "x", "{n},7", "twin,0.5"


@pytest.fixture
def installation(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation in which few rejected rows are many, and blocks are short."""
    for module in (ingests, file_acceptance, csv_reader):
        monkeypatch.setattr(module, "MOST_REJECTS", KEPT)
    monkeypatch.setattr(file_acceptance, "_ENOUGH", ENOUGH)
    monkeypatch.setattr(csv_reader, "BLOCK_BYTES", 64)
    made = Installation(tmp_path, migrated)
    made.put("scores_2025-06-02.csv", f"{HEADER}2025-06-02,AAA,0.7\n")
    made.take()
    return made


def _newest(installation: Installation) -> tuple[int, int, int, int]:
    [row] = installation.ask(
        "SELECT rows_read, rows_accepted, rows_rejected, rejects_not_kept FROM ingests ORDER BY ingest_id DESC LIMIT 1"
    )
    return row  # type: ignore[return-value]


def _kept(installation: Installation) -> int:
    [(n_rows,)] = installation.ask(
        "SELECT count(*) FROM rejects WHERE ingest_id = (SELECT max(ingest_id) FROM ingests)"
    )
    return int(n_rows)  # type: ignore[call-overload]


def _scores(lines: list[str]) -> str:
    return HEADER + "".join(f"2025-06-02,{line.format(n=f'N{n}')}\n" for n, line in enumerate(lines))


@pytest.mark.parametrize("line", [SHORT, HIGH])
def test_reading_stops_where_too_many_rows_are_bad(installation: Installation, line: str) -> None:
    path = installation.put("scores_2025-06-02.csv", _scores([line] * 500))
    refusal = installation.refusal()
    read, accepted, rejected, not_kept = _newest(installation)
    assert ENOUGH <= read < 60
    assert (accepted, rejected, not_kept, _kept(installation)) == (0, read, read - KEPT, KEPT)
    assert f"{path} is rejected: none of its first {read} rows can be used" in refusal
    assert f"of {read - KEPT} rejected rows only the number is kept; the rest was not read" in refusal


def test_rows_that_are_few_beside_good_ones_are_read_to_the_end(installation: Installation) -> None:
    lenient = installation.settings.model_copy(update={"max_reject_share": 0.5})
    installation.put("scores_2025-06-02.csv", _scores([GOOD, GOOD, SHORT] * 50))
    ingest_range(lenient, (DAY,), {})
    assert (_newest(installation), _kept(installation)) == ((150, 100, 50, 45), KEPT)


def test_rows_of_a_file_that_is_rejected_whole_are_bounded_too(installation: Installation) -> None:
    installation.put("scores_2025-06-02.csv", _scores([GOOD] * 30 + [HIGH] * 3))
    assert "3 of its 33 rows cannot be used" in installation.refusal()
    assert (_newest(installation), _kept(installation)) == ((33, 0, 33, 28), KEPT)


@pytest.mark.slow
def test_each_day_of_many_has_its_own_count(installation: Installation) -> None:
    rows = [f"2025-06-0{2 + n % 2},N{n},{'7' if n < 16 else '0.7'}\n" for n in range(400)]
    installation.put("scores.csv", HEADER + "".join(rows) + "soon,N,0.7\nshort\n")
    installation.take(DAY, NEXT_DAY)
    counted = installation.ask(
        "SELECT as_of_date, rows_accepted, rows_rejected, rejects_not_kept, (SELECT count(*) FROM rejects "
        "WHERE rejects.ingest_id = ingests.ingest_id) FROM ingests WHERE source LIKE '%/scores.csv'"
    )
    assert {row[:3] for row in counted} == {(DAY, 192, 8), (NEXT_DAY, 192, 10)}
    assert sum(int(row[4]) for row in counted) == KEPT  # type: ignore[call-overload]
    assert all(row[2] == row[3] + row[4] for row in counted)  # type: ignore[operator]


LINES = st.lists(st.sampled_from([GOOD, GOOD, GOOD, SHORT, HIGH, TWIN, "  "]), min_size=1, max_size=80)


@pytest.mark.slow
@settings(max_examples=examples(8), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lines=LINES,
    is_lenient=st.booleans(),
)
def test_every_row_read_is_counted_and_the_warehouse_is_sound(
    installation: Installation, *, lines: list[str], is_lenient: bool
) -> None:
    own = installation.settings.model_copy(update={"max_reject_share": 1 if is_lenient else 0.05})
    installation.put("scores_2025-06-02.csv", _scores(lines))
    with suppress(SourceError):
        ingest_range(own, (DAY,), {})
    read, accepted, rejected, not_kept = _newest(installation)
    assert read == accepted + rejected
    assert rejected == _kept(installation) + not_kept
    assert _kept(installation) <= KEPT
    assert verify(installation.settings.open_warehouse(), lambda *_: None).failures == ()


def test_a_file_of_gzip_members_is_not_read_to_its_end(
    tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_acceptance, "_ENOUGH", 20_000)
    monkeypatch.setattr(csv_reader, "BLOCK_BYTES", 1 << 16)
    made = Installation(tmp_path, migrated)
    with gzip.open(made.inbox / "scores_2025-06-02.csv.gz", "wb", 1) as file:
        file.write(HEADER.encode())
        for _ in range(3):
            file.write(b"x,y\n" * (1 << 18))
    assert "the rest was not read" in made.refusal()
    read, _, rejected, not_kept = _newest(made)
    assert (rejected, not_kept) == (read, 0)
    assert read < 60_000
