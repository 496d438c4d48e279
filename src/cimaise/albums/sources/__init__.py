"""Where albums come from: one file a source, one line in the table."""
