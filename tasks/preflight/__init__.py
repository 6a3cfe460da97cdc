"""What a run would meet or change, before it runs. Nothing is written."""
