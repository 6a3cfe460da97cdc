"""What is written and read for runs: ingests, runs, approvals, halts, replays, exports."""
