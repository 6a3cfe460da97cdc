"""What a file says, whatever its format, and how one that cannot be read is told."""

import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tasks.config.feeds import Feed, FormatName
from tasks.errors import SourceError
from tasks.file_contracts import RESTRICTION_LIST, SCORES, Contract
from tasks.readers.formats import ENDINGS, format_of, read_rows
from tasks.validation.header import Layout
from tasks.validation.row_validation import RawBatch
from tasks.values.notation import Notation
from tests.helpers.examples import examples

HEADER = "date,asset,score\n"
ROW = "2025-06-02,AAA,0.7\n"

Read = Callable[..., tuple[list[dict[str, object]], list[tuple[int, str, str]]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a content: the good rows, and of the broken ones their number, text and reason."""

    def read_content(
        content: bytes | str, form: FormatName = "csv", contract: Contract = SCORES, **said: object
    ) -> tuple[list[dict[str, object]], list[tuple[int, str, str]]]:
        path = tmp_path / "content"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return _read(path, form, contract, Feed.model_validate({"path": "content", **said}))

    return read_content


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that hypothesis may write again and again."""
    return tmp_path_factory.mktemp("scratch") / "content"


def _read(
    path: Path, form: FormatName, contract: Contract, feed: Feed
) -> tuple[list[dict[str, object]], list[tuple[int, str, str]]]:
    batches: list[RawBatch] = list(read_rows(path, form, Layout(contract, feed), feed.notation))
    rows = [row for batch in batches for row in batch.rows.to_dicts()]
    broken = [
        (row["row_number"], json.loads(row["row_json"])["text"], row["reason"])
        for batch in batches
        for row in batch.broken.to_dicts()
    ]
    return rows, broken


def _row(number: int, asset: str = "AAA", score: str = "0.7") -> dict[str, object]:
    return {"row_number": number, "date": "2025-06-02", "asset": asset, "score": score}


def _parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink, **options)
    return sink.getvalue()


def _ipc(table: pa.Table, make: Callable[..., pa.RecordBatchFileWriter] = pa.ipc.new_file) -> bytes:
    sink = io.BytesIO()
    with make(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _refusal(read: Read, content: bytes | str, form: FormatName = "csv", **said: object) -> str:
    with pytest.raises(SourceError) as caught:
        read(content, form, **said)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_says_the_same(tmp_path: Path, ending: str) -> None:
    frame = pl.DataFrame({"date": [date(2025, 6, 2)] * 2, "asset": ["AAA", "BBB"], "score": [0.1, 1 / 3]})
    sink = io.BytesIO()
    form = format_of(f"scores{ending}")
    {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet, "arrow": frame.write_ipc}[
        form
    ](sink)
    path = tmp_path / f"scores{ending}"
    path.write_bytes(gzip.compress(sink.getvalue()) if ending.endswith(".gz") else sink.getvalue())
    rows, broken = _read(path, form, SCORES, Feed(path="."))
    assert (rows, broken) == ([_row(1, "AAA", "0.1"), _row(2, "BBB", "0.3333333333333333")], [])


def test_an_ending_that_tells_no_format_is_reported() -> None:
    with pytest.raises(SourceError, match=r"has no ending that names its format: expected one of \.csv, "):
        format_of("scores.xlsx")


class TestCsv:
    @pytest.mark.parametrize(
        "content",
        [
            HEADER + ROW,
            "\ufeff" + HEADER + ROW,
            (HEADER + ROW).replace("\n", "\r\n"),
            (HEADER + ROW).replace("\n", "\r"),
            "\n\n" + HEADER + "\n\n" + ROW + "\n \n",
            (HEADER + ROW).rstrip("\n"),
            'date,"asset",score\n"2025-06-02","AAA",0.7',
        ],
    )
    def test_marks_line_ends_blank_lines_and_quotes_say_nothing(self, read: Read, content: str) -> None:
        rows, broken = read(content)
        assert ([row | {"row_number": 1} for row in rows], broken) == ([_row(1)], [])

    def test_rows_with_too_few_or_too_many_values_are_kept(self, read: Read) -> None:
        rows, broken = read(f"{HEADER}2025-06-02,X\n{ROW}\n2025-06-02,Y,0.7,\n\n{ROW}1\n")
        assert rows == [_row(2), _row(4)]
        assert broken == [
            (1, "2025-06-02,X", "it has 2 values, the header 3"),
            (3, "2025-06-02,Y,0.7,", "it has 4 values, the header 3"),
            (5, "1", "it has 1 value, the header 3"),
        ]

    def test_a_quoted_line_end_is_part_of_its_value(self, read: Read) -> None:
        rows, broken = read(f'{HEADER}2025-06-02,"A\nA",0.7\nshort\n{ROW}')
        assert rows == [_row(1, "A\nA"), _row(3)]
        assert [number for number, _, _ in broken] == [2]

    @pytest.mark.parametrize("opened", ['"2025-06-02,BBB,0.7\n', '2025-06-02,"BBB,0.7\n', '2025-06-02,BBB,"0.7\n'])
    @pytest.mark.parametrize("n_below", [0, 1, 300_000])
    def test_a_quote_that_is_never_closed_swallows_no_row_in_silence(
        self, read: Read, opened: str, n_below: int
    ) -> None:
        assert "has a quote that is never closed" in _refusal(read, HEADER + ROW + opened + ROW * n_below)

    @settings(deadline=None, max_examples=examples(30))
    @given(st.lists(st.sampled_from([ROW, "short\n", "\n", 'a,"x\n""y",z\n', "1,2,3,4\n", "é,b,c\r\n"]), max_size=40))
    def test_no_row_is_lost_or_moved_where_blocks_meet(self, scratch: Path, lines: list[str]) -> None:
        scratch.write_text(HEADER + "".join(lines) + ROW, newline="")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tasks.readers.csv_reader.BLOCK_BYTES", 48)
            rows, broken = _read(scratch, "csv", SCORES, Feed(path="."))
        kept = [line for line in [*lines, ROW] if line != "\n"]
        good = [number for number, line in enumerate(kept, 1) if line not in {"short\n", "1,2,3,4\n"}]
        assert [row["row_number"] for row in rows] == good
        assert sorted(good + [number for number, _, _ in broken]) == list(range(1, len(kept) + 1))

    @pytest.mark.parametrize("place", range(16))
    def test_a_quote_beside_a_nul_is_seen(self, read: Read, place: int) -> None:
        long, odd = "x" * 200, f"{'x' * place}\0\ufdd0\ufdd1"
        rows, broken = read(f'{HEADER}{ROW}2025-06-02,"{long}{odd}","{odd}\n{long}"\n{ROW}1,"{odd}"\n{ROW}')
        assert rows == [_row(1), _row(2, long + odd, f"{odd}\n{long}"), _row(3), _row(5)]
        assert [(number, text) for number, text, _ in broken] == [(4, f'1,"{odd}"')]
        assert "has a quote that is never closed" in _refusal(read, f'{HEADER}{ROW}{long},"{odd}","{odd}\n{long}\n')

    @pytest.mark.parametrize("place", range(48))
    def test_a_quoted_line_end_is_kept_whole_where_blocks_meet(
        self, read: Read, place: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tasks.readers.csv_reader.BLOCK_BYTES", 48)
        name = f"{'x' * place}\r\ny"
        assert read(f'{HEADER}2025-06-02,"{name}",0.7\r\n{ROW}')[0] == [_row(1, name), _row(2)]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252"])
    def test_an_encoding_is_read_where_it_is_said_and_never_guessed(self, read: Read, encoding: str) -> None:
        content = f"{HEADER}2025-06-02,Ä,0.7\n".encode(encoding)
        assert read(content, encoding=encoding)[0] == [_row(1, "Ä")]
        assert "encoding" in _refusal(read, content)

    def test_separators_are_read_where_they_are_said(self, read: Read) -> None:
        assert read((HEADER + ROW).replace(",", "\t"), separator="\t")[0] == [_row(1)]

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            ("", "is empty: expected a header and at least one row"),
            ("\n \n", "is empty: expected a header and at least one row"),
            (HEADER, "has a header but no rows: expected at least one"),
            ("date,asset,score", "has a header but no rows: expected at least one"),
            ("date,asset,tecnical_score\n", r"column tecnical_score is unknown (did you mean technical_score?)"),
            ("date,score\n", "column asset is missing; got date, score"),
            ("Date,asset,score\n", "column Date is unknown (did you mean date?)"),
            ("date, asset,score\n", "column ' asset' is unknown (did you mean asset?)"),
            ("date,asset,asset\n", "column asset stands more than once"),
            (f"date,asset,{'x' * 10_000}\n", f"column {'x' * 40}... is unknown"),
            (",".join(f"c{number}" for number in range(5_000)), "and 4990 more are unknown"),
            (b"date,asset,score\n2025-06-02,\xff\xfe,0.7\n", "is not text in utf-8 (invalid start byte near byte 28)"),
            (b"date,asset,score\n2025-06-02,A\xff\n", "is not text in utf-8"),
            (b"\0" * 100, "is text in UTF-16, as it seems"),
            (gzip.compress((HEADER + ROW).encode(), mtime=0)[:-6], "is gzip that is cut off or damaged"),
            (gzip.compress((HEADER + ROW).encode(), mtime=0) + b"more", "is gzip that is cut off or damaged"),
            (f"{HEADER}{'x' * (5 << 20)},1,2", "or a row of more than 1 MiB, near row 1"),
        ],
        ids=lambda part: part if isinstance(part, str) and len(part) < 80 else "content",
    )
    def test_a_file_that_cannot_be_read_is_reported_in_one_sentence(
        self, read: Read, content: bytes | str, sentence: str
    ) -> None:
        assert sentence in _refusal(read, content)

    def test_a_list_of_restrictions_may_be_empty(self, read: Read) -> None:
        assert read("portfolio_id,asset,restriction\n", contract=RESTRICTION_LIST) == ([], [])

    def test_columns_of_other_names_are_read_where_they_are_said(self, read: Read) -> None:
        content = "day,symbol,score,technical_score\n2025-06-02,AAA,high,0.7\n"
        said = {"date": "day", "asset": "symbol", "score": "technical_score"}
        assert "columns day, symbol are unknown" in _refusal(read, content)
        assert "column score is unknown" in _refusal(read, content, columns=said)
        assert read(content, columns=said, ignore_other_columns=True)[0] == [_row(1)]


class TestJsonLines:
    def test_a_line_that_is_no_flat_object_is_kept_with_its_number(self, read: Read) -> None:
        lines = [
            '{"date":"2025-06-02","asset":"AAA","score":0.70}',
            "no",
            "[1]",
            '{"asset":{"a":1}}',
            '{"asset":1,"asset":2}',
        ]
        rows, broken = read("\n\n".join([*lines, '{"asset":"\\ud800"}', "[" * 90_000, lines[0]]) + "\r\n", "jsonl")
        assert rows == [_row(1, score="0.70"), _row(8, score="0.70")]
        assert [number for number, _, _ in broken] == [2, 3, 4, 5, 6, 7]
        assert broken[1:4] == [
            (3, "[1]", "it is JSON, but no object"),
            (4, '{"asset":{"a":1}}', "asset holds a list or an object, expected one value"),
            (5, '{"asset":1,"asset":2}', "it is no JSON object: a key stands in it twice"),
        ]

    def test_a_number_is_kept_digit_by_digit(self, read: Read) -> None:
        score = "0.1000000000000000055511151231257827021181583404541015625"
        assert read(f'{{"date":"2025-06-02","asset":"AAA","score":{score}}}', "jsonl")[0] == [_row(1, score=score)]

    def test_json_numbers_and_texts_are_read_alike_with_decimal_commas(self, read: Read) -> None:
        content = '{"date":"d","asset":"AAA","score":0.7}\n{"date":"d","asset":"AAA","score":"0,7"}'
        assert [row["score"] for row in read(content, "jsonl", decimal=",")[0]] == ["0,7", "0,7"]

    def test_blocks_meet_within_a_line(self, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tasks.readers.json_lines_reader.BLOCK_BYTES", 7)
        line = '{"date":"2025-06-02","asset":"é","score":0.7}\n'
        assert read(line * 3, "jsonl")[0] == [_row(number, "é") for number in (1, 2, 3)]

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            ("", "is empty: expected at least one row"),
            ('{"date":"d","asset":"AAA","scor":1}', "column scor is unknown (did you mean score?)"),
            ('{"date":"d"}', "column asset is missing"),
            ("x" * (17 << 20), "has a line of more than 16 MiB"),
        ],
        ids=lambda part: part if len(part) < 80 else "content",
    )
    def test_a_file_that_cannot_be_read_is_reported(self, read: Read, content: str, sentence: str) -> None:
        assert sentence in _refusal(read, content, "jsonl")


