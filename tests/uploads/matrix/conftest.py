"""One application for each storage, and people in it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from cimaise.access.policy import Role
from cimaise.database.schema import uploads, usage_days, usage_totals
from cimaise.settings import Settings
from cimaise.settings.rate import Allowance
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.backends import further
from tests.kit.s3 import S3Server
from tests.kit.sending import make_collection
from tests.kit.served_storage import ServedStorage, bucket_of
from tests.uploads.matrix.rules import EXTENSIONS, SERVER_MAX

DAY = ("used_bytes", "reserved_bytes", "used_files", "reserved_files")
TOTAL = ("used_bytes", "reserved_bytes")
LIVING = ("pending", "completing", "uploaded")


@dataclass
class House:
    """A server on one of the storages, and what can be seen of it from behind."""

    running: RunningApplication
    storage: ServedStorage
    people: int = 0

    def person(self, **limits: int) -> Person:
        """Somebody new."""
        self.people += 1
        return self.running.person(f"person-{self.people}", Role.MEMBER, **limits)

    def collection(self, owner: Person, policy: Any) -> str:
        """A private collection of the owner's."""
        with self.running.client(owner) as client:
            return make_collection(self.running, client, visibility="private", policy=dict(policy))

    def counted(self, person: Person) -> dict[str, int]:
        """Every number of the account's quota."""
        database = self.running.application.services.database

        def rows(connection: Any) -> dict[str, int]:
            numbers: dict[str, int] = {}
            for table, names in ((usage_days, DAY), (usage_totals, TOTAL)):
                found = connection.execute(select(table).where(table.c.account_id == person.id))
                for row in found:
                    for name in names:
                        key = f"{table.name}.{name}"
                        numbers[key] = numbers.get(key, 0) + getattr(row, name)
            return {key: number for key, number in numbers.items() if number}

        return self.running.run(database.read(rows))

    def living(self, person: Person) -> list[Any]:
        """Sessions of the account's that still hold something."""
        database = self.running.application.services.database
        held = select(uploads.c.id, uploads.c.door, uploads.c.state).where(
            uploads.c.account_id == person.id, uploads.c.state.in_(LIVING)
        )

        def rows(connection: Any) -> list[Any]:
            return [tuple(row) for row in connection.execute(held)]

        return self.running.run(database.read(rows))

    def client(self, person: Person | None) -> httpx2.Client:
        """Who asks."""
        return self.running.client(person)


BEGUN = Allowance(4, 3600.0)
FAILED = 3
FAR = further("swift", "versitygw")


@pytest.fixture(scope="module", params=["disk", *FAR])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Each storage in turn."""
    storage = ServedStorage("disk")
    if request.param != "disk":
        server: S3Server = request.getfixturevalue(request.param)
        storage = bucket_of(server, request.param, "matrix")

    def change(settings: Settings) -> Settings:
        limits = replace(settings.uploads, max_bytes=SERVER_MAX, extensions=EXTENSIONS)
        rates = replace(
            settings.limits, exempt=(), account_uploads=BEGUN, address_uploads=Allowance(10**6, 1.0)
        )
        quota = replace(settings.quota, failed_uploads_an_hour=FAILED)
        changed = replace(settings, uploads=limits, limits=rates, quota=quota)
        return storage.adapt(changed)

    with running_application(tmp_path_factory.mktemp("matrix"), change) as running:
        yield House(running, storage)
