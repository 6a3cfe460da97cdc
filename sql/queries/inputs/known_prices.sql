-- Grain: one row per day of a range of which prices are known: the ingest that counted at $known_at.
-- Parameters: $first DATE, $last DATE, $known_at TIMESTAMPTZ.
SELECT as_of_date, ingest_id
FROM effective_ingests_as_of($known_at::TIMESTAMPTZ)
WHERE kind = 'prices' AND as_of_date BETWEEN $first::DATE AND $last::DATE
ORDER BY as_of_date;
