"""Removing what the law forbids, keeping it out, and bringing it back where that was wrong."""

from cimaise.library.takedowns.acts import Takedowns
from cimaise.library.takedowns.rows import Notice, Takedown, TakedownState

__all__ = ["Notice", "Takedown", "TakedownState", "Takedowns"]
