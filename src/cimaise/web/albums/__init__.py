"""Albums, and what stands beside them: feeds, shares, archives."""
