"""An upload that was admitted is refused at its end where its sender may not contribute any more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.sending import make_collection
from tests.kit.tus import metadata
from tests.kit.uploading import zipped

ZIP = zipped(20_000)
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass
class Shared:
    """A collection of ann's into which bob may upload, as yet."""

    server: RunningApplication
    ann: httpx2.Client
    bob: httpx2.Client
    bob_name: str
    name: str

    def remove(self) -> None:
        """Bob is no member any more."""
        path = f"/api/collections/{self.name}/members/{self.bob_name}"
        assert self.ann.delete(path).status_code == 204

    def demote(self) -> None:
        """Bob may only look."""
        path = f"/api/collections/{self.name}/members/{self.bob_name}"
        assert self.ann.put(path, json={"role": "viewer"}).status_code == 200

    def disable(self) -> None:
        """Bob's account is closed."""
        accounts = self.server.application.services.access.accounts
        self.server.run(accounts.disable(None, self.bob_name))

    def files(self) -> list[str]:
        """What ann finds in it."""
        found = self.ann.get(f"/api/collections/{self.name}/files").json()["files"]
        return [one["filename"] for one in found]


@pytest.fixture
def shared(
    server: RunningApplication, ann: Person, request: pytest.FixtureRequest
) -> Iterator[Shared]:
    bob = server.person(f"bob-{abs(hash(request.node.name))}")
    with server.client(ann) as owner, server.client(bob) as other:
        name = make_collection(
            server, owner, visibility="private", policy={"publish": "on_complete"}
        )
        path = f"/api/collections/{name}/members/{bob.name}"
        assert owner.put(path, json={"role": "contributor"}).status_code == 200
        yield Shared(server, owner, other, bob.name, name)


def by_tus(shared: Shared) -> Callable[[], int]:
    told = metadata(collection=shared.name, filename="late.zip")
    made = shared.bob.post(
        "/tus/", headers=TUS | {"Upload-Length": str(len(ZIP)), "Upload-Metadata": told}
    )
    sent = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}

    def end() -> int:
        with shared.server.client() as anybody:
            answer = anybody.patch(made.headers["location"], headers=sent, content=ZIP)
        return answer.status_code

    return end


def by_signed_url(shared: Shared) -> Callable[[], int]:
    body = {"collection": shared.name, "filename": "late.zip", "size": len(ZIP)}
    made = shared.bob.post("/api/uploads", json=body).json()
    httpx2.put(made["url"], content=ZIP, headers=made["headers"]).raise_for_status()
    return lambda: shared.bob.post(f"/api/uploads/{made['id']}/complete", json={}).status_code


@pytest.mark.parametrize("begin", [by_tus, by_signed_url])
@pytest.mark.parametrize("change", [Shared.remove, Shared.demote, Shared.disable])
def test_nothing_is_published_for_somebody_who_may_not_contribute_any_more(
    shared: Shared,
    begin: Callable[[Shared], Callable[[], int]],
    change: Callable[[Shared], None],
):
    end = begin(shared)
    change(shared)
    assert end() in (401, 403)
    assert shared.files() == []


@pytest.mark.parametrize("begin", [by_tus, by_signed_url])
def test_whoever_still_may_publishes(shared: Shared, begin: Callable[[Shared], Callable[[], int]]):
    assert begin(shared)() in (200, 204)
    assert shared.files() == ["late.zip"]
