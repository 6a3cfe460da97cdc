-- Grain: one row per portfolio whose publication is halted, and one with portfolio_id null when that of all is.
CREATE OR REPLACE VIEW halts_in_force AS
SELECT
    portfolio_id,
    min(happened_at) AS since,
    string_agg(DISTINCT "by", ', ' ORDER BY "by") AS "by",
    string_agg(DISTINCT reason, '; ' ORDER BY reason) AS reason
FROM (
    SELECT
        *,
        max(halt_id) FILTER (NOT is_halted) OVER (PARTITION BY portfolio_id) AS lifted_by
    FROM halts
)
WHERE is_halted AND halt_id > coalesce(lifted_by, 0)
GROUP BY portfolio_id
ORDER BY portfolio_id NULLS FIRST;

COMMENT ON VIEW halts_in_force IS 'One row per portfolio whose publication is halted now, and one of all portfolios when that is. None when nothing is halted; every order is in halts.';
COMMENT ON COLUMN halts_in_force.portfolio_id IS 'Portfolio; null: all. Each is lifted for itself.';
COMMENT ON COLUMN halts_in_force.since IS 'When it was halted, UTC; of several orders the first.';
COMMENT ON COLUMN halts_in_force."by" IS 'Who ordered it; of several orders all names.';
COMMENT ON COLUMN halts_in_force.reason IS 'Why, in words; of several orders every reason.';
