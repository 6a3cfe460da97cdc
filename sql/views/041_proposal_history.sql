-- Grain: one row per proposal, newest first: what was proposed, and the outcome.
-- An approval that a halt or nothing new stopped (held, unchanged) decides nothing: the proposal stays open.
-- Columns as in: proposals
CREATE OR REPLACE VIEW proposal_history AS
SELECT
    latest.run_id,
    runs.as_of_date,
    proposal.portfolio_ids,
    CASE
        WHEN latest.next_state IS NULL THEN 'open'
        WHEN latest.next_state = 'rejected' THEN 'declined'
        WHEN latest.next_state = 'approved' THEN latest.state_after_next
        ELSE latest.next_state
    END AS outcome,
    proposal.proposed_at,
    proposal.proposed_by,
    proposal.reasons,
    proposal.four_eyes_portfolios,
    latest.next_at AS decided_at,
    latest.next_by AS decided_by,
    latest.next_reason AS note,
    latest.event_id,
    latest.next_event_id AS decision_id
FROM (
    SELECT
        run_id,
        event_id,
        state,
        lead(state) OVER every_event AS next_state,
        lead(state, 2) OVER every_event AS state_after_next,
        lead(event_id) OVER every_event AS next_event_id,
        lead(happened_at) OVER every_event AS next_at,
        lead("by") OVER every_event AS next_by,
        lead(reason) OVER every_event AS next_reason
    FROM run_events
    WHERE state NOT IN ('unchanged', 'held')
    WINDOW every_event AS (PARTITION BY run_id ORDER BY event_id)
) AS latest
JOIN runs USING (run_id)
JOIN (
    SELECT
        event_id,
        any_value(proposed_at) AS proposed_at,
        any_value(proposed_by) AS proposed_by,
        list(portfolio_id ORDER BY portfolio_id) AS portfolio_ids,
        string_agg(portfolio_id || ': ' || reason, '; ' ORDER BY portfolio_id) AS reasons,
        coalesce(list(portfolio_id ORDER BY portfolio_id) FILTER (needs_four_eyes), []) AS four_eyes_portfolios
    FROM proposals
    GROUP BY event_id
) AS proposal USING (event_id)
ORDER BY latest.event_id DESC;

COMMENT ON VIEW proposal_history IS 'One row per proposal, newest first: what was proposed, who decided what, when and why.';
COMMENT ON COLUMN proposal_history.as_of_date IS 'Trading day that it computed, exchange date.';
COMMENT ON COLUMN proposal_history.portfolio_ids IS 'Portfolios that it covers: they are approved together.';
COMMENT ON COLUMN proposal_history.outcome IS 'open, published (it was approved), declined, superseded, rejected (it was approved, and a check failed), failed or started.';
COMMENT ON COLUMN proposal_history.reasons IS 'Why approval is required, per portfolio, in words.';
COMMENT ON COLUMN proposal_history.four_eyes_portfolios IS 'Portfolios for which somebody else than proposed_by must approve; empty: anybody may.';
COMMENT ON COLUMN proposal_history.decided_at IS 'When it was decided, UTC; null while it is open.';
COMMENT ON COLUMN proposal_history.decided_by IS 'Who decided; of a superseded one who or what made the run that replaced it. Null while it is open.';
COMMENT ON COLUMN proposal_history.note IS 'The note of the decision; null while it is open.';
COMMENT ON COLUMN proposal_history.event_id IS 'Event with which it was proposed, see run_events and proposals.';
COMMENT ON COLUMN proposal_history.decision_id IS 'Event with which it was decided, see run_events; null while it is open.';
