"""Who may fetch how much, who fetched what, and what caches in front of us must forget."""
