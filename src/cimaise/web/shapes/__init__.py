"""What JSON bodies look like, and what they are checked against."""
