"""The limits of a portfolio: the model with its defaults and bounds, and the presets."""
