"""``python -m cimaise``."""

from cimaise.cli import main

main(prog_name="cimaise")
