"""How often, how many at once, and when a challenge is asked for."""
