-- What returns are made from: how a split or a distribution changes the close, and returns as a vendor gives them, which
-- need no close.
ALTER TABLE prices ALTER COLUMN close DROP NOT NULL;
ALTER TABLE prices ADD COLUMN adjustment_factor DOUBLE;
ALTER TABLE prices ADD COLUMN daily_return DOUBLE;
COMMENT ON COLUMN prices.close IS 'Closing price as the source gives it, in its currency; null where only a return came.';
COMMENT ON COLUMN prices.adjustment_factor IS 'By what the close is multiplied to compare it with the close of the session before, such as 2 on the day of a 2:1 split. Null: 1.';
COMMENT ON COLUMN prices.daily_return IS 'Return since the close of the session before, a fraction; where it came, it counts instead of the closes. Null: computed from them.';
COMMENT ON COLUMN runs.inputs IS 'Inputs used, JSON: which ingests and runs were read. `books` says what each portfolio started from: positions, post_trade (the book that a run left) or post_trade_marked (moved by the returns since).';
