"""A value that is none of the choices is refused with the choices."""

from typing import Literal

import msgspec
import pytest

from cimaise.access.policy import Visibility
from cimaise.web.shapes.choices import choices_of
from tests.kit.application import Person, RunningApplication


class Inner(msgspec.Struct):
    """With a choice of texts."""

    way: Literal["up", "down"] = "up"
    size: int = 0


class Outer(msgspec.Struct):
    """With choices at every depth."""

    seen: Visibility | None = None
    inner: Inner | None = None
    many: list[Inner] = []
    named: dict[str, Literal["on", "off"]] = {}


@pytest.mark.parametrize(
    ("where", "choices"),
    [
        (".seen", tuple(Visibility)),
        (".inner.way", ("down", "up")),
        (".many[0].way", ("down", "up")),
        (".named[...]", ("off", "on")),
        (".inner.size", ()),
        (".inner", ()),
        (".nothing.of.that", ()),
        ("", ()),
    ],
)
def test_the_choices_of_a_field_are_found(where: str, choices: tuple[str, ...]) -> None:
    assert choices_of(Outer, where) == choices


def test_a_refusal_names_the_choices(server: RunningApplication, ann: Person) -> None:
    with server.client(ann) as client:
        for body, field, choices in (
            ({"visibility": "foo"}, "visibility", "private, public, unlisted"),
            ({"policy": {"publish": 1}}, "policy.publish", ""),
            ({"policy": {"publish": "foo"}}, "policy.publish", "by_door, on_complete, separately"),
        ):
            answer = client.post("/api/collections", json={"name": "choosy", **body})
            told = answer.json()
            assert (answer.status_code, told["field"]) == (422, field)
            assert choices in told["error"]
        told = client.get("/api/uploads?state=foo").json()
        assert told["error"].startswith("state is one of: pending, ")
