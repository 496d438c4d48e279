"""People, their keys and sessions, over HTTP."""
