-- For: an operator
-- Question: Did every portfolio get its targets, how long did it take, and does anything need attention?
-- Returns: a row per day, newest first: state, missing, waiting and halted portfolios, times, rejected rows and files, warnings.
SELECT
    as_of_date,
    state,
    missing_portfolios,
    waiting_portfolios,
    halted_portfolios,
    last_state,
    started_at,
    seconds_taken,
    n_tries,
    rows_read,
    rows_rejected,
    n_refused_files,
    n_holdings_without_score,
    n_stale_scores,
    warnings
FROM run_health
LIMIT 10;
