"""Variants that have been made: on disk, shared, in memory."""
