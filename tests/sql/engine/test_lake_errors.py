"""What DuckDB says of a lake becomes one sentence, and never shows a password."""

import pytest

from sql.engine.lake_errors import explain_lake
from tests.helpers.postgres_server import PASSWORD

SAID = {
    'IO Error: Cannot open file "/lake/x.parquet": Permission denied': "data path /lake/ cannot be read or written",
    "HTTP Error: HTTP GET error reading 's3://b/x' (HTTP 403 Forbidden)": "data path /lake/ cannot be read or written",
    "Out of Memory Error: could not allocate block": "raise BALLAST_MEMORY_LIMIT",
    "Catalog Error: Table with name runs does not exist!\nDid you mean x": "`ballast db migrate` says what to do",
    "Serverprozess wurde beendet": "Serverprozess wurde beendet. What was not finished was rolled back",
}


@pytest.mark.parametrize("text", SAID)
def test_an_error_says_what_happened_and_what_to_do(text: str) -> None:
    sentence = explain_lake("postgresql://h/d", "/lake/", RuntimeError(text), lambda said: said)
    assert sentence.startswith("lake postgresql://h/d: ")
    assert SAID[text] in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "text",
    [
        f'IO Error: Unable to connect to Postgres at "host=h user=u password={PASSWORD}": timeout',
        f"IO Error: Unable to connect to Postgres at host=h password='{PASSWORD}' dbname=d",
        f"Error: Failed to execute query \"INSERT INTO a VALUES ('{PASSWORD}');\nCOMMIT\": ERROR:  disk full",
    ],
)
def test_no_password_is_shown(text: str) -> None:
    sentence = explain_lake("postgresql://h/d", "/lake/", RuntimeError(text), lambda said: said)
    assert PASSWORD not in sentence


def test_a_long_statement_is_cut() -> None:
    assert len(explain_lake("l", "/d/", RuntimeError("x" * 10_000), lambda said: said)) < 1_000
