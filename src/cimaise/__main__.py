"""``python -m cimaise``."""

from cimaise.cli import main

if __name__ == "__main__":
    main(prog_name="cimaise")
