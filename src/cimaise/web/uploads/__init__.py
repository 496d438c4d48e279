"""Bytes coming in, over HTTP: one file a door."""
