"""Processes that decode and encode what must not be able to harm the server."""
