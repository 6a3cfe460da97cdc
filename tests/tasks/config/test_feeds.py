"""The section `feeds` of the config: what it may say, where it leads, and how its mistakes are told."""

import base64
import http.server
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import fsspec
import pytest

from sql.errors import WarehouseError
from tasks.config.feeds import Feed
from tasks.config.portfolios import load_feeds, load_portfolios
from tasks.config.settings import Settings
from tasks.errors import ConfigError, SourceError, SourceUnavailableError
from tasks.runs.ingest import Ingested, ingest_range
from tasks.sources.discovery import find_sources
from tests.helpers.warehouse_days import ask

DAY = date(2024, 12, 2)
GUIDE = Path(__file__).parents[3] / "docs" / "feeds.md"
SCORES = "date,asset,score\n2024-12-02,AAA,0.71\n"
PORTFOLIOS = "portfolios: {core: }\n"


@pytest.fixture
def settings(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation in the current folder, with an inbox that has a list of assets and no day."""
    monkeypatch.chdir(tmp_path)
    Path("inbox").mkdir()
    Path("inbox/assets.csv").write_text("asset,bucket\nAAA,Energy\n")
    return Settings(config=Path("portfolios.yaml"), warehouse=migrated)


def _take(settings: Settings, config: str) -> tuple[Ingested, ...]:
    settings.config.write_text(PORTFOLIOS + config)
    return ingest_range(settings, (DAY,), load_feeds(settings.config))


class _Vendor(http.server.BaseHTTPRequestHandler):
    """Gives scores to whoever knows the user, the password and the key."""

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        is_known = base64.b64decode(given) == b"desk:p@ss" and self.path.endswith("?key=s3cret")
        self.send_response(404 if "nothing" in self.path else 200 if is_known else 403)
        self.send_header("Content-Length", str(len(SCORES) if is_known else 0))
        self.end_headers()
        if is_known and self.command == "GET":
            self.wfile.write(SCORES.encode())

    do_HEAD = do_GET  # noqa: N815 - its name in http.server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on loopback, and the secrets in the environment."""
    for name, value in {"FEED_USER": "desk", "FEED_PASSWORD": "p%40ss", "FEED_KEY": "s3cret"}.items():
        monkeypatch.setenv(name, value)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Vendor) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


SECTIONS = re.split(r"^## ", GUIDE.read_text(), flags=re.MULTILINE)
BLOCKS = [
    (section.splitlines()[0], block)
    for section in SECTIONS
    for block in re.findall(r"((?:^```(?:csv|sql) .*?^```\n\n)+)^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
]


@pytest.mark.slow
@pytest.mark.parametrize(("files", "config"), [block for _, block in BLOCKS], ids=[title for title, _ in BLOCKS])
def test_every_example_of_the_guide_is_taken_in(settings: Settings, vendor: str, files: str, config: str) -> None:
    for language, name, content in re.findall(r"^```(\w+) (.*?)\n(.*?)^```", files, re.DOTALL | re.MULTILINE):
        if language == "sql":
            Path(name).parent.mkdir()
            with closing(sqlite3.connect(name)) as con:
                con.executescript(content)
        elif name.startswith("s3://"):
            fsspec.filesystem("memory").pipe(name.removeprefix("s3:/"), content.encode())
        elif name.startswith("https://"):
            assert content == SCORES
        else:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(content)
    here = config.replace("s3://", "memory://").replace("https://", "http://").replace("feeds.example.com", vendor)
    kinds = set(re.findall(r"^  (\w+):", config, re.MULTILINE))
    Path("inbox/assets.csv").unlink() if "assets" in kinds else None
    taken = _take(settings, here)
    assert kinds <= {one.kind for one in taken}
    assert [(one.ingest.rows_rejected, one.ingest.refusal) for one in taken] == [(0, None)] * len(taken)


def test_the_guide_has_an_example_for_every_option() -> None:
    examples = "\n".join(config for _, (_, config) in BLOCKS)
    assert [name for name in Feed.model_fields if f"{name}: " not in examples] == []


class TestSecrets:
    def test_a_secret_is_neither_stored_nor_told(self, settings: Settings, vendor: str) -> None:
        url = f"http://${{FEED_USER}}:${{FEED_PASSWORD}}@{vendor}/scores.csv?key=${{FEED_KEY}}"
        _take(settings, f'feeds: {{scores: {{path: "{url}", format: csv}}}}')
        assert ask(settings, "SELECT source FROM ingests WHERE kind = 'scores'") == [(f"http://{vendor}/scores.csv",)]

    @pytest.mark.parametrize(
        ("path", "kind", "sentence"),
        [
            ("{vendor}/scores.csv?key=no", SourceUnavailableError, "/scores.csv cannot be read (status 403)"),
            ("127.0.0.1:1/scores.csv", SourceUnavailableError, "/scores.csv cannot be read (Connection refused)"),
            ("{vendor}/nothing.csv", SourceError, "/nothing.csv: deliver them, or correct the feed in the config"),
        ],
    )
    def test_what_cannot_be_fetched_is_reported_without_them(
        self, settings: Settings, vendor: str, path: str, kind: type[SourceError], sentence: str
    ) -> None:
        url = "http://${FEED_USER}:${FEED_PASSWORD}@" + path.replace("{vendor}", vendor)
        settings.config.write_text(PORTFOLIOS + f'feeds: {{scores: {{path: "{url}"}}}}')
        feeds = load_feeds(settings.config)
        with pytest.raises(kind) as caught:
            find_sources(settings.inbox, DAY, feeds)
        assert sentence in str(caught.value)
        assert "p%40ss" not in str(caught.value)
        assert "desk" not in str(caught.value)

    def test_a_password_in_the_file_is_rejected_and_not_repeated(self, settings: Settings) -> None:
        with pytest.raises(ConfigError, match="a password stands in the address: write") as caught:
            _take(settings, 'feeds: {scores: {path: "https://desk:hunter2@host/scores.csv"}}')
        assert "hunter2" not in str(caught.value)

    def test_a_variable_that_is_not_set_is_named(self, settings: Settings) -> None:
        with pytest.raises(SourceError, match="feeds name NOBODY_SET_THIS, which the environment does not have"):
            _take(settings, 'feeds: {scores: {path: "https://${NOBODY_SET_THIS}@host/scores.csv"}}')


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("gs://bucket/scores.csv", "gs:// needs a package that is not installed: pip install gcsfs"),
        ("nowhere://bucket/scores.csv", "nowhere:// is no kind of address that is known"),
    ],
)
def test_a_file_system_that_is_not_there_says_what_to_install(settings: Settings, path: str, sentence: str) -> None:
    with pytest.raises(SourceError) as caught:
        _take(settings, f"feeds: {{scores: {{path: {path}}}}}")
    assert sentence in str(caught.value)


