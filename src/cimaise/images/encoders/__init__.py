"""From pixels to files. One file each, one line in the table."""
