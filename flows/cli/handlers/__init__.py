"""What each command does. A handler reads, runs or writes, and returns the exit code."""
