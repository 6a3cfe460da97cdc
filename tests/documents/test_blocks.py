"""Every block of code in the README and the documents is proved: run, parsed, or compared with what is made from it.

Blocks of `console` are run by test_readme.py, `csv` by tests/tasks/config/test_feeds.py and test_configuration_page.py,
whose pages they are on, those of `bash` by test_risk_page.py, the `sql` of scale.md by
tests/scale/test_same_answers.py. Those of `text` are on two pages that are made from the
code: test_site.py, test_configuration_page.py.
"""

from pathlib import Path

import duckdb
import pytest
import yaml

from tasks.config.portfolios import load_feeds, load_portfolios
from tests.helpers.documented_commands import Block, blocks

PROVED = {"bash", "console", "csv", "python", "sql", "text", "yaml"}
PORTFOLIOS = "portfolios: {core: }\n"
FEEDS, CONFIGURATION, SCALE = "feeds.md", "configuration.md", "scale.md"


def _ids(block: Block) -> str:
    return f"{block.page.name}-{block.text.split(maxsplit=3)[:3]}"


def test_every_block_says_its_language_and_a_test_proves_it() -> None:
    unproved = [f"{block.page.name}: {block.text[:40]}" for block in blocks() if block.language not in PROVED]
    assert unproved == []
    assert {block.page.name for block in blocks("csv")} == {FEEDS, CONFIGURATION}
    assert {block.page.name for block in blocks("bash")} == {"risk.md"}
    assert {block.page.name for block in blocks("text")} == {"commands.md", CONFIGURATION}


def test_every_block_of_python_runs() -> None:
    for block in blocks("python"):
        exec(block.text, {})  # noqa: S102 - our own document


@pytest.mark.parametrize("block", blocks("yaml"), ids=_ids)
def test_every_block_of_config_is_one(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in ("FEED_USER", "FEED_PASSWORD", "FEED_KEY"):
        monkeypatch.setenv(secret, "x")
    config = tmp_path / "portfolios.yaml"
    sections = yaml.safe_load(block.text)
    config.write_text(block.text if "portfolios" in sections else PORTFOLIOS + block.text)
    if table := sections.get("portfolios_file"):
        (tmp_path / table).write_text(f"portfolio_id,limit_set\nfund_0001,{next(iter(sections['limit_sets']))}\n")
        sections["portfolios"] |= {"fund_0001": None}
    assert load_portfolios(config).keys() == dict(sections.get("portfolios", {"core": None})).keys()
    assert load_feeds(config).keys() == dict(sections.get("feeds", {})).keys()


def test_every_query_can_be_asked(empty_warehouse: Path) -> None:
    queries = [block for block in blocks("sql") if block.page.name not in {FEEDS, SCALE}]
    assert len(queries) > 30
    with duckdb.connect(str(empty_warehouse), read_only=True) as con:
        for block in queries:
            for query in filter(str.strip, block.text.split(";")):
                con.sql(query)
