-- Grain: one row per run: its current state, the last event other than 'unchanged'.
CREATE OR REPLACE VIEW run_states AS
SELECT
    run_id,
    state,
    happened_at AS since,
    "by",
    reason
FROM run_events
WHERE state <> 'unchanged'
QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY event_id DESC) = 1;

COMMENT ON VIEW run_states IS 'One row per run: its current state, the last event other than unchanged.';
COMMENT ON COLUMN run_states.run_id IS 'Run, see runs.';
COMMENT ON COLUMN run_states.state IS 'Current state: started, held, failed, rejected, proposed, approved, published or superseded.';
COMMENT ON COLUMN run_states.since IS 'When it came into this state, UTC.';
COMMENT ON COLUMN run_states."by" IS 'Who or what caused it.';
COMMENT ON COLUMN run_states.reason IS 'Why, in words.';
