-- Grain: one row per visible run, portfolio and remembered name: its state, and the name under which it goes on today.
-- Columns as in: followed_lifecycle_of
CREATE OR REPLACE VIEW followed_lifecycle AS
FROM followed_lifecycle_of(NULL);

COMMENT ON VIEW followed_lifecycle IS 'One row per visible run, portfolio and remembered name: its state as in lifecycle, and the name under which it goes on today, as renames have it.';
