"""Whatever a file holds: one of our own errors in one sentence, or every row accepted as it is written or kept.

The same judge looks at what reading and the contracts give (`read_only`), and at what stands in a real warehouse.
BALLAST_FUZZ_FILES makes the run longer.
"""

import gzip
import io
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyarrow import parquet

from sizing.errors import BallastError
from sql.admin.maintenance import verify
from sql.errors import WarehouseError
from sql.warehouse import Warehouse
from tasks.config.feeds import Feed
from tasks.config.portfolios import load_feeds
from tasks.config.settings import Settings
from tasks.errors import SourceError
from tasks.file_contracts import CONTRACTS
from tasks.readers.formats import format_of, read_rows
from tasks.runs.ingest import ingest_range
from tasks.validation.file_acceptance import FileAcceptance
from tasks.validation.header import Layout
from tasks.validation.row_validation import Delivery, apply_contract
from tests.helpers.examples import examples
from tests.tasks.hostile_files import COLUMNS, DAY, HostileFile, Row, Type, make_file
from tests.tasks.naive_reader import Digits, NaiveRows, read_naively, same_day, same_number, same_text

FUZZ_FILES = int(os.environ.get("BALLAST_FUZZ_FILES", "120"))
ONE_IN = 4 if FUZZ_FILES < 1_000 else 10
"""Of so many files, one goes into the warehouse too."""
LONGEST_SENTENCE = 2_000
MOST_REFUSED = 0.5
"""More than by default, so that rejected rows stand beside accepted ones more often."""
OUR_NAME = {"date": "as_of_date"}
SAME: dict[Type, Callable[[Any, Any, Feed, str], bool]] = {"day": same_day, "number": same_number, "text": same_text}
LONGEST_KEPT = 1_000
"""So many characters of a value are kept of a rejected row."""


@dataclass
class Taken:
    """The result of a file: its rows by number, rejected ones as they are kept, and the error that was told."""

    accepted: dict[int, Row] = field(default_factory=dict)
    rejected: list[tuple[int, str, str, str]] = field(default_factory=list)
    told: str | None = None

    @property
    def outcome(self) -> str:
        if self.told and not (self.accepted or self.rejected):
            return "not readable as its kind"
        if self.told:
            return "rejected whole, every row kept"
        return "accepted, some rows rejected" if self.rejected else "accepted"


def judge(file: HostileFile, taken: Taken) -> None:
    """Compare the result of a file with what a naive reader says of it. What is asserted here is the promise."""
    _judge_words(file, taken)
    if taken.outcome == "not readable as its kind":
        return
    numbers = sorted([*taken.accepted, *(number for number, *_ in taken.rejected)])
    assert numbers == sorted(set(numbers)), "a row is in two places"
    naive = _read_naively(file)
    if naive is None:
        assert not file.ending.startswith((".csv", ".jsonl")), "a text that cannot be read gave rows"
        return
    assert set(numbers) - naive.blank == naive.numbers, "a row is lost, or made up"
    for number, row in taken.accepted.items():
        _judge_accepted(file, number, row, naive)
    for number, row_json, rule, _ in taken.rejected:
        _judge_rejected(file, naive.rows[number], json.loads(row_json), rule)


def _read_naively(file: HostileFile) -> NaiveRows | None:
    notation = file.feed.notation
    encoding = "utf-8-sig" if notation.encoding == "utf-8" else notation.encoding
    around = (notation.skip_rows, notation.stop_at)
    return read_naively(file.ending, file.content, encoding, notation.separator, around)


def _judge_words(file: HostileFile, taken: Taken) -> None:
    if taken.told is not None:
        assert file.name in taken.told
    for sentence in (taken.told, *(reason for *_, reason in taken.rejected)):
        assert sentence is None or sentence.isprintable(), sentence
        assert sentence is None or 0 < len(sentence) < LONGEST_SENTENCE, f"{len(sentence)} characters: {sentence}"


def _judge_accepted(file: HostileFile, number: int, row: Row, naive: NaiveRows) -> None:
    written = naive.rows[number]
    assert isinstance(written, dict), f"row {number} is accepted, but is no row: {written!r}"
    for name, dtype in COLUMNS[file.kind].items():
        stored = row[OUR_NAME.get(name, name)]
        if name == "model" and stored == "default" and same_text(None, written.get(name), file.feed):
            continue
        assert SAME[dtype](stored, written.get(name), file.feed, name), (
            f"row {number}, {name}: {written.get(name)!r} became {stored!r}"
        )


