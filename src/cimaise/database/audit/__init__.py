"""The record of who did what: written with the change, sealed into a chain, read, verified."""

from cimaise.database.audit.recording import ACTIONS, record

__all__ = ["ACTIONS", "record"]
