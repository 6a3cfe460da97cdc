"""The command line: which commands there are, their flags and their help. The work is in `handlers/`."""
