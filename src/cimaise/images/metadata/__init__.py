"""What lies in a picture's file beside its pixels: read, and taken out, without decoding."""
