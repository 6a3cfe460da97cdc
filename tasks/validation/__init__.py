"""Rows compared with the contract of their kind: header, rules, reject reasons, acceptance of a file."""
