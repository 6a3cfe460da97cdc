-- Appends one row to views_made. Parameters: $text_checksum, $catalog_checksum, $made_at.
INSERT INTO views_made BY NAME
SELECT
    $text_checksum::VARCHAR AS text_checksum,
    $catalog_checksum::VARCHAR AS catalog_checksum,
    $made_at::TIMESTAMPTZ AS made_at;
