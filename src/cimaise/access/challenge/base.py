"""What every way of asking promises."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

MAX_ANSWER_CHARS: Final = 8192
"""Longest answer that is looked at; those of reCAPTCHA are the longest, at about 2,000."""


@dataclass(frozen=True, slots=True)
class Widget:
    """What a page shows, and what its Content-Security-Policy has to let in for it.

    Attributes:
        kind: Name in the table, and of the template's branch.
        field: Of the form that the widget puts its answer into.
        site_key: That the widget shows itself with; empty for our own.
        script: URL of its script; empty where that is ours.
        scripts: Sources of scripts, as the policy names them.
        frames: Sources of frames, and of what these connect to.
        styles: Sources of style sheets.
        action: What its answers are for, where the service writes that into them.
    """

    kind: str
    field: str
    site_key: str = ""
    script: str = ""
    scripts: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    action: str = ""


class Challenge(Protocol):
    """One way of asking.

    Attributes:
        widget: For pages.
    """

    @property
    def widget(self) -> Widget:
        """For pages."""
        ...

    def offer(self) -> Mapping[str, Any]:
        """A new challenge as JSON, for whoever solves it without a page of ours."""
        ...

    async def verify(self, answer: str, *, address: str) -> str | None:
        """A text that names this solution and no other, or ``None`` for a wrong answer.

        Whether it was used before is the caller's to see to.

        Args:
            answer: What the widget gave, at most :data:`MAX_ANSWER_CHARS`.
            address: Whose answer it is.

        Raises:
            UpstreamFailed, UpstreamTimedOut: It can't be known.
        """
        ...
