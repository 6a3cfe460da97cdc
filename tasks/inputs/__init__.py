"""What decides a day: its inputs, their fingerprints, and names that mean nothing or something else."""
