"""Who is selected: universe, gates, slots, replacement, decisions and their counterfactuals."""
