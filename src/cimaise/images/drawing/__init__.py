"""Pictures drawn by rule, for the demonstration."""
