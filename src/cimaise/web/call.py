"""A request on its way to a handler: who asks, what for, and the features that can answer."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.requests import Request

from cimaise.access.policy import Principal
from cimaise.errors import ClientGone, Invalid, Limit, Malformed, NotFound, TooLarge
from cimaise.rfc.selection import Wanted
from cimaise.rfc.texts import require_no_nul
from cimaise.rfc.validators import Conditions
from cimaise.web.shapes.choices import choices_of
from cimaise.web.uploads.body import Body

if TYPE_CHECKING:
    from cimaise.web.services import Services

T = TypeVar("T")
_AT = " - at `$"
_NO_CHOICE = "Invalid enum value"


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler is given.

    Attributes:
        request: The framework's request; its form was not looked at yet.
        principal: Who asks, already authenticated.
        services: Every feature.
        request_id: The id that the answer and the log carry.
        arrived: Where the server puts the fields behind the body when they come.
        changes: ``own_answers.changes`` as it was before anybody asked who this is.
    """

    request: Request
    principal: Principal
    services: "Services"
    request_id: str
    arrived: Sequence[tuple[bytes, bytes]] = ()
    changes: int = -1

    @property
    def now(self) -> datetime:
        """The time, aware UTC."""
        return self.services.clock()

    @property
    def address(self) -> str:
        """That the request came from; empty where the server does not know."""
        return self.request.client.host if self.request.client else ""

    def count_for(self, account_id: str) -> None:
        """Whose use this request is, where an address is the right to upload and nobody signed in."""
        self.request.scope["state"]["account_id"] = account_id

    def at(self, url: str) -> str:
        """An address of ours (from ``/``) as pages have it: below the path of the public URL."""
        return self.services.settings.base_path + url if url.startswith("/") else url

    def path(self, name: str) -> str:
        """A part of the path, decoded. ``NotFound`` where it holds what no name of ours has."""
        text = str(self.request.path_params[name])
        if "\0" in text:
            raise NotFound("Not found")
        return text

    def query(self, name: str) -> str | None:
        """A query parameter; the last one where it is repeated."""
        return self.request.query_params.get(name)

    def flag(self, name: str) -> bool:
        """A query parameter that is on or off: bare, ``1`` or ``true``; ``0``, ``false``, absent.

        Raises:
            Invalid: Any other value.
        """
        text = self.query(name)
        if text is None or text.lower() in ("0", "false"):
            return False
        if text.lower() in ("", "1", "true"):
            return True
        raise Invalid(f"{name} is 1 or 0.", field=name)

    def number(self, name: str, default: int) -> int:
        """A query parameter that is a whole number; bounds are the feature's."""
        text = self.query(name)
        if text is None:
            return default
        if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 18):  # noqa: PLR2004
            raise Invalid(f"{name} is a whole number.", field=name)
        return int(text)

    def header(self, name: str) -> str | None:
        """A request header; repeated ones are joined as RFC 9110 §5.3 says."""
        values = self.request.headers.getlist(name)
        return ", ".join(values) if values else None

    def trailer(self, name: str) -> str | None:
        """A field behind the body (RFC 9110 §6.5.1), once all of that has been read.

        ASGI has no message for these. Our own server keeps a list of them, uvicorn's parser
        appends them to the headers; a server that drops them makes this ``None``. A header of the
        start is none of them.
        """
        wanted, head = name.lower().encode("ascii"), self.request.headers.raw
        is_appended = list(self.arrived[: len(head)]) == head
        behind = self.arrived[len(head) :] if is_appended else self.arrived
        return next((text.decode("latin-1") for key, text in behind if key == wanted), None)

    def wanted(self) -> Wanted:
        """Method, conditions and range."""
        return Wanted(
            self.request.method,
            Conditions(
                if_match=self.header("if-match"),
                if_none_match=self.header("if-none-match"),
                if_modified_since=self.header("if-modified-since"),
                if_unmodified_since=self.header("if-unmodified-since"),
            ),
            self.header("range"),
            self.header("if-range"),
        )

    async def json(self, kind: type[T]) -> T:
        """The body as a value of ``kind`` (a msgspec struct).

        Raises:
            Malformed: It is no JSON, or a text in it holds NUL.
            Invalid: It is JSON of another shape; names the field.
            TooLarge: Longer than the limit for JSON bodies.
        """
        body = await self._short_body(self.services.settings.server.max_json_bytes)
        try:
            if rb"\u0000" in body:  # perhaps behind another backslash: the texts tell
                require_no_nul(msgspec.json.decode(body))
            return msgspec.json.decode(body or b"{}", type=kind)
        except msgspec.ValidationError as fault:
            raise _refused(kind, str(fault)) from fault
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise Malformed("The body is not JSON.") from fault

    async def _short_body(self, max_bytes: int) -> bytes:
        whole = bytearray()
        async for chunk in self.chunks():
            whole += chunk
            if len(whole) > max_bytes:
                limit = Limit("server.max_json_bytes", max_bytes)
                raise TooLarge("The body is too long.", limit=limit)
        return bytes(whole)

    def chunks(self) -> Body:
        """The body as it comes. ``ClientGone`` where it breaks off: never a clean short end."""
        return Body(self.request)

    async def while_present(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` gives; it is cancelled as soon as the client has gone.

        For work that somebody else's request could have the place of. Only before the answer
        begins, and where the request has no body that is still wanted.

        Raises:
            ClientGone: Nobody waits any more.
        """
        doing, gone = asyncio.create_task(work), asyncio.create_task(self._wait_until_gone())
        try:
            await asyncio.wait((doing, gone), return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise ClientGone("The client closed the connection.")
            return await doing
        finally:
            doing.cancel()
            gone.cancel()
            await asyncio.gather(doing, gone, return_exceptions=True)

    async def _wait_until_gone(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass

    @property
    def content_length(self) -> int | None:
        """The declared length of the body, where it is."""
        text = self.request.headers.get("content-length")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004
            raise Malformed("Content-Length is not a number.")
        return int(text)


def _refused(kind: type[Any], told: str) -> Invalid:
    """What msgspec says of a body, in our words; of a choice also what there is to choose from."""
    sentence, _, where = told.partition(_AT)
    field = where.strip("`.") or None
    if field is None:
        return Invalid(f"{sentence}.")
    choices = choices_of(kind, where.strip("`")) if sentence.startswith(_NO_CHOICE) else ()
    if choices:
        return Invalid(f"{field} is one of: {', '.join(choices)}.", field=field)
    return Invalid(f"{field}: {sentence}.", field=field)
