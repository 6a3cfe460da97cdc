"""The commands in their groups and order: where each is, and its help.

Each command is a function in `handlers/` (it runs, writes or decides) or `queries/` (it reads the snapshot).
"""

from collections.abc import Mapping

from cyclopts import Group

PREPARE = Group("Prepare", sort_key=1)
RUN = Group("Run", sort_key=2)
LOOK = Group("Look", sort_key=3)
DECIDE = Group("Decide", sort_key=4)
OPERATE = Group("Operate", sort_key=5)
TERMINAL = Group("This terminal", sort_key=6)

COMMANDS: Mapping[Group, Mapping[str, str]] = {
    PREPARE: {
        "handlers.init:init": """\
Start a folder: a commented `portfolios.yaml`, the settings in `.env`, and an inbox with a small example.

The scores of the example are invented, so that `ballast run` works at once. No file is overwritten. Example:
`ballast init my-portfolios --preset conservative`

Exit codes: 0 written; 1 an error, for example a file that exists already; 2 wrong usage.
""",
        "handlers.validate:validate": """\
Check the config and the files of a day before a run. Nothing is written.

It reports mistakes of the config with their lines, the rows of each file that would be rejected and why, unknown
names, and how much each portfolio can invest with its limits and the names of the day. Example:
`ballast validate --as-of 2025-06-02`

Exit codes: 0 ready, warnings or not; 1 something would stop the run; 2 wrong usage.
""",
    },
    RUN: {
        "handlers.plan:plan": """\
Report what a run of a day would do, or another limit, and why. Nothing is written.

The day is computed in a temporary copy of the snapshot, and its targets are compared with those that are visible now.
Every limit is a flag that replaces the configured value. Example: `ballast plan --portfolio core
--max-single-position 0.10`

Exit codes, as `ballast run` would have: 0 published or unchanged; 1 an error; 2 wrong usage;
3 held; 4 rejected; 6 proposed, it waits for approval.
""",
        "handlers.run:run": """\
Rebalance every portfolio for a day, or for each trading day of a range.

Without a day, the newest one that the inbox has scores for. A range ends at the first day that is held or waits for
approval. Every limit is a flag that replaces the configured value for this run. Example:
`ballast run --inbox deployments/sample/inbox --as-of 2025-06-02`

Exit codes: 0 published or unchanged; 1 an error; 2 wrong usage; 3 held; 4 rejected;
6 proposed, it waits for approval; 130 stopped.
""",
        "handlers.backfill:backfill": """\
Publish the trading days of a range in order, many a second, with the rows that `ballast run` writes.

Days that are published already with the same inputs stay, so run it again after a stop. A held day is recorded and
ends the backfill. Example: `ballast backfill --from 2025-06-02 --to 2025-06-06`

Exit codes: 0 published or unchanged; 1 an error; 2 wrong usage; 3 a day is held, or
publication is halted; 4 rejected; 130 stopped.
""",
        "handlers.replay:replay": """\
Compute published runs again from their stored inputs, and report each value that differs.

Superseded runs are published runs too. Only the record of the replay is written. Example:
`ballast replay --as-of 2025-06-02`

Exit codes: 0 identical; 1 an error; 2 wrong usage; 5 a value differs; 130 stopped.
""",
    },
    LOOK: {
        "queries.targets:targets": """\
Show what to hold and to trade: the published targets, the largest first.

Example: `ballast targets core --why`

Example: `ballast targets --as-of 2025-06-03 --csv`

Exit codes: 0 shown; 1 an error; 2 wrong usage.
""",
        "queries.orders:orders": """\
Show what to buy and to sell, in whole lots: the orders of the published targets, sales first.

Example: `ballast orders`

Example: `ballast orders core --csv`

A portfolio needs a value in accounts and prices of the day; without, a warning says what is missing.

Exit codes: 0 shown; 1 an error, reported in one sentence; 2 wrong usage.
""",
        "queries.explain:explain": """\
Explain one weight: why the asset is selected or not, how its size was computed, what would change it.

Example: `ballast explain core AMZN --as-of 2025-06-06`

Exit codes: 0 shown; 1 an error; 2 wrong usage.
""",
        "queries.diff:diff": """\
Show what changed, and why: the newest day compared with the one before, two days, or two runs.

Example: `ballast diff`

Example: `ballast diff --from 2025-06-03 --to 2025-06-05 --portfolio core`

A summary per portfolio comes first, then every weight that moved. --json and --csv have the weights.

Exit codes: 0 shown; 1 an error; 2 wrong usage.
""",
        "queries.status:status": """\
Report whether all is well: portfolios, proposals, halts, the last runs, the next ones.

Example: `ballast status`

The first line is the answer: halts, proposals, days that are held, failed or missing, files of the inbox that were
not read or changed since, targets on corrected inputs, the worker. Days after the newest one are expected when it
was published within a week of its close, or when something is scheduled: at the Prefect server at PREFECT_API_URL,
else at the one of `ballast up`.

Exit codes: 0 all is well; 1 an error; 2 wrong usage; 7 something is not well or waits.
""",
        "queries.report:report": """\
Write a day as one HTML file that opens offline: what to look at first, charts, every table.

Example: `ballast report --as-of 2025-06-06 --open`

A day that is held or waits has a page too. The path is written to stdout; a file of that name is replaced.

Exit codes: 0 written; 1 an error; 2 wrong usage.
""",
        "queries.sql:sql": """\
Query the snapshot in SQL, read-only: one query, several, or those of stdin.

Example: `ballast sql "FROM current_targets"`

For a prompt, use the command line of DuckDB: `duckdb -readonly .ballast/snapshot.duckdb`.

Exit codes: 0 answered; 1 an error; 2 wrong usage.
""",
    },
    DECIDE: {
        "handlers.approval:approve": """\
Publish the targets of a run that waits for approval.

A run whose inputs have changed since is not published. Example:
`ballast approve 2025-06-02-0123456789ab --note "turnover as expected"`

Exit codes: 0 published; 1 an error; 2 wrong usage; 3 publication is halted; 4 rejected;
130 stopped.
""",
        "handlers.approval:decline": """\
Decline a run that waits for approval: the published targets stay.

Example: `ballast decline 2025-06-02-0123456789ab --note "too much turnover"`

Exit codes: 0 declined; 1 an error; 2 wrong usage; 130 stopped.
""",
        "handlers.halt:halt": """\
Halt publication: no flow or command publishes these portfolios until they are resumed.

Example: `ballast halt core --reason "the scores look wrong"`

Exit codes: 0 halted; 1 an error; 2 wrong usage; 130 stopped.
""",
        "handlers.halt:resume": """\
Lift a halt, of portfolios or with --all of all of them. Held days are published when they are run again.

Example: `ballast resume core --reason "the scores are corrected"`

Exit codes: 0 resumed; 1 an error; 2 wrong usage; 130 stopped.
""",
    },
    OPERATE: {
        "handlers.server:up": """\
Start a Prefect server, the deployments and a worker on this machine, and wait until all is well.

Example: `ballast up`

The server listens on loopback, at PREFECT_SERVER_API_PORT (4200), and requires a password, which the first start
generates, prints and stores in .ballast/run/password. Its database is PostgreSQL when
PREFECT_SERVER_DATABASE_CONNECTION_URL names one, else SQLite in PREFECT_HOME. Running processes stay. When
one does not start, those that were started are ended.

With --scale the tables are in a lake and large runs on two Dask workers: PostgreSQL has the catalog and Prefect's
history, a local server of S3 the files. Their data are in .ballast/scale/ and outlive `ballast down`, their ports begin
at BALLAST_SCALE_PORT (4210). `. .ballast/run/scale.env` lets the commands of a shell work on them.
""",
        "handlers.server:down": """\
End what `ballast up` started: the worker, then the server, and with --scale what they work on.

Example: `ballast down`

It waits for the runs that have begun, BALLAST_STOP_SECONDS (60) at most, and reports which it stopped; no new ones
begin meanwhile.
""",
        "handlers.server:deploy": """\
Deploy deployments/prefect.yaml and automations.yaml to a Prefect server; what is paused stays paused.

Example: `ballast deploy`

The server is the one of PREFECT_API_URL, else the one of `ballast up`. Alerts go to BALLAST_ALERT_WEBHOOK or
BALLAST_ALERT_EMAIL; with neither, the automations that only alert are disabled.
""",
    },
}
"""Where each command is, and its help."""

