"""How statements run: scripts, locks, files that are whole, errors in plain words."""
