"""Albums from folders of this machine."""
