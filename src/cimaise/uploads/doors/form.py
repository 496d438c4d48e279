"""The HTML form: files stream to the storage while the form is still coming.

Fields may stand before or behind the files they belong to. All files of a form are published
together when its end has come, or none is.
"""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import Final

from cimaise.access.policy import Principal, Visibility, require_account
from cimaise.errors import Invalid
from cimaise.library.model import File
from cimaise.uploads.doors.multipart_form import (
    Field,
    FileBytes,
    FileStart,
    Form,
)
from cimaise.uploads.publish import Caption
from cimaise.uploads.session import UploadSession
from cimaise.uploads.streaming import Incoming, Received, Streams

FILE_FIELD: Final = "file"
_FILE_FIELDS: Final = frozenset({FILE_FIELD, "file[]", "files[]"})
"""The name, and what scripts call it that send several."""

_FIELDS: Final = frozenset({"collection", "title", "note", "visibility"})


@dataclass(frozen=True, slots=True)
class FormResult:
    """What a form became: a file for each that was published, its session in any case."""

    collection: str
    done: tuple[tuple[UploadSession, File | None], ...]


@dataclass(slots=True)
class _Taken:
    texts: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    def take(self, found: Field) -> None:
        """Of a field that is repeated the last one counts; of collections there is only one."""
        text, before = found.text.strip(), self.texts.get(found.name)
        if found.name == "collection" and before and text != before:
            raise Invalid("The form names two collections.", field="collection")
        self.texts[found.name] = text


async def receive_form(
    streams: Streams,
    principal: Principal,
    chunks: AsyncIterable[bytes],
    *,
    content_type: str,
    collection: str | None,
) -> FormResult:
    """Take a whole form.

    Args:
        streams: Where files go.
        principal: Who sends.
        chunks: The body.
        content_type: The request's, with the boundary.
        collection: Where files go if no field before the first one says it.

    Raises:
        Malformed, TooLarge: The form itself; see :class:`Form`.
        Invalid: No file was chosen, or no collection was named.
        CimaiseError: What refuses one of the files refuses all.
    """
    require_account(principal)
    form = _Taken()
    try:
        await _read(streams, principal, form, Form(chunks, content_type), collection)
        target, caption = _whole(form, collection), _caption(form.texts)
    except BaseException as fault:
        await asyncio.shield(streams.drop(form.received, type(fault).__name__))
        raise
    done = await streams.finish(principal, form.received, collection=target, caption=caption)
    return FormResult(target, tuple(done))


def _whole(form: _Taken, collection: str | None) -> str:
    """Where the files go, once the form has all that it needs."""
    target = form.texts.get("collection") or collection
    if not form.received:
        raise Invalid("Choose a file.", field=FILE_FIELD)
    if not target:
        raise Invalid("Say which collection the files are for.", field="collection")
    return target


async def _read(
    streams: Streams,
    principal: Principal,
    form: _Taken,
    events: Form,
    collection: str | None,
) -> None:
    async for event in events:
        if isinstance(event, Field):
            if event.name in _FIELDS:
                form.take(event)
        elif isinstance(event, FileStart):
            if event.name not in _FILE_FIELDS or not event.filename:
                await FileBytes(events).skip()  # nothing was chosen, or it is none of ours
                continue
            known = form.texts.setdefault("collection", collection or "") or None
            incoming = Incoming("form", event.filename, event.content_type, None, known)
            form.received.append(await streams.receive(principal, incoming, FileBytes(events)))


def _caption(texts: dict[str, str]) -> Caption:
    named = texts.get("visibility")
    try:
        visibility = Visibility(named) if named else None
    except ValueError:
        raise Invalid("visibility is public, unlisted or private.", field="visibility") from None
    return Caption(texts.get("title", ""), texts.get("note", ""), visibility)
