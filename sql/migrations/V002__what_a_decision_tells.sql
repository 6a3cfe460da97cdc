-- What a decision tells: the limit behind its gate, the score that would have let it in, and who would have left.
-- Rows of earlier runs keep null in the new columns: they are history, and nothing is ever updated. (No NOT NULL here:
-- DuckDB 1.5 takes no constraint on a column that is added; sql/checks hold the new rows to account.)

ALTER TABLE decisions ADD COLUMN is_reserved BOOLEAN;
ALTER TABLE decisions ADD COLUMN gate_limit DOUBLE;
ALTER TABLE decisions ADD COLUMN entry_score DOUBLE;
ALTER TABLE decisions ADD COLUMN rival VARCHAR;
COMMENT ON COLUMN decisions.is_reserved IS 'Whether it got its place before all others, since its bucket must be represented; null: decided before this was kept.';
COMMENT ON COLUMN decisions.gate_limit IS 'Limit that its gate names, a score or a count; null when selected, or when the gate has no limit.';
COMMENT ON COLUMN decisions.entry_score IS 'Lowest score in [0, 1] with which it is selected, everything else equal: 1e-12 below it is not. Null when no score would do, or the score does not decide.';
COMMENT ON COLUMN decisions.rival IS 'Not selected: who would leave for it at entry_score. Selected: who would come in its place just below. Null: nobody.';
COMMENT ON COLUMN decisions.gate IS 'First rule that stopped it, a word of docs/selection.md 2; null when selected.';
COMMENT ON COLUMN decisions.bucket IS 'Bucket of the asset; unclassified when the asset list does not know it.';

ALTER TABLE constraint_checks ADD COLUMN reason VARCHAR;
COMMENT ON COLUMN constraint_checks.reason IS 'Why a limit that is missed is none that is broken, in words; null when there is nothing to excuse.';
