"""Pictures at any size: parameters in, encoded bytes out, kept for the next who asks."""
