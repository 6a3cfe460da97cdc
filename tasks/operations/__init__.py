"""What keeps an installation well: maintenance, watchdog, the replica in PostgreSQL."""
