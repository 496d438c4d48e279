"""Telling other programs what happened: from the audit log, signed, until they have it."""