TABLE = pa.table({"date": [date(2025, 6, 2)], "asset": ["AAA"], "score": [0.7]})


class TestArrow:
    @settings(deadline=None, max_examples=examples(30))
    @given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
    def test_a_double_comes_through_exactly(self, scratch: Path, scores: list[float]) -> None:
        table = pa.table({"date": ["d"] * len(scores), "asset": ["A"] * len(scores), "score": scores})
        scratch.write_bytes(_parquet(table))
        rows, _ = _read(scratch, "parquet", SCORES, Feed(path="."))
        assert [float(str(row["score"])) for row in rows] == scores

    @pytest.mark.parametrize(
        ("values", "texts"),
        [
            (pa.array([0.1, None], pa.float32()), ["0.10000000149011612", None]),
            (pa.array([Decimal("0.25"), Decimal(1)]).cast(pa.decimal256(40, 8)), ["0.25000000", "1.00000000"]),
            (pa.array([1, 0], pa.uint8()), ["1", "0"]),
            (pa.array(["0.7", "x"]).dictionary_encode(), ["0.7", "x"]),
            (pa.array([b"0.7", None], pa.large_binary()), ["0.7", None]),
            (pa.array(["0.7", ""], pa.string_view()), ["0.7", ""]),
            (pa.nulls(2), [None, None]),
            (pa.array([date(2025, 6, 2), date(1, 1, 1)]), ["2025-06-02", "0001-01-01"]),
            (
                pa.array([datetime(2025, 6, 2, tzinfo=UTC), datetime(2025, 6, 2, 1, tzinfo=UTC)]),
                ["2025-06-02", "2025-06-02 01:00:00"],
            ),
            (pa.array([2**31 - 1, None], pa.date32()), ["2147483647", None]),
            (pa.array([2**62, 0], pa.timestamp("us")), [str(2**62), "1970-01-01"]),
            (pa.array([True, False]), ["true", "false"]),
        ],
        ids=str,
    )
    def test_every_plain_type_is_read_as_text(self, read: Read, values: pa.Array, texts: list[str | None]) -> None:
        table = pa.table({"date": ["d", "d"], "asset": ["A", "B"], "score": values})
        assert [row["score"] for row in read(_ipc(table), "arrow")[0]] == texts

    def test_batches_of_one_row_each_are_taken_together(self, scratch: Path) -> None:
        batches = [
            pa.record_batch({"date": ["d"], "asset": pa.array([f"A{number}"]).dictionary_encode(), "score": [0.5]})
            for number in range(50)
        ]
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, batches[0].schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        scratch.write_bytes(sink.getvalue())
        [read] = read_rows(scratch, "arrow", Layout(SCORES, Feed(path=".")), Notation())
        assert read.rows["asset"].to_list() == [f"A{number}" for number in range(50)]

    def test_an_ipc_stream_is_read_as_a_file_is(self, read: Read) -> None:
        assert read(_ipc(TABLE, pa.ipc.new_stream), "arrow") == read(_ipc(TABLE), "arrow") == ([_row(1)], [])

    @pytest.mark.parametrize("values", [[[0.7]], [{"a": 1}], [time(1)]])
    def test_a_column_of_another_type_is_rejected_unless_left_out(self, read: Read, values: list[object]) -> None:
        content = _parquet(TABLE.append_column("volatility", pa.array(values)))
        assert "holds neither text, numbers nor dates: volatility (" in _refusal(read, content, "parquet")
        more = _parquet(TABLE.append_column("more", pa.array(values)))
        assert read(more, "parquet", ignore_other_columns=True)[0] == [_row(1)]

    @pytest.mark.parametrize(
        ("content", "form", "sentence"),
        [
            (_parquet(TABLE)[:-9], "parquet", "is not Parquet, or is cut off or damaged"),
            (b"", "parquet", "is not Parquet"),
            (_ipc(TABLE)[:-9], "arrow", "is not Arrow IPC, or is cut off or damaged"),
            (_ipc(TABLE, pa.ipc.new_stream)[:-40], "arrow", "is not Arrow IPC, or is cut off or damaged"),
            (b"", "arrow", "is not Arrow IPC"),
            (_parquet(TABLE.slice(1)), "parquet", "has a header but no rows"),
            (_parquet(TABLE.drop_columns("asset")), "parquet", "column asset is missing"),
            (
                _parquet(TABLE.set_column(1, "asset", [[b"\xff"]])),
                "parquet",
                "is not Parquet, or is cut off or damaged",
            ),
        ],
    )
    def test_a_file_that_cannot_be_read_is_reported(
        self, read: Read, content: bytes, form: FormatName, sentence: str
    ) -> None:
        assert sentence in _refusal(read, content, form)

    def test_a_flipped_bit_is_found_where_the_file_has_checksums(self, read: Read) -> None:
        content = bytearray(_parquet(TABLE, write_page_checksum=True))
        content[30] ^= 1
        assert "is cut off or damaged" in _refusal(read, bytes(content), "parquet")


