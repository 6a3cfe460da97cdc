"""Thin Prefect tasks: each calls a rule or moves data. No rule is decided here."""
