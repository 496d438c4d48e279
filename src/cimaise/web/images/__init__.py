"""Pictures at other sizes, over HTTP."""
