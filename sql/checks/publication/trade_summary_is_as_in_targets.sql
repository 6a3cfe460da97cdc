-- Failures: portfolios whose trade_summary is not what the trades of their targets come to. Mandatory trades are told
-- where max_turnover is set; a released sale of which max_turnover leaves nothing counts as released.
-- Since: V011. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        'trade_summary has before {}, bought {}, sold {}, turnover {}, mandatory {}, after {}, cash {}, {} trades, {} held back,'
        || ' {} released; targets have {}, {}, {}, after {}, cash {}, {} trades, {} held back, {} released',
        summary.invested_before_weight::VARCHAR,
        summary.bought_weight::VARCHAR,
        summary.sold_weight::VARCHAR,
        summary.turnover::VARCHAR,
        coalesce(summary.mandatory_turnover::VARCHAR, 'null'),
        summary.invested_after_weight::VARCHAR,
        summary.cash_after_weight::VARCHAR,
        summary.n_trades,
        summary.n_held_back,
        summary.n_released,
        traded.before::VARCHAR,
        traded.bought::VARCHAR,
        traded.sold::VARCHAR,
        traded.after::VARCHAR,
        traded.cash::VARCHAR,
        traded.n_trades,
        traded.n_held_back,
        traded.n_released
    ) AS detail
FROM trade_summary AS summary
JOIN (
    SELECT
        run_id,
        portfolio_id,
        sum(if(is_cash, 0, current_weight)) AS before,
        sum(if(is_cash, 0, greatest(trade_weight, 0))) AS bought,
        sum(if(is_cash, 0, greatest(-trade_weight, 0))) AS sold,
        sum(if(is_cash, 0, post_trade_weight)) AS after,
        sum(if(is_cash, post_trade_weight, 0)) AS cash,
        count(*) FILTER (NOT is_cash AND trade_weight <> 0) AS n_trades,
        count(*) FILTER (trade_reason IN ('held_by_band', 'held_by_min_trade')) AS n_held_back,
        count(*) FILTER (trade_reason IN ('above_cap', 'above_bucket_limit', 'over_allocation')) AS n_released,
        count(*) FILTER (trade_reason = 'held_by_turnover') AS n_stopped,
        coalesce(min(trade_scale), 1) AS smallest_scale,
        coalesce(max(trade_scale), 1) AS largest_scale
    FROM targets
    WHERE run_id = $run_id
    GROUP BY run_id, portfolio_id
) AS traded USING (run_id, portfolio_id)
JOIN run_limits USING (run_id, portfolio_id)
WHERE summary.run_id = $run_id
AND run_limits.run_id = $run_id
AND (
    summary.invested_before_weight <> traded.before
    OR summary.bought_weight <> traded.bought
    OR summary.sold_weight <> traded.sold
    OR 2 * summary.turnover <> traded.bought + traded.sold
    OR (summary.mandatory_turnover IS NULL) <> (run_limits.max_turnover IS NULL)
    OR summary.mandatory_turnover > summary.turnover
    OR summary.trade_scale <> traded.smallest_scale
    OR summary.trade_scale <> traded.largest_scale
    OR summary.invested_after_weight <> traded.after
    OR summary.cash_after_weight <> traded.cash
    OR summary.n_trades <> traded.n_trades
    OR summary.n_held_back <> traded.n_held_back
    OR summary.n_released NOT BETWEEN traded.n_released AND traded.n_released + traded.n_stopped
)
ORDER BY ALL;
