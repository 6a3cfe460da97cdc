"""Where data comes from: the inbox, feeds, URLs, databases."""
