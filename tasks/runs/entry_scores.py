"""Entry scores and rivals of runs that are too large to have them: found when asked, from what they read.

What does not belong here: how an entry score is found, which is in sizing/selection/counterfactual.py.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from sizing.pipeline import decide, select_candidates
from sizing.selection.decisions import FOR_SIZING
from sql.snapshot_reader import SnapshotReader
from tasks.runs.run_record import read_recorded


def put_entry_scores(reader: SnapshotReader, exchange: str, portfolio_ids: Sequence[str], day: date) -> bool:
    """Let queries read the decisions on these portfolios with entry score and rival, where the run of the day has none.

    *Returns* whether it has none. `exchange` is that of the installation. The rules are computed again from what the
    run read: nothing else changes.
    """
    deciding = reader.query("decided_by", portfolio_ids=list(portfolio_ids), as_of_date=day)
    if deciding["has_entry_scores"].all():
        return False
    reader.put_decisions(
        pl.concat(
            _decide_again(reader, exchange, str(run_id), rows["portfolio_id"].to_list())
            for (run_id,), rows in deciding.partition_by("run_id", as_dict=True).items()
        )
    )
    return True


def _decide_again(reader: SnapshotReader, exchange: str, run_id: str, portfolio_ids: Sequence[str]) -> pl.DataFrame:
    run = reader.query("run_by_id", run_id=run_id).row(0, named=True)
    inputs = replace(read_recorded(reader, exchange, run, portfolio_ids).inputs, has_entry_scores=True)
    decisions = decide(select_candidates(inputs), inputs)
    return decisions.drop(FOR_SIZING).with_columns(run_id=pl.lit(run_id))
