-- Appends one row to halts for each of $portfolio_ids (null: all portfolios) and returns when: now, or the time of the
-- order before it when the clock was set back since.
-- Parameters: $portfolio_ids VARCHAR[], $is_halted, $by, $reason, $happened_at.
INSERT INTO halts BY NAME
SELECT
    before.halt_id + row_number() OVER (ORDER BY portfolio_id) AS halt_id,
    portfolio_id,
    $is_halted::BOOLEAN AS is_halted,
    $by::VARCHAR AS "by",
    $reason::VARCHAR AS reason,
    greatest($happened_at::TIMESTAMPTZ, before.happened_at) AS happened_at
FROM (SELECT unnest($portfolio_ids::VARCHAR[]) AS portfolio_id)
CROSS JOIN (SELECT coalesce(max(halt_id), 0) AS halt_id, max(happened_at) AS happened_at FROM halts) AS before
RETURNING happened_at;
