"""What Uppy asks of a Companion, request by request, over any base address."""

from typing import Any

import httpx2
from sqlalchemy import select, update

from cimaise.database.schema import collections, uploads, usage_days, usage_totals
from tests.kit.application import RunningApplication
from tests.kit.uploading import zipped

MB = 1024 * 1024
PART = 5 * MB
SMALL = zipped(50_000)
LARGE = zipped(12 * MB)
ORIGIN = "https://pages.example"


class Companion:
    """One endpoint: ``/companion`` with a key's headers, or ``/companion/{token}`` without."""

    def __init__(self, client: httpx2.Client, endpoint: str, **meta: Any) -> None:
        self.client = client
        self.endpoint = endpoint
        self.meta = meta

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """One request; ``path`` begins behind the endpoint."""
        return self.client.request(method, f"{self.endpoint}{path}", **more)

    def create(self, filename: str = "tool.zip", **more: Any) -> str:
        """Begin; gives the upload's id."""
        body = {"filename": filename, "type": "application/zip", "metadata": self.meta}
        answer = self.ask("POST", "/s3/multipart", json=body | more)
        assert answer.status_code == 200, answer.text
        made = answer.json()
        assert made["key"]
        assert made["uploadId"]
        return made["uploadId"]

    def path(self, upload: str, rest: str = "") -> str:
        """Of an upload."""
        return f"/s3/multipart/{upload}{rest}?key={upload}"

    def sign(self, upload: str, number: int) -> str:
        """The URL of a part."""
        answer = self.ask("GET", self.path(upload, f"/{number}"))
        assert answer.status_code == 200, answer.text
        return answer.json()["url"]

    def send(self, upload: str, number: int, piece: bytes) -> httpx2.Response:
        """Sign and PUT a part."""
        return httpx2.put(self.sign(upload, number), content=piece, timeout=30)

    def send_all(self, upload: str, whole: bytes, step: int = PART) -> list[dict[str, Any]]:
        """Every part, in order; gives what ``complete`` wants."""
        parts = []
        for number, start in enumerate(range(0, len(whole), step), 1):
            answer = self.send(upload, number, whole[start : start + step])
            assert answer.status_code == 200, answer.text
            parts.append({"PartNumber": number, "ETag": answer.headers["etag"]})
        return parts

    def parts(self, upload: str) -> list[dict[str, Any]]:
        """What has arrived."""
        answer = self.ask("GET", self.path(upload))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def complete(self, upload: str, parts: list[dict[str, Any]]) -> httpx2.Response:
        """Finish."""
        return self.ask("POST", self.path(upload, "/complete"), json={"parts": parts})

    def abort(self, upload: str) -> httpx2.Response:
        """Cancel."""
        return self.ask("DELETE", self.path(upload))

    def params(self, filename: str = "tool.zip", **query: str) -> httpx2.Response:
        """Ask for a form."""
        meta = {f"metadata[{name}]": str(value) for name, value in self.meta.items()}
        params = {"filename": filename, "type": "application/zip"} | meta | query
        return self.ask("GET", "/s3/params", params=params)

    def post(self, form: dict[str, Any], body: bytes, **fields: str) -> httpx2.Response:
        """Post the form, the file last."""
        return httpx2.post(
            form["url"],
            data=form["fields"] | fields,
            files={"file": ("blob", body, "application/octet-stream")},
            timeout=30,
        )


def is_local(server: RunningApplication) -> bool:
    """URLs of parts lead to the server itself."""
    return server.application.services.storage.is_local


def quota_of(client: httpx2.Client) -> dict[str, Any]:
    """The caller's quota."""
    return client.get("/api/me").json()["quota"]


def reserved(server: RunningApplication, account_id: str) -> int:
    """Bytes that are set aside for what is on its way."""

    async def read() -> int:
        statement = select(usage_totals.c.reserved_bytes).where(
            usage_totals.c.account_id == account_id
        )
        days = select(usage_days.c.reserved_files).where(usage_days.c.account_id == account_id)
        found, files = await server.application.services.database.read(
            lambda connection: (
                connection.execute(statement).scalar() or 0,
                connection.execute(days).scalar() or 0,
            )
        )
        assert files >= 0
        return found

    return server.run(read())


def set_row(server: RunningApplication, upload: str, **values: object) -> None:
    """Change a session's row behind the server's back."""
    database = server.application.services.database
    server.run(
        database.write(
            lambda connection: (
                connection.execute(
                    update(uploads).where(uploads.c.id == upload).values(**values)
                ).rowcount
            )
        )
    )


def state_of(client: httpx2.Client, upload: str) -> str:
    """As its owner sees it."""
    return str(client.get(f"/api/uploads/{upload}").json()["state"])


def set_policy(server: RunningApplication, name: str, policy: dict[str, Any]) -> None:
    """Change a collection's policy behind the server's back."""
    database = server.application.services.database
    server.run(
        database.write(
            lambda connection: (
                connection.execute(
                    update(collections).where(collections.c.name == name).values(policy=policy)
                ).rowcount
            )
        )
    )


def lose_in_storage(server: RunningApplication, upload: str) -> None:
    """The storage forgets the multipart upload, as a bucket's own rule does after some days."""
    services = server.application.services

    async def lose() -> None:
        row = await services.database.read(
            lambda connection: connection.execute(
                select(uploads).where(uploads.c.id == upload)
            ).one()
        )
        assert services.storage.multipart is not None
        await services.storage.multipart.abort(row.incoming_key, row.storage_upload_id)

    server.run(lose())
