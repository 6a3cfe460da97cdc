"""What was visible at every moment of a random history, compared with what its events say; and views of it."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sql.engine.scripts import read_script
from sql.engine.table_contracts import RUN_TABLES
from sql.records import StartedRun
from sql.warehouse import Warehouse
from tests.helpers.examples import examples
from tests.sql.warehouse_samples import DAY, ONE, make_frames, make_run

PORTFOLIOS, DAYS = ("p1", "p2", "p3"), 4
Step = tuple[str, int, Sequence[str]]

# The definition of V015: of each portfolio and day the last published event up to the moment.
VISIBLE = """
    SELECT portfolio_id, as_of_date, run_id, happened_at AS published_at
    FROM (
        SELECT run_portfolios.portfolio_id, runs.as_of_date, runs.run_id, run_events.event_id, run_events.happened_at
        FROM run_events JOIN runs USING (run_id) JOIN run_portfolios USING (run_id)
        WHERE run_events.state = 'published' AND run_events.happened_at <= $moment
    )
    QUALIFY row_number() OVER (PARTITION BY portfolio_id, as_of_date ORDER BY event_id DESC) = 1
"""
CURRENT = f"""
    SELECT targets.portfolio_id, targets.as_of_date, targets.asset, targets.run_id, latest.published_at
    FROM targets
    JOIN (
        FROM ({VISIBLE}) QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) = 1
    ) AS latest USING (run_id, portfolio_id, as_of_date)
"""
# Views as they were when each read every portfolio and day; p2 is halted.
ORDER_STATUS = """
    SELECT
        visible_runs.portfolio_id,
        visible_runs.as_of_date,
        visible_runs.run_id,
        tried.happened_at,
        coalesce(tried.status, 'not_made') AS status
    FROM visible_runs
    LEFT JOIN (
        FROM order_status QUALIFY row_number() OVER (PARTITION BY run_id, portfolio_id ORDER BY happened_at DESC) = 1
    ) AS tried USING (run_id, portfolio_id)
"""
VIEWS = {
    "visible_order_status": ORDER_STATUS,
    "current_order_status": f"""
        FROM ({ORDER_STATUS}) QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) = 1
    """,
    "decisions_today": """
        SELECT decisions.portfolio_id, latest.as_of_date, decisions.asset, decisions.run_id, latest.published_at
        FROM decisions
        JOIN (
            FROM visible_runs QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) = 1
        ) AS latest USING (run_id, portfolio_id)
    """,
    "run_health": """
        WITH visible AS (
            SELECT as_of_date, list(portfolio_id) AS names FROM visible_runs GROUP BY as_of_date
        ),
        ran AS (
            SELECT as_of_date, list(portfolio_id) AS names
            FROM runs
            JOIN run_portfolios USING (run_id)
            GROUP BY as_of_date
        ),
        published AS (
            SELECT as_of_date, max(publication) AS n_publications FROM publications GROUP BY as_of_date
        )
        SELECT
            ran.as_of_date,
            coalesce(n_publications, 0) AS n_publications,
            list_sort(list_filter(
                list_distinct(ran.names || coalesce(before.names, [])),
                lambda name: NOT list_contains(coalesce(visible.names, []), name)
            )) AS missing_portfolios,
            list_filter(missing_portfolios, lambda name: name = 'p2') AS halted_portfolios,
            coalesce(len(visible.names), 0) > 0 AND len(missing_portfolios) = 0 AS is_covered
        FROM ran
        LEFT JOIN published USING (as_of_date)
        LEFT JOIN visible USING (as_of_date)
        ASOF LEFT JOIN visible AS before ON ran.as_of_date > before.as_of_date
    """,
}
NOW = {"visible_runs_as_of($moment)": VISIBLE, "targets_as_of($moment)": CURRENT}

_TRIED = """
    INSERT INTO order_status BY NAME
    SELECT
        run_id,
        portfolio_id,
        TIMESTAMPTZ '2026-01-01 00:00:00Z' + INTERVAL (number) DAY AS happened_at,
        if(number = 2, 'ordered', 'missing_value') AS status,
        0 AS n_trades,
        0 AS n_orders,
        0 AS n_problem_assets
    FROM run_portfolios, range(1, 3) AS tries(number)
    WHERE hash(run_id, portfolio_id) % 3 >= number
