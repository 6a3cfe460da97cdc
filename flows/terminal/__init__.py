"""What a person sees: tables, errors, machine formats, and the flags that all commands share."""
