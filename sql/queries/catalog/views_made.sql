-- Grain: one row: from which text the views were last made, and the checksum of their catalog since. None: never.
-- Parameters: none.
SELECT
    text_checksum,
    catalog_checksum
FROM views_made
ORDER BY rowid DESC
LIMIT 1;
