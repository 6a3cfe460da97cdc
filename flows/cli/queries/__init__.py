"""Commands that only look: they read the snapshot and change nothing."""
