"""How each cache in front of us is told to forget, one file a product."""
