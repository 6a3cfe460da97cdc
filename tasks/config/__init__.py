"""Settings, portfolios.yaml, and the limits that a run is asked for."""
