"""The small steps with the warehouse, each a transaction of its own, whoever holds the connection.

What does not belong here: files, locks, opening; these are in sql/engine/connections.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime

import polars as pl

from sql.engine.statements import Connection, check_frames, command, query, transaction
from sql.engine.table_contracts import Rows, RunRows, check_run_frames
from sql.errors import HaltedError, PublishRejectedError, WarehouseError
from sql.records import Copied, Ingest, IngestBatch, IngestKind, IngestSource, Publication, RunRecord, StartedRun
from sql.store import approvals, halts, ingests, replays, run_batches, runs
from sql.store import orders as store_orders
from sql.store.ingests import RejectedAgainError, Verdict

_RECORDED_BY = {"proposed": "propose", "approved": "approve", "published": "publish", "superseded": "publish"}


class Steps(ABC):
    """What is read from the warehouse and recorded in it."""

    @abstractmethod
    def connected(self) -> AbstractContextManager[Connection]:
        """Return an open connection, which no other process has meanwhile; for the functions of this package."""

    def query(self, name: str, /, **parameters: object) -> pl.DataFrame:
        """Run the query <name>.sql of sql/queries, whose header has its grain and parameters."""
        with self.connected() as con:
            return query(con, name, **parameters)

    def find_ingest(self, kind: IngestKind, as_of_date: date | None, sha256: str) -> Ingest | None:
        """Return the ingest of the same content, accepted or refused: it need not be read again.

        Content that a later one of the kind and day has replaced is new. as_of_date None: content with many days, any
        day of it.
        """
        with self.connected() as con:
            return ingests.find(con, kind, as_of_date, sha256)

    def record_ingest(self, source: IngestSource, batches: Iterable[IngestBatch], verdict: Verdict) -> Ingest:
        """Store what is read, batch by batch, in one transaction. The content that counts already is not read again.

        Rows whose key stands more than once are moved to rejects. Then `verdict(rows_accepted, rows_rejected)` gives
        None, or why the whole content is rejected: then all of its rows are in rejects, and it counts for nothing.
        """
        return self._ingested(source, batches, verdict, has_many_days=False)[0]

    def record_history(
        self, source: IngestSource, batches: Iterable[IngestBatch], verdict: Verdict
    ) -> tuple[Ingest, ...]:
        """Store content with many days as `record_ingest` does, one ingest a day, in one transaction.

        A rejected row whose day cannot be read is of the last day. A day without an accepted row is refused. The day
        of the source counts only where no row has one.
        """
        return self._ingested(source, batches, verdict, has_many_days=True)

    def record_refusal(self, source: IngestSource, words: str) -> Ingest:
        """Record content of which no row could be read: an ingest without rows, and why."""
        with self.connected() as con, transaction(con):
            return ingests.record_refusal(con, source, words)

    def start_run(self, run: RunRecord, by: str, warnings: Sequence[str] = ()) -> str | None:
        """Record that a run starts, and return its state before: None when it is new.

        'published' means that every portfolio of the run is visible from it: there is nothing to do, and the event is
        'unchanged' instead of 'started', its reason with the warnings. So it is with 'proposed', which means that the
        run waits for approval. A run that a later one replaced for some portfolios is 'superseded' here.
        """
        with self.connected() as con, transaction(con):
            return runs.start(con, run, by, warnings)

    def record_event(self, run_id: str, state: str, by: str, reason: str) -> None:
        """Append what happened to a run. What makes targets visible, or lets them wait, is done by its own method."""
        if state in _RECORDED_BY:
            msg = f"state {state} of run {run_id} cannot be recorded alone: use {_RECORDED_BY[state]}()"
            raise WarehouseError(msg)
        with self.connected() as con, transaction(con):
            runs.find_run(con, run_id)
            runs.record_event(con, run_id, state, by, reason)

    def publish(self, run_id: str, frames: Mapping[str, RunRows], by: str, warnings: Sequence[str] = ()) -> Publication:
        """Write the rows of a run, check them, make them visible: in one transaction, or not at all.

        *Requires* the frames of `RUN_TABLES`, without run_id. *Raises* `PublishRejectedError` when a check fails, and
        `HaltedError` while a halt covers one of its portfolios; the run is then recorded as rejected or held, and
        nothing else is kept. The warnings stand in the reason of the event. Open proposals of the same or earlier days
        that have a portfolio in common with it are superseded.
        """
        check_run_frames(frames)
        with self.connected() as con:
            check_frames(con, frames, without="run_id")
            with _record_rejections(con, run_id, by), transaction(con):
                return runs.publish(con, run_id, frames, by, warnings)

    def propose(  # noqa: PLR0913, PLR0917 - what a proposal is
        self,
        run_id: str,
        frames: Mapping[str, RunRows],
        by: str,
        reasons: Mapping[str, str],
        four_eyes: Collection[str] = (),
        warnings: Sequence[str] = (),
    ) -> datetime:
        """Write and check the rows of a run as `publish` does, let it wait for approval, and return since when.

        Nothing is visible before it is approved. `reasons` has why approval is requested, for one portfolio at least;
        for those in `four_eyes`, `by` may not approve. Older open proposals that have a portfolio in common with it
        are superseded, those of later days stay. *Raises* `PublishRejectedError` as `publish` does.
        """
        check_run_frames(frames)
        with self.connected() as con:
            check_frames(con, frames, without="run_id")
            with _record_rejections(con, run_id, by), transaction(con):
                return approvals.propose(con, run_id, frames, by, reasons, four_eyes, warnings)

    def approve(self, run_id: str, approver: str, note: str) -> Publication:
        """Check the rows of an open proposal again and make them visible, in one transaction, or not at all.

        *Raises* `ApprovalError` when it is none, or who proposed it may not approve it; `PublishRejectedError` when a
        check fails, which ends the proposal; `HaltedError` while a halt covers one of its portfolios: it goes on
        waiting. The last two are kept as events of the run.
        """
        with self.connected() as con, _record_rejections(con, run_id, approver, approval=note), transaction(con):
            return approvals.approve(con, run_id, approver, note)

    def decline(self, run_id: str, approver: str, note: str) -> None:
        """End an open proposal without making anything visible. *Raises* `ApprovalError` when it is none."""
        with self.connected() as con, transaction(con):
            approvals.decline(con, run_id, approver, note)

    def halt(self, portfolio_ids: Collection[str] | None, by: str, reason: str) -> None:
        """Halt the publication of portfolios, None: of all, until it is resumed. The two do not touch each other.

        *Raises* `WarehouseError` when no person, reason or portfolio is named.
        """
        with self.connected() as con, transaction(con):
            halts.halt(con, portfolio_ids, by, reason)

    def resume(self, portfolio_ids: Collection[str] | None, by: str, reason: str) -> None:
        """Lift the halts of portfolios, None: the one of all. *Raises* `WarehouseError` for what is not halted."""
        with self.connected() as con, transaction(con):
            halts.resume(con, portfolio_ids, by, reason)

    def publish_many(self, started: Sequence[StartedRun], frames: Mapping[str, Rows], by: str) -> None:
        """Publish new runs of several days in one transaction: each as `start_run` and `publish` do, or none.

        *Requires* the frames of `RUN_TABLES` with the rows of all runs, and run_id. *Raises* `PublishRejectedError`
        when a check fails, `HaltedError` while a halt covers a portfolio of any: nothing is kept then, not even that
        the runs were started.
        """
        check_run_frames(frames)
        with self.connected() as con, transaction(con):
            check_frames(con, frames, without="")
            run_batches.publish(con, started, frames, by)

    def record_unchanged(self, started: Sequence[StartedRun], by: str) -> None:
        """Record of runs that are visible that they were requested again, as `start_run` does for one."""
        with self.connected() as con, transaction(con):
            run_batches.record_unchanged(con, started, by)

    def record_orders(self, run_id: str, orders: pl.DataFrame, status: pl.DataFrame) -> None:
        """Append the orders of a published run and the status of its portfolios, in one transaction, or nothing.

        *Requires* the columns of `orders` without run_id and order_id, and of `order_status` without run_id and
        happened_at. What was ordered once stays as it is. *Raises* `WarehouseError` when a check fails.
        """
        with self.connected() as con, transaction(con):
            store_orders.record(con, run_id, orders, status)

    def read_run(self, run_id: str) -> dict[str, pl.DataFrame]:
        """Return the stored rows of a run, one frame a table of `RUN_TABLES`, without run_id."""
        with self.connected() as con:
            return replays.read_rows(con, run_id)

    def record_replay(self, run_id: str, by: str, code_fingerprint: str, differences: pl.DataFrame) -> int:
        """Record that a run was computed again and where it differs, and return the number of the replay.

        *Requires* in `differences` the columns of replay_differences without replay_id; no row: it is identical.
        """
        with self.connected() as con, transaction(con):
            return replays.record(con, run_id, by, code_fingerprint, differences)

    def record_copy(self, copied: Copied, error: str | None = None) -> None:
        """Append an attempt to copy to PostgreSQL, and why it failed where it did."""
        with self.connected() as con, transaction(con):
            command(con, "record_copy", **asdict(copied), copied_at=datetime.now(UTC), error=error)

    def _ingested(
        self, source: IngestSource, batches: Iterable[IngestBatch], verdict: Verdict, *, has_many_days: bool
    ) -> tuple[Ingest, ...]:
        with self.connected() as con:
            try:
                with transaction(con):
                    return ingests.record(con, source, batches, verdict, has_many_days=has_many_days)
            except RejectedAgainError as again:
                return again.ingests


@contextmanager
def _record_rejections(con: Connection, run_id: str, by: str, approval: str | None = None) -> Iterator[None]:
    """Record why a run is not published, after everything else was rolled back; with the approval that led to it."""
    try:
        yield
    except PublishRejectedError as rejected:
        with transaction(con):
            if approval is not None:
                approvals.record_approved(con, run_id, by, approval)
            runs.record_event(con, run_id, "rejected", by, rejected.reason)
        raise
    except HaltedError as halted:
        with transaction(con):
            runs.record_event(con, run_id, "held", by, halted.reason)
        raise
