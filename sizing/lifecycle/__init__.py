"""How long a holding stays and when a name may come back: what is remembered of it, and the rules that read that."""
