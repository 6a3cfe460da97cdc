"""Composition only: what runs in which order, with which retries. No rule, no SQL."""
