"""What a path may mean is found by its first segment, and nothing is lost by that."""

import pytest
from starlette.routing import Match, Route

from cimaise.web.routes import LINES
from cimaise.web.segments import BySegment, first_segment


@pytest.mark.parametrize(
    ("path", "segment"),
    [
        ("/", ""),
        ("/files", "files"),
        ("/files/", "files"),
        ("/files/a/b", "files"),
        ("//a", ""),
        ("", ""),
    ],
)
def test_the_first_segment(path: str, segment: str):
    assert first_segment(path) == segment


def test_one_that_begins_with_a_name_may_be_any_in_its_place():
    found = BySegment([("/a/b", 1), ("/{x}/b", 2), ("/a/{y}", 3)])
    assert found.of("/a/c") == [1, 2, 3]
    assert found.of("/z/b") == [2]


async def nobody(*_: object) -> None: ...


@pytest.mark.parametrize("path", sorted({line.path for line in LINES}))
def test_every_route_is_among_those_that_its_addresses_may_mean(path: str):
    routes = [Route(one, nobody) for one in dict.fromkeys(line.path for line in LINES)]
    found = BySegment((route.path, route) for route in routes)
    address = path.replace("{", "").replace("}", "").replace(":path", "/x")
    scope = {"type": "http", "method": "GET", "path": address, "headers": []}

    def first(of: list[Route]) -> str:
        return next(route.path for route in of if route.matches(scope)[0] is Match.FULL)

    assert first(list(found.of(address))) == first(routes)
