"""Telling from the bytes what a file is: ``table.sniff`` and ``names.allowed_by_name``."""
