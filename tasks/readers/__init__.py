"""File formats: from bytes to rows of text, in batches of a bounded size."""
