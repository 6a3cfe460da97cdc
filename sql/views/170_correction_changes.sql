-- Grain: one row per correction (a publication that superseded another of the same portfolio and day) and asset.
-- Columns as in: differences_of
CREATE OR REPLACE VIEW correction_changes AS
SELECT
    publications.published_at AS corrected_at,
    publications.publication,
    difference.portfolio_id,
    difference.as_of_date,
    difference.asset,
    difference.bucket,
    difference.is_cash,
    difference.previous_target_weight,
    difference.target_weight,
    difference.weight_change,
    difference.change,
    difference.change_reason,
    difference.causes,
    difference.moved,
    difference.previous_score,
    difference.score,
    difference.previous_candidate_rank,
    difference.candidate_rank,
    difference.previous_gate,
    difference.gate,
    difference.previous_run_id,
    difference.run_id
FROM differences_of((
    SELECT list({'portfolio_id': portfolio_id, 'run_id': run_id, 'previous_run_id': superseded_run_id})
    FROM (
        SELECT DISTINCT portfolio_id, run_id, superseded_run_id
        FROM publications
        WHERE superseded_run_id IS NOT NULL
    )
)) AS difference
JOIN publications
    ON publications.portfolio_id = difference.portfolio_id
    AND publications.run_id = difference.run_id
    AND publications.superseded_run_id = difference.previous_run_id
ORDER BY
    corrected_at DESC,
    difference.portfolio_id,
    difference.is_cash,
    abs(difference.weight_change) DESC,
    difference.asset;

COMMENT ON VIEW correction_changes IS 'One row per correction, portfolio and asset with a target before or after it, and one of CASH: a day that was published again, against what it superseded, and why.';
COMMENT ON COLUMN correction_changes.corrected_at IS 'When the correction became visible, UTC.';
COMMENT ON COLUMN correction_changes.publication IS 'Number of the publication of this portfolio and day; 2 is the first correction.';
COMMENT ON COLUMN correction_changes.as_of_date IS 'Trading day that was corrected, exchange date.';
COMMENT ON COLUMN correction_changes.previous_target_weight IS 'Target of the superseded run, fraction of the portfolio value, exact; 0 when it had none.';
COMMENT ON COLUMN correction_changes.target_weight IS 'Target of the correction, fraction of the portfolio value, exact; 0 when it has none.';
COMMENT ON COLUMN correction_changes.moved IS 'The same as words to filter by: score, rank, size, gate, restriction, universe, holding, limit, code, others; empty when unchanged.';
COMMENT ON COLUMN correction_changes.previous_score IS 'Score that the superseded run used, in [0, 1]; null when it had none.';
COMMENT ON COLUMN correction_changes.score IS 'Score that the correction used, in [0, 1]; null when it had none.';
COMMENT ON COLUMN correction_changes.previous_candidate_rank IS 'Rank of the asset in the superseded run, 1 is the best; null without a score.';
COMMENT ON COLUMN correction_changes.candidate_rank IS 'Rank of the asset in the correction, 1 is the best; null without a score.';
COMMENT ON COLUMN correction_changes.previous_gate IS 'Rule that stopped it in the superseded run; null when selected, or no candidate.';
COMMENT ON COLUMN correction_changes.gate IS 'Rule that stopped it in the correction; null when selected, or no candidate.';
COMMENT ON COLUMN correction_changes.previous_run_id IS 'The superseded run, see runs.';
COMMENT ON COLUMN correction_changes.run_id IS 'The run that superseded it, see runs.';