class TestQueries:
    CONFIG = """feeds:
  scores:
    database: duckdb:///quant.duckdb
    query: SELECT * FROM signals WHERE date = $as_of_date ORDER BY asset
"""

    def test_the_same_answer_is_one_ingest_and_another_is_a_new_one(self, settings: Settings) -> None:
        with duckdb.connect("quant.duckdb") as con:
            con.execute("CREATE TABLE signals AS SELECT DATE '2024-12-02' AS date, 'AAA' AS asset, 1 / 3 AS score")
        assert [
            one.ingest.is_new for one in (*_take(settings, self.CONFIG)[1:], *_take(settings, self.CONFIG)[1:])
        ] == [
            True,
            False,
        ]
        with duckdb.connect("quant.duckdb") as con:
            con.execute("INSERT INTO signals VALUES (DATE '2024-12-02', 'BBB', 0.5)")
        _take(settings, self.CONFIG)
        stored = ask(settings, "SELECT source, rows_accepted FROM ingests WHERE kind = 'scores' ORDER BY ingest_id")
        asked = "duckdb:///quant.duckdb: SELECT * FROM signals WHERE date = $as_of_date ORDER BY asset"
        assert stored == [(asked, 1), (asked, 2)]
        assert ask(settings, "SELECT max(score) FROM scores WHERE asset = 'AAA'") == [(1 / 3,)]

    def test_a_query_that_fails_is_one_sentence(self, settings: Settings) -> None:
        with pytest.raises(WarehouseError) as caught:
            _take(settings, self.CONFIG)
        assert "\n" not in str(caught.value)

    def test_a_column_that_is_no_value_is_named(self, settings: Settings) -> None:
        duckdb.connect("quant.duckdb").execute("CREATE TABLE signals AS SELECT DATE '2024-12-02' AS date, [1] AS asset")
        with pytest.raises(SourceError, match=r"holds neither text, numbers nor dates: asset \("):
            _take(settings, self.CONFIG)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("feeds: 7", "expected a mapping `feeds` from a kind to its feed, got 7"),
        ("feeds: {score: {path: x}}", "feeds: kind score is unknown; did you mean scores?"),
        ("feeds: {scores: x.csv}", "feeds: scores: expected a mapping with a path, or a database and a query"),
        ("feeds: {scores: {path: x, pth: x}}", "feeds: scores: pth is unknown; did you mean path?"),
        ("feeds: {scores: {path: x, query: y}}", "expected either a path, or a database with a query"),
        ("feeds: {scores: {database: x}}", "expected either a path, or a database with a query"),
        ('feeds: {scores: {path: "{day}.csv"}}', "{day} is unknown: {as_of_date} stands for the day"),
        ("feeds: {scores: {path: x, columns: {scor: y}}}", "columns: scor is unknown; did you mean score?"),
        ("feeds: {scores: {path: x, columns: {score: y, asset: y}}}", "columns: y is given 2 times"),
        ("feeds: {scores: {path: x, decimal: ';'}}", "decimal: expected '.' or ',', got ';'"),
        ("feeds: {scores: {path: x, separator: '--'}}", "separator: expected one character, such as ';' or a tab"),
        ("feeds: {scores: {path: x, encoding: latin-77}}", "encoding: expected the name of a text encoding, such as"),
        ("feeds: {scores: {path: x, encoding: zlib}}", "encoding: expected the name of a text encoding, such as"),
        ("feeds: {scores: {path: x, date_format: '%Y'}}", "date_format: expected codes of strptime that name one day"),
        ("feeds: {scores: {path: [secret]}}", "scores: path: expected a text, or null"),
    ],
)
def test_a_mistake_is_reported_with_the_others_of_the_file(tmp_path: Path, config: str, sentence: str) -> None:
    path = tmp_path / "portfolios.yaml"
    path.write_text(f"{config}\nportfolios: {{core: {{max_position: 1}}}}")
    for load in (load_portfolios, load_feeds):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert sentence in str(caught.value)
        assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"^2 mistakes in .*:\n.*:1:.*\n.*:2:.* limit max_position is unknown"):
        load_portfolios(path)


def test_feeds_are_no_part_of_the_limits(tmp_path: Path) -> None:
    path = tmp_path / "portfolios.yaml"
    path.write_text(PORTFOLIOS)
    without = load_portfolios(path)
    path.write_text(PORTFOLIOS + "feeds: {scores: {path: x.csv}}")
    assert (load_portfolios(path), load_feeds(tmp_path / "nowhere.yaml")) == (without, {})
