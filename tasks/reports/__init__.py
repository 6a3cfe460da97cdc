"""What people look at after a run: artifacts, charts and summaries."""
