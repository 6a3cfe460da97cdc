-- Which views the file has: they are made again only where they are not those of the code.

CREATE TABLE views_made (
    text_checksum VARCHAR NOT NULL,
    catalog_checksum VARCHAR,
    made_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE views_made IS 'One row per time that the views and macros were made. While the newest fits both the code and the file, they are not made again.';
COMMENT ON COLUMN views_made.text_checksum IS 'SHA-256 of the files that they were made from, hexadecimal.';
COMMENT ON COLUMN views_made.catalog_checksum IS 'MD5 of what the database says of them since, hexadecimal: another one tells that somebody changed them by hand. Null: they were made just now, and a row with it follows.';
COMMENT ON COLUMN views_made.made_at IS 'When they were made, UTC.';