DB_COMMANDS: Mapping[str, str] = {
    "status": """\
Report the state of the warehouse: version, size, rows, last publication, snapshot, recoveries.

Example: `ballast db status`
""",
    "verify": """\
Verify the warehouse: every value, sums, uniqueness, each published run, the copies for readers.

Example: `ballast db verify`

Nothing is changed. Exit codes: 0 no failure; 1 failures, with a table of them.
""",
    "migrate": """\
Create the warehouse, or migrate it to this version of Ballast.

Example: `ballast db migrate`
""",
    "snapshot": """\
Write the snapshot again, and the exports that differ from the warehouse.

Example: `ballast db snapshot`
""",
    "backup": """\
Write a consistent backup, and open it before it gets its name.

Example: `ballast db backup monday.duckdb`
""",
    "restore": """\
Verify a backup, replace the warehouse with it, and write the snapshot and the exports of its days.

Example: `ballast db restore monday.duckdb`

The replaced file stays beside it, and so do exports that differ from the backup. A backup that fails verification
is rejected, and nothing is changed.
""",
    "copy": """\
Update the replica in PostgreSQL with what was published since.

Example: `ballast db copy`

Each run does so by itself. The server is BALLAST_POSTGRES_URL, the schema BALLAST_POSTGRES_SCHEMA.
""",
    "move": """\
Copy every table of a database file into a lake, or of a lake into a file, and compare every value.

Example: `ballast db move --to ducklake`

What is copied from stays as it is; a target that has rows is rejected, and nothing is kept unless all of it is the
same. `--to embedded --warehouse FILE` is the backup of a lake. The lake is that of BALLAST_LAKE_CATALOG and
BALLAST_LAKE_DATA; which of the two the other commands use, is BALLAST_STORE.
""",
    "clean": """\
List the files of a lake that no table has, and remove those older than a week when asked to.

Example: `ballast db clean`

They are left by a transaction that did not end and by shards that were never published, and nobody reads them.
""",
    "schema": """\
Print every table, view and macro with its columns, and example queries, as Markdown.

Example: `ballast db schema > schema.md`
""",
}
"""The help of each command of `ballast db`."""
