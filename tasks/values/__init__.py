"""What a text of a file stands for: numbers, dates, names, and what is missing."""
