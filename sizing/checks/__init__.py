"""The limits compared with the result, and limits that cannot be reached."""