def _judge_rejected(file: HostileFile, written: object, kept: Row, rule: str) -> None:
    if set(kept) == {"text"}:
        assert not isinstance(written, str) or kept["text"] in {_kept(written), _kept(written.strip())}, (
            "a broken line is kept as it is"
        )
        return
    assert isinstance(written, dict)
    if not file.ending.startswith((".csv", ".jsonl")):
        return  # values of a table, whose text is the reader's choice
    for name, dtype in COLUMNS[file.kind].items():
        text = written.get(name)
        if rule in {"file_refused", "primary_key"}:  # the warehouse keeps what it had stored already
            kept_text = kept.get(name) if dtype == "text" and (name, kept.get(name)) != ("model", "default") else text
            assert kept_text == text or same_text(kept_text, text, file.feed)
            continue
        expected = str(text).lower() if isinstance(text, bool) else text
        if isinstance(text, Digits):
            expected = text.replace(".", file.feed.decimal)
        kept_text = kept.get(OUR_NAME.get(name, name), kept.get(name))
        assert kept_text == _kept(expected), f"{name} is kept as it is written"


def _kept(text: str | None) -> str | None:
    if text is None or len(text) <= LONGEST_KEPT:
        return text
    return f"{text[:LONGEST_KEPT]}... ({len(text)} characters)"


def read_only(file: HostileFile, folder: Path) -> Taken:
    """Read a file and hold it against its contract, without a warehouse."""
    path = folder / "inbox" / file.name
    path.write_bytes(file.content)
    contract = next(one for one in CONTRACTS if one.kind == file.kind)
    layout, acceptance = Layout(contract, file.feed), FileAcceptance(contract, MOST_REFUSED)
    delivery = Delivery(file.day, DAY + timedelta(days=500), file.feed.notation)
    try:
        raws = read_rows(path, format_of(file.name), layout, delivery.notation)
        batches = list(acceptance.watch(apply_contract(contract, raw, delivery) for raw in raws))
    except SourceError as error:
        return Taken(told=f"{path} {error}")
    finally:
        path.unlink()
    accepted = pl.concat([batch.accepted for batch in batches]) if batches else pl.DataFrame()
    rejected = [
        row for batch in batches for row in batch.rejected.select("row_number", "row_json", "rule", "reason").rows()
    ]
    words = acceptance(accepted.height, len(rejected))
    return Taken({row["row_number"]: row for row in accepted.to_dicts()}, rejected, words and f"{path} {words}")


class Installation:
    """An inbox and a warehouse that stays open: thousands of files go in, one after the other."""

    def __init__(self, folder: Path, session: Warehouse) -> None:
        self.folder = folder
        self.settings = Settings(
            config=folder / "portfolios.yaml",
            inbox=folder / "inbox",
            warehouse=session.path,
            max_reject_share=MOST_REFUSED,
        )
        self.session = session

    def migrate(self) -> tuple[str, ...]:
        return ()

    def kept_open(self) -> AbstractContextManager[Warehouse]:
        return nullcontext(self.session)

    def ask(self, sql: str) -> pl.DataFrame:
        with self.session.connected() as con:
            return con.sql(sql).pl()

    def _say(self, file: HostileFile, path: Path) -> None:
        feed = {"path": str(path).replace(str(DAY), "{as_of_date}"), **file.said}
        said = {"portfolios": {"core": {}}, "feeds": {file.kind: feed} if file.said else {}}
        self.settings.config.write_text(json.dumps(said))

    def take(self, file: HostileFile) -> Taken:
        """Put a file into the inbox, ingest its day, and read back what the warehouse has of it."""
        last = self.ask("SELECT coalesce(max(ingest_id), 0) AS last FROM ingests").item()
        path = self.folder / "inbox" / file.name
        path.write_bytes(file.content)
        self._say(file, path)
        told = None
        try:
            ingest_range(self.settings, (DAY,), load_feeds(self.settings.config))
        except (BallastError, WarehouseError) as error:
            told = str(error)
        finally:
            path.unlink()
        accepted = self.ask(f"FROM {file.kind} WHERE ingest_id > {last}").to_dicts()
        assert told is None or not accepted, "what is rejected whole has no row that counts"
        rejects = self.ask(f"SELECT row_number, row_json, rule, reason FROM rejects WHERE ingest_id > {last}").rows()
        return Taken({row["row_number"]: row for row in accepted}, rejects, told)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "inbox").mkdir()
    (folder / "portfolios.yaml").write_text("portfolios: {core: {}}")
    warehouse = Warehouse(folder / "warehouse.duckdb", folder / "snapshot.duckdb", folder / "targets")
    warehouse.migrate()
    with warehouse.kept_open() as session, pytest.MonkeyPatch.context() as patch:
        opened = Installation(folder, session)
        patch.setattr(Settings, "open_warehouse", lambda _: opened)
        assert opened.take(HostileFile("assets", "assets.csv", b"asset,bucket\nA0,Energy\n")).told is None
        yield opened


