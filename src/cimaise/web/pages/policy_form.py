"""What a collection takes, as fields of a form, and back. Pure functions."""

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal, cast

from cimaise.errors import Invalid
from cimaise.library.model import DEFAULT_POINTS, Policy
from cimaise.settings.parsing import parse_bytes, parse_count

POLICY_FIELDS: Final = frozenset({"extensions", "types", "max_bytes", "publish", "points", "open"})
_PUBLISH: Final = ("by_door", "on_complete", "separately")
_BETWEEN: Final = re.compile(r"[\s,]+")


def policy_fields(policy: Policy) -> dict[str, str]:
    """What the fields show; bytes as their number, so that saving changes nothing."""
    return {
        "extensions": " ".join(policy.extensions),
        "types": " ".join(policy.types),
        "max_bytes": "" if policy.max_bytes is None else str(policy.max_bytes),
        "publish": policy.publish,
        "points": str(policy.points),
        "open": "1" if policy.open else "",
    }


def written_policy(form: Mapping[str, str]) -> dict[str, str]:
    """What the fields of a form say, to be shown again; a box that is not ticked is not sent."""
    if not POLICY_FIELDS & form.keys():
        return {}
    return {name: form.get(name, "") for name in POLICY_FIELDS}


def policy_of(form: Mapping[str, str], before: Policy) -> Policy:
    """What the fields say; ``before`` where the form has none of them.

    Raises:
        Invalid: A field cannot be read. What a policy may hold is the collection's to decide.
    """
    if not POLICY_FIELDS & form.keys():
        return before
    publish = form.get("publish", before.publish)
    if publish not in _PUBLISH:
        raise Invalid(f"publish is {', '.join(_PUBLISH[:-1])} or {_PUBLISH[-1]}.", field="publish")
    points = _number("points", form.get("points", "").strip(), parse_count)
    return Policy(
        extensions=_words(form.get("extensions", "")),
        types=_words(form.get("types", "")),
        max_bytes=_number("max_bytes", form.get("max_bytes", "").strip(), parse_bytes),
        publish=cast(Literal["by_door", "on_complete", "separately"], publish),
        points=DEFAULT_POINTS if points is None else points,
        open="open" in form,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in _BETWEEN.split(text) if word)


def _number(field: str, text: str, parse: Callable[[str], int]) -> int | None:
    if not text:
        return None
    try:
        return parse(text)
    except (ValueError, OverflowError) as fault:
        raise Invalid(f"{field}: {fault}", field=field) from fault
