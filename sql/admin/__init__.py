"""The life of the file: maintenance, verification, retention, restore."""