SCORES = "date,asset,score\n2025-06-02,AAA,0.7\n"
JSON_SCORE = '{"date": "2025-06-02", "asset": "AAA", "score": 0.7'


def _table(score: pa.Array, day: object = "2025-06-02") -> pa.Table:
    return pa.table({"date": day if isinstance(day, pa.Array) else [day], "asset": ["AAA"], "score": score})


def _parquet(*columns: pa.Array) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(_table(*columns), sink, store_schema=False)
    return sink.getvalue()


def _arrow(*columns: pa.Array) -> bytes:
    sink, table = io.BytesIO(), _table(*columns)
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _times(ticks: int, unit: str, zone: str | None = None) -> pa.Array:
    return pa.array([ticks], pa.timestamp(unit, zone))


KNOWN: dict[str, tuple[str, bytes | str, str]] = {
    "nothing at all": (".csv", "", "is empty: expected a header and at least one row"),
    "white space": (".csv", " \n\t\n", "is empty"),
    "a header and no row": (".csv", "date,asset,score\n", "has a header but no rows"),
    "UTF-16 without being said": (".csv", SCORES.encode("utf-16"), "is text in UTF-16, as it seems"),
    "UTF-16 without a mark": (".csv", SCORES.encode("utf-16-le"), "is text in UTF-16, as it seems"),
    "Latin-1 without being said": (".csv", SCORES.replace("AAA", "Ä").encode("latin-1"), "is not text in utf-8"),
    "a byte mark": (".csv", SCORES.encode("utf-8-sig"), "accepted"),
    "old Mac line ends": (".csv", SCORES.replace("\n", "\r"), "accepted"),
    "gzip that is not said to be": (".csv", gzip.compress(SCORES.encode(), mtime=0), "accepted"),
    "cut gzip": (".csv.gz", gzip.compress(SCORES.encode(), mtime=0)[:-9], "is gzip that is cut off or damaged"),
    "gzip and more behind it": (
        ".csv.gz",
        gzip.compress(SCORES.encode(), mtime=0) + b"more",
        "is gzip that is cut off or damaged",
    ),
    "a ZIP archive": (".csv", b"PK\x03\x04\x14\x00" + bytes(40), "has a header that does not fit"),
    "semicolons": (".csv", SCORES.replace(",", ";"), 'its values look separated by ";": say so in the config'),
    "a quote left open": (".csv", SCORES + '2025-06-02,"BBB,0.7\n', "has a quote that is never closed"),
    "a column twice": (".csv", "date,asset,score,score\n2025-06-02,A,1,0\n", "column score stands more than once"),
    "a typing error": (".csv", SCORES.replace("score", "scor"), "column scor is unknown (did you mean score?)"),
    "names that a terminal obeys": (".csv", SCORES.replace("score", "\x1b[2J\n"), r"column '\x1b[2J' is unknown"),
    "names right to left": (".csv", SCORES.replace("score", "\u202eerocs"), r"column '\u202eerocs' is unknown"),
    "a thousand columns of long names": (
        ".csv",
        ",".join(["\U000e0001" * 500] * 1_000),
        "columns date, asset are missing",
    ),
    "a decimal comma": (".csv", 'date,asset,score\n2025-06-02,AAA,"0,7"\n', "say so in feeds: decimal: ','"),
    "a score above 1": (".csv", SCORES.replace("0.7", "1.0000000000000003"), "score is above 1"),
    "digits that are not ours": (".csv", SCORES.replace("0.7", "\u0660.\u0667"), "score cannot be read as a number"),
    "no number": (".csv", SCORES.replace("0.7", "nan"), "no score and no part of one"),
    "no end": (".csv", SCORES.replace("0.7", "-inf"), "score is not finite"),
    "a NUL in a name": (".csv", SCORES.replace("AAA", "A\0A"), "asset holds a character that cannot be seen"),
    "a day of two digits": (
        ".csv",
        SCORES.replace("2025-06", "25-06"),
        "date cannot be read as a date like 2024-12-02",
    ),
    "another day": (".csv", SCORES.replace("-02,", "-03,"), "the row is not of the file's day"),
    "a key twice": (".csv", SCORES + "2025-06-02, AAA ,0.8\n", "the same key stands more than once in the file"),
    "JSON that is no object": (".jsonl", "[1, 2]", "it is JSON, but no object"),
    "JSON that is cut": (".jsonl", JSON_SCORE, "it is no JSON object"),
    "JSON with a key twice": (".jsonl", JSON_SCORE + ', "score": 0.1}', "a key stands in it twice"),
    "JSON in JSON": (
        ".jsonl",
        JSON_SCORE + ', "model": {"a": 1}}',
        "model holds a list or an object, expected one value",
    ),
    "JSON in JSON under an endless name": (".jsonl", f'{JSON_SCORE}, "{"k" * 5_000}": []}}', "kkk... is unknown"),
    "JSON under a name that a terminal obeys": (
        ".jsonl",
        JSON_SCORE + r', "\u001b[2J\n": []}',
        r"'\x1b[2J\n' is unknown",
    ),
    "JSON with half a character": (".jsonl", JSON_SCORE + r', "model": "\ud800"}', "model holds half a character"),
    "JSON deeper than the stack": (".jsonl", "[" * 100_000, "it is no JSON object"),
    "CSV named Parquet": (".parquet", SCORES, "is not Parquet, or is cut off or damaged"),
    "Parquet named CSV": (".csv", _parquet(pa.array([0.7])), "is not text in utf-8"),
    "cut Parquet": (".parquet", _parquet(pa.array([0.7]))[:-30], "is not Parquet, or is cut off or damaged"),
    "Parquet with lists": (".parquet", _parquet(pa.array([[0.7]])), "neither text, numbers nor dates: score (list<"),
    "Parquet with a struct of an endless name": (
        ".parquet",
        _parquet(pa.array([{"\x1b\n" * 2_000: 1}])),
        "score ('struct<",
    ),
    "Parquet with a half float": (".parquet", _parquet(pa.array([0.5]).cast(pa.float16())), "accepted"),
    "Parquet with no score": (".parquet", _parquet(pa.nulls(1)), "no score and no part of one"),
    "Parquet with a name that is not UTF-8": (
        ".parquet",
        _parquet(pa.array([0.7])).replace(b"asset", b"asse\xf4"),
        "can't decode byte 0xf4",
    ),
    "Arrow with a name that is not UTF-8": (
        ".arrow",
        _arrow(pa.array([0.7])).replace(b"asset", b"asse\xf4"),
        "can't decode byte 0xf4",
    ),
    "Arrow with a zone that is nowhere": (
        ".arrow",
        _arrow(pa.array([0.7]), _times(0, "us", "Nowhere/City")),
        "unable to parse time zone",
    ),
    "Arrow with more seconds than there are": (
        ".arrow",
        _arrow(pa.array([0.7]), _times(-(2**63), "s")),
        "out of bounds",
    ),
    "Arrow with a midnight of seconds": (".arrow", _arrow(pa.array([0.7]), _times(1748822400, "s")), "accepted"),
    "CSV named Arrow": (".arrow", SCORES, "is not Arrow IPC, or is cut off or damaged"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_each_of_these_broken_files_is_reported_in_its_own_words(installation: Installation, name: str) -> None:
    ending, content, expected = KNOWN[name]
    file = HostileFile("scores", f"scores_{DAY}{ending}", content.encode() if isinstance(content, str) else content)
    taken = read_only(file, installation.folder)
    judge(file, taken)
    assert expected in (taken.told or taken.outcome)


@hypothesis_settings(
    max_examples=examples(60),
    derandomize=True,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(st.randoms(use_true_random=False))
def test_no_drawn_file_loses_a_row_or_changes_a_value(installation: Installation, rng: Random) -> None:
    file = make_file(rng)
    judge(file, read_only(file, installation.folder))


@pytest.mark.slow
def test_no_generated_file_loses_a_row_or_changes_a_value(
    installation: Installation,
) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(FUZZ_FILES):
        file = make_file(Random(seed))
        try:
            taken = installation.take(file) if seed % ONE_IN == 0 else read_only(file, installation.folder)
            judge(file, taken)
        except Exception as error:
            error.add_note(f"file {seed}, {file.name}: {file.content[:300]!r}")
            raise
        outcomes[f"{file.ending.removesuffix('.gz')}: {taken.outcome}"] += 1
    logging.getLogger(__name__).info("%d files: %s", FUZZ_FILES, dict(sorted(outcomes.items())))
    verification = verify(installation.session, lambda *_: None)
    assert verification.failures == ()
