-- Grain: one row per open proposal and portfolio: what waits for approval, oldest first.
-- Columns as in: proposals
CREATE OR REPLACE VIEW open_proposals AS
SELECT
    proposal_history.run_id,
    proposal_history.as_of_date,
    proposals.portfolio_id,
    coalesce(proposals.reason, 'waits with the others of its run: ' || proposal_history.reasons) AS reason,
    proposals.needs_four_eyes,
    proposals.proposed_by,
    proposals.proposed_at,
    traded.turnover,
    traded.cash_weight,
    traded.n_positions,
    traded.n_open,
    traded.n_close,
    traded.n_increase,
    traded.n_decrease,
    EXISTS (
        FROM halts_in_force
        WHERE halts_in_force.portfolio_id IS NULL OR halts_in_force.portfolio_id = proposals.portfolio_id
    ) AS is_halted
FROM proposal_history
JOIN proposals USING (event_id)
JOIN (
    SELECT
        run_id,
        portfolio_id,
        coalesce(sum(abs(trade_weight)) FILTER (NOT is_cash), 0) / 2 AS turnover,
        coalesce(sum(target_weight) FILTER (is_cash), 0)::DECIMAL(10, 8) AS cash_weight,
        count(*) FILTER (NOT is_cash AND target_weight > 0) AS n_positions,
        count(*) FILTER (action = 'open') AS n_open,
        count(*) FILTER (action = 'close') AS n_close,
        count(*) FILTER (action = 'increase') AS n_increase,
        count(*) FILTER (action = 'decrease') AS n_decrease
    FROM targets
    SEMI JOIN (FROM proposal_history WHERE outcome = 'open') USING (run_id)
    GROUP BY run_id, portfolio_id
) AS traded ON traded.run_id = proposals.run_id AND traded.portfolio_id = proposals.portfolio_id
WHERE proposal_history.outcome = 'open'
ORDER BY proposals.event_id, proposals.portfolio_id;

COMMENT ON VIEW open_proposals IS 'One row per open proposal and portfolio, oldest first: what waits for approval. The portfolios of a run are approved together.';
COMMENT ON COLUMN open_proposals.run_id IS 'Run to approve or to decline, see runs.';
COMMENT ON COLUMN open_proposals.as_of_date IS 'Trading day, exchange date.';
COMMENT ON COLUMN open_proposals.reason IS 'Why approval is required, in words.';
COMMENT ON COLUMN open_proposals.turnover IS 'One-way turnover, half of everything that would be traded, fraction of the portfolio value.';
COMMENT ON COLUMN open_proposals.cash_weight IS 'Cash that it would leave, fraction of the portfolio value, exact.';
COMMENT ON COLUMN open_proposals.n_positions IS 'Positions with a target above 0, count.';
COMMENT ON COLUMN open_proposals.n_open IS 'Positions that would be opened, count.';
COMMENT ON COLUMN open_proposals.n_close IS 'Positions that would be closed, count.';
COMMENT ON COLUMN open_proposals.n_increase IS 'Positions that would be increased, count.';
COMMENT ON COLUMN open_proposals.n_decrease IS 'Positions that would be decreased, count.';
COMMENT ON COLUMN open_proposals.is_halted IS 'Whether a halt is in force for it: it cannot be approved before that is lifted, see halts_in_force.';
