"""How much each selected asset gets: raw weights, two stages, residual, rounding, audit."""
