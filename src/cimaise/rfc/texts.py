"""Texts that others sent, as they were decoded."""

from cimaise.errors import Malformed


def require_no_nul(value: object) -> None:
    """``Malformed`` where a text in lists and mappings holds NUL, which no database keeps."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and "\0" in one:
            raise Malformed("A text holds the character NUL.")
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
