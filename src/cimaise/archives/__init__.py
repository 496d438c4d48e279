"""Many files as one ZIP archive that is made while it is sent."""
