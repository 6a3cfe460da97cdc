"""The report of a day: one HTML file that opens without a network."""
