"""An original that everybody may see, or only some, kept open: nothing grows old here by itself."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import pytest

from cimaise.access.policy import Role
from cimaise.settings import Settings
from cimaise.settings.parsing import parse_extensions
from cimaise.web.files.ready_files import Ended, Headers, ReadyFiles
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.bodies import content

BODY = content(300_000)


@dataclass
class Shown:
    """A published file and its people; ``given`` grows when the lane begins an answer."""

    server: RunningApplication
    stack: ExitStack
    ann: Person
    owner: httpx2.Client
    stranger: httpx2.Client
    id: str
    given: list[bytes] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/files/{self.id}"

    def client(self, person: Person | None = None) -> httpx2.Client:
        """One more, closed at the end."""
        return self.stack.enter_context(self.server.client(person))

    def warm(
        self, client: httpx2.Client, path: str = "", headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Ask until the file is open, and once more: then the lane answers."""
        before = len(self.given)
        while len(self.given) == before:
            answer = client.get(path or self.path, headers=dict(headers or {}))
            assert answer.status_code in (200, 206), answer.text
        return answer

    def is_given(self, client: httpx2.Client, headers: Mapping[str, str]) -> bool:
        """The lane answers this request; the file is open."""
        self.warm(client)
        before = len(self.given)
        client.get(self.path, headers=dict(headers))
        return len(self.given) > before


@contextmanager
def shown_original(
    data_dir: Path,
    patch: pytest.MonkeyPatch,
    change: Callable[[Settings], Settings] = lambda settings: settings,
    visibility: str = "public",
) -> Iterator[Shown]:
    """A server that has one."""

    def settings_of(settings: Settings) -> Settings:
        uploads = replace(settings.uploads, extensions=parse_extensions("any"))
        return change(replace(settings, uploads=uploads))

    given: list[bytes] = []
    all_ended: list[Ended] = []
    begin = ReadyFiles.begin

    def noted(
        self: ReadyFiles, file: object, target: bytes, headers: Headers, host: str
    ) -> Callable[[Ended], None] | None:
        end = begin(self, file, target, headers, host)  # type: ignore[arg-type]
        if end is None:
            return None
        given.append(target)

        def ended(what: Ended) -> None:
            all_ended.append(what)
            end(what)

        return ended

    patch.setattr(ReadyFiles, "begin", noted)
    with running_application(data_dir, settings_of) as server, ExitStack() as stack:
        for kept in (
            server.application.services.delivery.open_files,
            server.application.services.delivery.own_files,
        ):
            kept._clock = lambda: 0.0  # only news may end it
        ann = server.person("ann", Role.ADMIN)
        owner = stack.enter_context(server.client(ann))
        stranger = stack.enter_context(server.client())
        made = owner.post("/api/collections", json={"name": "shown", "visibility": visibility})
        assert made.status_code == 201, made.text
        put = owner.put("/api/collections/shown/files/a.bin", content=BODY)
        assert put.status_code == 201, put.text
        yield Shown(server, stack, ann, owner, stranger, put.json()["id"], given, all_ended)
