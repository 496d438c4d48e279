"""Database and bytes as one consistent pair: written to a folder, read back, checked."""
