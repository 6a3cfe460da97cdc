"""Other databases: the replica in PostgreSQL, and queries that read."""
