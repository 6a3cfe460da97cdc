"""From weights and holdings to trades."""
