"""Runs of very many portfolios, computed in shards."""
