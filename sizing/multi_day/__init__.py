"""Many days at once: stacked as portfolios of their own, chained by their holdings."""
