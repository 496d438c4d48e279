"""From files to pixels. One file each, one line in the table."""
