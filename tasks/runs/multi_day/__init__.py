"""Many days at once: a backfill in stretches, and what is guessed ahead of them."""
