"""Settings, portfolios.yaml, and the limits of a run request."""
