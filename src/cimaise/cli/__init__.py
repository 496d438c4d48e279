"""The command line."""

from cimaise.cli.program import main

__all__ = ["main"]
