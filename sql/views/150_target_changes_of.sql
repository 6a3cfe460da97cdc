-- Grain: one row per portfolio and asset: the published targets of the day against the portfolio's day before.
CREATE OR REPLACE MACRO target_changes_of(day) AS TABLE
FROM differences_of((
    SELECT list({'portfolio_id': portfolio_id, 'run_id': run_id, 'previous_run_id': previous_run_id})
    FROM (
        SELECT
            portfolio_id,
            as_of_date,
            run_id,
            lag(run_id) OVER every_day AS previous_run_id
        FROM visible_runs
        WINDOW every_day AS (PARTITION BY portfolio_id ORDER BY as_of_date)
    )
    WHERE as_of_date = day::DATE
));

COMMENT ON MACRO TABLE target_changes_of IS 'target_changes_of(day DATE): one row per portfolio and asset: the published targets of the day against the portfolio''s published day before, and why. The same columns as target_changes.
portfolio_id VARCHAR: Portfolio.
as_of_date DATE: Trading day of the newer run, exchange date.
previous_as_of_date DATE: Trading day of the run it is held against, exchange date; null when there is none.
asset VARCHAR: Asset, or CASH.
bucket VARCHAR: Bucket of the asset; null for CASH.
is_cash BOOLEAN: Whether the row is the cash row.
previous_target_weight DECIMAL(10,8): Target of the run it is held against, fraction of the portfolio value, exact; 0 when it had none.
target_weight DECIMAL(10,8): Target of the newer run, fraction of the portfolio value, exact; 0 when it has none.
weight_change DECIMAL(11,8): target_weight less previous_target_weight, fraction of the portfolio value, exact.
change VARCHAR: opened, closed, increased, decreased or unchanged; of the targets, not of the holding (that is action in targets).
change_reason VARCHAR: What moved between the two runs, in words, the decisive first; null when unchanged.
causes VARCHAR: What the change is made of, the largest part first, each with its weight; together they are weight_change, exactly: size (its own multiplier), others (the multipliers of the other names), total (what there is to divide), minimum, caps, residual, rounding; selection where it came or went, pinned, first; of CASH total and positions. Null when unchanged.
moved VARCHAR[]: The same as words to filter by: score, rank, size, gate, restriction, universe, holding, limit, code, others, first; empty when unchanged.
previous_score DOUBLE: Score that the run it is held against used, in [0, 1]; null when it had none.
score DOUBLE: Score that the newer run used, in [0, 1]; null when it had none.
previous_candidate_rank INTEGER: Rank of the asset in the run it is held against, 1 is the best; null without a score.
candidate_rank INTEGER: Rank of the asset in the newer run, 1 is the best; null without a score.
previous_gate VARCHAR: Rule that stopped it in the run it is held against; null when selected, or no candidate.
gate VARCHAR: Rule that stopped it in the newer run; null when selected, or no candidate.
previous_run_id VARCHAR: Run it is held against, see runs; null for the first of a portfolio.
run_id VARCHAR: The newer run, see runs.';
