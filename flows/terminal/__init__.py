"""The terminal: tables, errors, machine formats, and the flags that all commands share."""
