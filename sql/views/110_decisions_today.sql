-- Grain: one row per portfolio and candidate: the decisions behind current_targets, in the order of a reader: by
-- portfolio, selected first, then by rank, those without a score last.
-- Columns as in: decisions, current_targets
CREATE OR REPLACE VIEW decisions_today AS
SELECT
    decisions.portfolio_id,
    latest.as_of_date,
    decisions.asset,
    decisions.bucket,
    decisions.is_held,
    decisions.is_selected,
    decisions.gate,
    decisions.gate_limit,
    decisions.score,
    decisions.entry_score,
    decisions.rival,
    decisions.candidate_rank,
    decisions.bucket_rank,
    decisions.is_pinned,
    decisions.is_reserved,
    decisions.restriction,
    decisions.score_date,
    decisions.score_age_days,
    decisions.is_score_stale,
    decisions.has_partial_score,
    decisions.current_weight,
    decisions.decision_reason,
    decisions.is_locked,
    decisions.kept_by,
    decisions.kept_from,
    decisions.days_held,
    decisions.grace_count,
    decisions.gate_days_left,
    decisions.run_id,
    latest.published_at
FROM decisions
JOIN current_runs AS latest USING (run_id, portfolio_id)
ORDER BY
    decisions.portfolio_id,
    decisions.is_selected DESC,
    decisions.candidate_rank NULLS LAST,
    decisions.asset;

COMMENT ON VIEW decisions_today IS 'One row per portfolio and candidate, selected or not: the decisions behind current_targets.';
COMMENT ON COLUMN decisions_today.is_held IS 'Whether the portfolio held the asset when it was decided.';
COMMENT ON COLUMN decisions_today.is_selected IS 'Whether the candidate went to the sizing.';
COMMENT ON COLUMN decisions_today.entry_score IS 'Lowest score with which it is selected, everything else equal; null when no score would do, or the score does not decide.';
COMMENT ON COLUMN decisions_today.is_score_stale IS 'Whether the score is too old to act on.';
COMMENT ON COLUMN decisions_today.current_weight IS 'Weight held when it was decided, fraction of the portfolio value; 0 when not held.';
COMMENT ON COLUMN decisions_today.published_at IS 'When the decision became visible, UTC.';
