"""What a backfill's books would have moved: realised volatility against what was estimated, and how often k moves.

    python benchmarks/realised_volatility.py WAREHOUSE PRICES

Each book, post-trade weights, is held to the next session; its return is the sum of weight x return of the asset by the
closes of PRICES (Parquet or CSV: date, asset, close). No costs, cash earns nothing. A year has 252 sessions.
"""

import argparse
import sys

import duckdb
from rich.console import Console
from rich.table import Table

SESSIONS_A_YEAR = 252

BOOKS = """
WITH returns AS (
    SELECT
        date AS ends_on,
        asset,
        lag(date) OVER by_asset AS as_of_date,
        close / lag(close) OVER by_asset - 1 AS asset_return
    FROM read_prices
    WINDOW by_asset AS (PARTITION BY asset ORDER BY date)
),
books AS (
    SELECT portfolio_id, as_of_date, asset, post_trade_weight::DOUBLE AS weight
    FROM targets
    JOIN visible_runs USING (run_id, portfolio_id, as_of_date)
    WHERE NOT is_cash
),
days AS (
    SELECT
        portfolio_id,
        as_of_date,
        coalesce(sum(weight * asset_return), 0) AS book_return,
        sum(weight) AS invested,
        count(*) FILTER (weight > 0) AS n_positions
    FROM books
    LEFT JOIN returns USING (as_of_date, asset)
    WHERE as_of_date < (SELECT max(as_of_date) FROM books)
    GROUP BY portfolio_id, as_of_date
),
scales AS (
    SELECT
        portfolio_id,
        as_of_date,
        portfolio_volatility,
        risk_scale,
        abs(risk_scale / lag(risk_scale) OVER (PARTITION BY portfolio_id ORDER BY as_of_date) - 1) AS change
    FROM sizing_summary
    JOIN visible_runs USING (run_id, portfolio_id)
)
SELECT
    portfolio_id,
    count(*) AS n_days,
    sqrt($year * avg(book_return * book_return)) AS realised,
    sqrt(avg(portfolio_volatility * portfolio_volatility)) AS estimated,
    avg(invested) AS invested,
    min(invested) AS least_invested,
    avg(n_positions) AS n_positions,
    avg((change > 0.05)::DOUBLE) AS moves
FROM days
LEFT JOIN scales USING (portfolio_id, as_of_date)
WHERE as_of_date >= $since
GROUP BY portfolio_id
ORDER BY portfolio_id
"""


def main() -> None:
    """Print a row a portfolio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("warehouse")
    parser.add_argument("prices")
    parser.add_argument("--since", default="0001-01-01", help="first day of a book that counts")
    given = parser.parse_args()
    with duckdb.connect(given.warehouse, read_only=True) as con:
        read = con.read_parquet if given.prices.endswith("parquet") else con.read_csv
        con.register("read_prices", read(given.prices))
        rows = con.execute(BOOKS, {"year": SESSIONS_A_YEAR, "since": given.since}).fetchall()
    table = Table(title=f"{given.warehouse}: books held to the next session")
    for heading in ("portfolio", "days", "realised", "estimated", "invested", "least", "positions", "k moves > 5 %"):
        table.add_column(heading)
    for name, n_days, *numbers, moves in rows:
        shares = [f"{number:.4f}" if number is not None else "" for number in numbers]
        table.add_row(name, str(n_days), *shares, f"{moves:.3f}" if moves is not None else "")
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
