"""Which values a field of a JSON body may have, for the sentence that refuses another one."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from msgspec import inspect

_STEPS: Final = re.compile(r"\.(\w+)|\[[^\]]*\]")


def choices_of(kind: type[Any], where: str) -> tuple[str, ...]:
    """The texts that a field takes, in no order of its own; empty where it is no choice.

    Args:
        kind: A msgspec struct.
        where: The field as msgspec names it, from the body on: ``.policy.publish``, ``.roles[...]``.
    """
    found = [inspect.type_info(kind)]
    for step in _STEPS.finditer(where):
        found = [inner for one in found for inner in _below(one, step[1])]
    return tuple(text for one in found for text in _texts(one))


def _below(kind: inspect.Type, name: str | None) -> Iterator[inspect.Type]:
    """What lies at a field of it, or, without a name, in any of its places."""
    for one in _alternatives(kind):
        if isinstance(one, inspect.StructType):
            yield from (field.type for field in one.fields if field.encode_name == name)
        elif isinstance(one, inspect.DictType):
            yield one.value_type
        elif isinstance(one, inspect.CollectionType):
            yield one.item_type


def _texts(kind: inspect.Type) -> Iterator[str]:
    for one in _alternatives(kind):
        if isinstance(one, inspect.LiteralType):
            yield from map(str, one.values)
        elif isinstance(one, inspect.EnumType):
            yield from (str(choice.value) for choice in one.cls if isinstance(choice, Enum))


def _alternatives(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)
