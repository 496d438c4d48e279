"""What can be done to a picture after it has its size. One file each, one line in the table."""
