"""A private picture, and everybody who may see it; what one was allowed never grows old here."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from cimaise.access.policy import Role
from cimaise.settings import Settings
from cimaise.web.limits.limiting import Kind
from tests.kit.application import RunningApplication, running_application
from tests.kit.pictures import quadrants


@dataclass
class OwnPicture:
    """Clients of its owner, of an admin and of a viewer; ``given`` grows with each ready answer."""

    server: RunningApplication
    owner: httpx2.Client
    admin: httpx2.Client
    viewer: httpx2.Client
    stack: ExitStack
    id: str = ""
    given: list[str] = field(default_factory=list)

    @property
    def target(self) -> str:
        """Of a variant."""
        return f"/images/{self.id}?width=16&format=webp"

    def publish(self) -> None:
        """In a private collection, of which the viewer is a member."""
        made = self.owner.post("/api/collections", json={"name": "own", "visibility": "private"})
        assert made.status_code == 201, made.text
        content = quadrants(64, 48).jpegsave_buffer()
        put = self.owner.put("/api/collections/own/files/a.jpg", content=content)
        assert put.status_code == 201, put.text
        self.id = put.json()["id"]
        role = {"role": "viewer"}
        set_ = self.owner.put("/api/collections/own/members/viewer", json=role)
        assert set_.status_code in (200, 204), set_.text

    def link(self, **terms: Any) -> str:
        """The target with a signed link to the file."""
        made = self.owner.post(f"/api/files/{self.id}/links", json=terms)
        assert made.status_code == 201, made.text
        return f"{self.target}&link={made.json()['url'].partition('link=')[2]}"

    def client(self, **options: Any) -> httpx2.Client:
        """One more, closed at the end."""
        return self.stack.enter_context(httpx2.Client(base_url=self.server.url, **options))

    def browser(self, key: str) -> httpx2.Client:
        """A browser that has signed in."""
        browser = self.client()
        answer = browser.post("/api/login", json={"key": key})
        assert answer.status_code == 200, answer.text
        return browser

    def allow(
        self,
        client: httpx2.Client,
        target: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Ask until the answer is ready, and once more: then it was given by the connection."""
        before = len(self.given)
        while len(self.given) == before:
            answer = client.get(target or self.target, headers=dict(headers or {}))
            assert answer.status_code == 200, answer.text
        return answer


@contextmanager
def own_picture(
    data_dir: Path, change: Callable[[Settings], Settings] = lambda settings: settings
) -> Iterator[OwnPicture]:
    """A server that has one."""
    with running_application(data_dir, change) as server, ExitStack() as stack:
        people = (("owner", Role.MEMBER), ("boss", Role.ADMIN), ("viewer", Role.MEMBER))
        owner, admin, viewer = (
            stack.enter_context(server.client(server.person(name, role))) for name, role in people
        )
        shown = OwnPicture(server, owner, admin, viewer, stack)
        stand_still(server, shown.given)
        shown.publish()
        yield shown


def stand_still(server: RunningApplication, given: list[str]) -> None:
    """Let what was allowed grow no older, and say to whom something is given."""
    services = server.application.services
    services.images.own_answers._clock = lambda: 0.0  # only news may end it
    admit = services.operation.limiter.admit

    def noted(kind: Kind, host: str | None, account_id: str) -> bool:
        is_given = admit(kind, host, account_id)
        if is_given and kind is Kind.PICTURE:
            given.append(account_id)
        return is_given

    services.operation.limiter.admit = noted  # type: ignore[method-assign]
