-- Grain: one row per portfolio and candidate: the decisions behind current_targets, in the order of a reader: by
-- portfolio, selected first, then by rank, those without a score last.
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
    decisions.run_id,
    latest.published_at
FROM decisions
JOIN (
    FROM visible_runs
    QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) = 1
) AS latest USING (run_id, portfolio_id)
ORDER BY
    decisions.portfolio_id,
    decisions.is_selected DESC,
    decisions.candidate_rank NULLS LAST,
    decisions.asset;

COMMENT ON VIEW decisions_today IS 'One row per portfolio and candidate, selected or not: the decisions behind current_targets.';
COMMENT ON COLUMN decisions_today.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN decisions_today.as_of_date IS 'Trading day, exchange date: the latest one published for the portfolio.';
COMMENT ON COLUMN decisions_today.asset IS 'Candidate: held or scored.';
COMMENT ON COLUMN decisions_today.bucket IS 'Bucket of the asset; unclassified when the asset list does not know it.';
COMMENT ON COLUMN decisions_today.is_held IS 'Whether the portfolio held the asset when it was decided.';
COMMENT ON COLUMN decisions_today.is_selected IS 'Whether the candidate went to the sizing.';
COMMENT ON COLUMN decisions_today.gate IS 'First rule that stopped it, a word of docs/selection.md 2; null when selected.';
COMMENT ON COLUMN decisions_today.gate_limit IS 'Limit that its gate names, a score or a count; null when selected, or when the gate has no limit.';
COMMENT ON COLUMN decisions_today.score IS 'Score that was used, in [0, 1]; null when there is none.';
COMMENT ON COLUMN decisions_today.entry_score IS 'Lowest score with which it is selected, everything else equal; null when no score would do, or the score does not decide.';
COMMENT ON COLUMN decisions_today.rival IS 'Not selected: who would leave for it at entry_score. Selected: who would come in its place just below. Null: nobody.';
COMMENT ON COLUMN decisions_today.candidate_rank IS 'Rank by score, then name, among all candidates of the portfolio, 1 is the best; null without a score.';
COMMENT ON COLUMN decisions_today.bucket_rank IS 'Rank by score in the bucket, 1 is the best; null without a rank.';
COMMENT ON COLUMN decisions_today.is_pinned IS 'Holding whose weight is frozen: its score is missing or too old, or it may not be traded.';
COMMENT ON COLUMN decisions_today.is_reserved IS 'Whether it got its place before all others, since its bucket must be represented; null: decided before this was kept.';
COMMENT ON COLUMN decisions_today.restriction IS 'no_buy, no_trade or must_sell; null when unrestricted.';
COMMENT ON COLUMN decisions_today.score_date IS 'Day of the score that was used, exchange date; null when there is none.';
COMMENT ON COLUMN decisions_today.score_age_days IS 'Age of the score, trading days; null when there is none.';
COMMENT ON COLUMN decisions_today.is_score_stale IS 'Whether the score is too old to act on.';
COMMENT ON COLUMN decisions_today.has_partial_score IS 'Whether the score was made from only a part of its parts.';
COMMENT ON COLUMN decisions_today.current_weight IS 'Weight held when it was decided, fraction of the portfolio value; 0 when not held.';
COMMENT ON COLUMN decisions_today.decision_reason IS 'The decision in words, with what would have changed it.';
COMMENT ON COLUMN decisions_today.run_id IS 'Run that decided, see runs.';
COMMENT ON COLUMN decisions_today.published_at IS 'When the decision became visible, UTC.';
