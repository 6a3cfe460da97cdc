-- For: a portfolio manager
-- Question: What is in grace, locked or shut out today, by what, and until when?
-- Returns: a row per holding that is kept and per name that may not come back yet: why, for how many days or failing scores more, what it has held and would have had.
SELECT portfolio_id, asset, coalesce(kept_by, gate) AS kept_or_stopped_by, gate_days_left, grace_count, days_held, kept_from, score, current_weight
FROM decisions_today
WHERE kept_by IS NOT NULL OR gate IN ('reentry_cooldown_days', 'max_round_trips')
ORDER BY portfolio_id, kept_or_stopped_by, gate_days_left NULLS LAST, asset;
