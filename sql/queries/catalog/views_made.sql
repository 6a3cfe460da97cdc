-- Grain: one row: from which text the views were last made, and what the database said of them since. None: never.
-- Parameters: none.
SELECT
    text_checksum,
    catalog_checksum
FROM views_made
ORDER BY rowid DESC
LIMIT 1;
