"""Files of any kind: written whole or not at all, read only where they are plain files."""