"""
"""Orders that were tried twice, once or never."""

_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "publish", "approve", "decline", "days", "the clock is set back"]),
        st.integers(0, DAYS - 1),
        st.lists(st.sampled_from(PORTFOLIOS), min_size=1, unique=True).map(sorted),
    ),
    min_size=1,
    max_size=9,
)


def _take(session: Warehouse, number: int, step: Step) -> None:
    """Publish what is new, what was published before, or what waited; runs of the same portfolios and day are alike."""
    what, day, names = step
    weights = dict.fromkeys(names, ONE["p1"])
    run_id, as_of_date = f"{day}-{'-'.join(names)}", DAY + timedelta(days=day)
    if what == "days":
        days = [as_of_date + timedelta(days=number) for number in range(2)]
        started = [StartedRun(make_run(f"{number}-{one}", weights, one), ()) for one in days]
        frames = [
            {
                table: rows.with_columns(run_id=pl.lit(one.record.run_id))
                for table, rows in make_frames(weights, one.record.as_of_date).items()
            }
            for one in started
        ]
        session.publish_many(started, {table: pl.concat(own[table] for own in frames) for table in RUN_TABLES}, "test")
        return
    if what == "the clock is set back":
        with session.connected() as con:
            later = "SELECT max(event_id) + 1, 'before', 'started', now() + INTERVAL 1 DAY, 'test', '' FROM run_events"
            con.execute(f"INSERT INTO run_events {later} HAVING count(*) > 0")
        return
    state = session.start_run(make_run(run_id, weights, as_of_date), "test")
    if state == "published":
        return
    if what == "publish":
        if state != "proposed":
            session.publish(run_id, make_frames(weights, as_of_date), "test")
        return
    session.propose(run_id, make_frames(weights, as_of_date), "test", dict.fromkeys(names, "because"))
    (session.approve if what == "approve" else session.decline)(run_id, "somebody", "because")


@pytest.mark.slow
@given(steps=_STEPS)
@settings(max_examples=examples(20), deadline=None)
def test_what_was_visible_at_every_moment_is_what_the_events_say(
    make_migrated: Callable[[], Warehouse], steps: list[Step]
) -> None:
    warehouse = make_migrated()
    with warehouse.kept_open() as session:
        for number, step in enumerate(steps):
            _take(session, number, step)
        session.halt(["p2"], "test", "because")
        with session.connected() as con:
            con.execute(_TRIED)
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        happened = [moment for (moment,) in con.execute("SELECT DISTINCT happened_at FROM run_events").fetchall()]
        around = [moment + timedelta(microseconds=off) for moment in happened for off in (-1, 0, 1)]
        for moment in [*around, "infinity", "-infinity"]:
            for name, before in NOW.items():
                columns = ", ".join(con.execute(f"{before} LIMIT 0", {"moment": moment}).pl().columns)
                asked = f"SELECT {columns} FROM {name} ORDER BY ALL"
                expected = f"FROM ({before}) ORDER BY ALL"
                own, other = (con.execute(sql, {"moment": moment}).fetchall() for sql in (asked, expected))
                assert own == other, (name, moment)
        latest = f"FROM ({VISIBLE}) QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) = 1"
        for name, before in {"current_targets": CURRENT, "current_runs": latest, **VIEWS}.items():
            moment = {"moment": "infinity"} if "$moment" in before else None
            columns = ", ".join(con.execute(f"{before} LIMIT 0", moment).pl().columns)
            own = con.execute(f"SELECT {columns} FROM {name} ORDER BY ALL").fetchall()
            assert own == con.execute(f"FROM ({before}) ORDER BY ALL", moment).fetchall(), name
        assert con.execute(read_script("checks/integrity", "visibility_is_as_published").sql).fetchall() == []
