"""Tokens that somebody else has signed."""
