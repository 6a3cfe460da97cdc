"""What prices say about assets: returns."""
