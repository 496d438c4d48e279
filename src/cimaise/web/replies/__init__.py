"""What handlers give back, on its way to the wire."""
