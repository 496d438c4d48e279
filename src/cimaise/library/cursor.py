"""Where the next page begins: a moment and an id, as one opaque text."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Final

from cimaise.errors import Invalid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def format_cursor(at: datetime, row_id: str) -> str:
    """The cursor behind a row that was dated ``at`` (aware, to the microsecond)."""
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{micros}:{row_id}".encode()).decode().rstrip("=")


def parse_cursor(text: str) -> tuple[datetime, str]:
    """What :func:`format_cursor` was given; ``Invalid`` for any other text."""
    try:
        padded = text + "=" * (-len(text) % 4)
        micros, _, row_id = base64.urlsafe_b64decode(padded).decode("ascii").partition(":")
        return _EPOCH + timedelta(microseconds=int(micros)), row_id
    except (ValueError, binascii.Error, OverflowError) as fault:
        raise Invalid("The cursor is not one of ours.", field="cursor") from fault
