"""The stages of a run: ingest, compute, publish, approve, halt, backfill, replay."""
