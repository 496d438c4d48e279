"""State of one machine: files in the data folder, shared by all its processes."""

from cimaise.state.local.state import LocalState

__all__ = ["LocalState"]
