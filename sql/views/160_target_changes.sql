-- Grain: one row per portfolio and asset: current_targets against the portfolio's published day before.
CREATE OR REPLACE VIEW target_changes AS
FROM differences_of((
    SELECT list({'portfolio_id': portfolio_id, 'run_id': run_id, 'previous_run_id': previous_run_id})
    FROM (
        SELECT
            portfolio_id,
            as_of_date,
            run_id,
            lag(run_id) OVER every_day AS previous_run_id,
            lead(run_id) OVER every_day IS NULL AS is_latest
        FROM visible_runs
        WINDOW every_day AS (PARTITION BY portfolio_id ORDER BY as_of_date)
    )
    WHERE is_latest
));

COMMENT ON VIEW target_changes IS 'One row per portfolio and asset with a target now or before, and one of CASH: current_targets against the published day before, and why. Of an earlier day: target_changes_of(day).';
COMMENT ON COLUMN target_changes.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN target_changes.as_of_date IS 'Trading day of current_targets, exchange date.';
COMMENT ON COLUMN target_changes.previous_as_of_date IS 'The published day before it, exchange date; null when there is none.';
COMMENT ON COLUMN target_changes.asset IS 'Asset, or CASH.';
COMMENT ON COLUMN target_changes.bucket IS 'Bucket of the asset; null for CASH.';
COMMENT ON COLUMN target_changes.is_cash IS 'Whether the row is the cash row.';
COMMENT ON COLUMN target_changes.previous_target_weight IS 'Target of the run it is held against, fraction of the portfolio value, exact; 0 when it had none.';
COMMENT ON COLUMN target_changes.target_weight IS 'Target of the newer run, fraction of the portfolio value, exact; 0 when it has none.';
COMMENT ON COLUMN target_changes.weight_change IS 'target_weight less previous_target_weight, fraction of the portfolio value, exact.';
COMMENT ON COLUMN target_changes.change IS 'opened, closed, increased, decreased or unchanged; of the targets, not of the holding (that is action in targets).';
COMMENT ON COLUMN target_changes.change_reason IS 'What moved between the two runs, in words, the decisive first; null when unchanged.';
COMMENT ON COLUMN target_changes.causes IS 'What the change is made of, the largest part first, each with its weight; together they are weight_change, exactly: size (its own multiplier), others (the multipliers of the other names), total (what there is to divide), minimum, caps, residual, rounding; selection where it came or went, pinned, first; of CASH total and positions. Null when unchanged.';
COMMENT ON COLUMN target_changes.moved IS 'The same as words to filter by: score, rank, size, gate, restriction, universe, holding, limit, code, others, first; empty when unchanged.';
COMMENT ON COLUMN target_changes.previous_score IS 'Score that the run it is held against used, in [0, 1]; null when it had none.';
COMMENT ON COLUMN target_changes.score IS 'Score that the newer run used, in [0, 1]; null when it had none.';
COMMENT ON COLUMN target_changes.previous_candidate_rank IS 'Rank of the asset in the run it is held against, 1 is the best; null without a score.';
COMMENT ON COLUMN target_changes.candidate_rank IS 'Rank of the asset in the newer run, 1 is the best; null without a score.';
COMMENT ON COLUMN target_changes.previous_gate IS 'Rule that stopped it in the run it is held against; null when selected, or no candidate.';
COMMENT ON COLUMN target_changes.gate IS 'Rule that stopped it in the newer run; null when selected, or no candidate.';
COMMENT ON COLUMN target_changes.previous_run_id IS 'Run it is held against, see runs; null for the first of a portfolio.';
COMMENT ON COLUMN target_changes.run_id IS 'The newer run, see runs.';