_LONG = "x" * (17 << 20)
_MANY_LONG = pa.array(["x" * 3_000] * 60_000, pa.large_string()).dictionary_encode()


@pytest.mark.parametrize("write", [_parquet, _ipc])
@pytest.mark.parametrize(
    "asset",
    [
        pa.array(["AAA", _LONG]),
        pa.array(["AAA", _LONG.encode()], pa.large_binary()),
        pa.array(["AAA", _LONG], pa.string_view()),
        pa.array(["AAA", _LONG]).dictionary_encode(),
        _MANY_LONG,
        _MANY_LONG.dictionary_decode(),
    ],
    ids=["text", "bytes", "view", "dictionary", "many in a dictionary", "many"],
)
def test_values_that_take_much_memory_are_rejected_early(
    read: Read, write: Callable[[pa.Table], bytes], asset: pa.Array
) -> None:
    table = pa.table({"date": pa.nulls(len(asset), pa.string()), "asset": asset, "score": pa.nulls(len(asset))})
    form: FormatName = "parquet" if write is _parquet else "arrow"
    assert "MiB in " in _refusal(read, write(table), form)


def test_many_texts_of_ordinary_length_are_read(read: Read) -> None:
    names = [f"{'x' * 190}{number % 50_000}" for number in range(140_000)]
    table = pa.table({"date": ["2025-06-02"] * 140_000, "asset": names, "score": [0.5] * 140_000})
    for content, form in ((_parquet(table), "parquet"), (_ipc(table), "arrow")):
        rows, _ = read(content, form)
        assert [row["asset"] for row in rows] == names
