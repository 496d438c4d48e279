"""Collections, their members, and published files as records."""

from starlette.types import ASGIApp

from cimaise.access.policy import MemberRole, Visibility
from cimaise.library.collections import Changes
from cimaise.library.files import FileChanges, FilePage
from cimaise.library.model import Collection, File
from cimaise.library.tags import PURGE_JOB
from cimaise.web.call import Call
from cimaise.web.replies.reply import empty_reply, json_reply
from cimaise.web.shapes.public import (
    ChangeCollection,
    ChangeFile,
    CreateCollection,
    PlaceFiles,
    SetMember,
    collection_json,
    file_json,
)


async def create_collection(call: Call) -> ASGIApp:
    """Make a collection; whoever makes it owns it."""
    body = await call.json(CreateCollection)
    made = await call.services.library.collections.create(
        call.principal,
        body.name,
        title=body.title,
        visibility=Visibility(body.visibility),
        policy=body.policy,
    )
    where = f"{call.services.settings.public_url}/api/collections/{made.name}"
    return json_reply(collection_json(made), status=201, headers={"location": where})


async def list_collections(call: Call) -> ASGIApp:
    """Public collections and those that the caller owns or belongs to."""
    found = await call.services.library.collections.list(call.principal)
    return json_reply({"collections": [collection_json(one) for one in found]})


async def show_collection(call: Call) -> ASGIApp:
    """One collection."""
    found = await call.services.library.collections.find(call.principal, call.path("name"))
    return json_reply(collection_json(found))


async def change_collection(call: Call) -> ASGIApp:
    """Change title, visibility, policy, cover or order."""
    body = await call.json(ChangeCollection)
    changes = Changes(
        title=body.title,
        visibility=Visibility(body.visibility) if body.visibility else None,
        policy=body.policy,
        cover=body.cover,
        sort=body.sort,
    )
    changed = await alter_collection(call, call.path("name"), changes)
    return json_reply(collection_json(changed))


async def alter_collection(call: Call, name: str, changes: Changes) -> Collection:
    """What changes a collection, wherever that was asked for.

    Where others may see it afterwards, or no longer, nothing made of it before is trusted.
    """
    changed = await call.services.library.collections.change(call.principal, name, changes)
    if changes.visibility:
        await call.services.images.variants.doubt()
    call.services.operation.hurry(PURGE_JOB)
    return changed


async def place_files(call: Call) -> ASGIApp:
    """Hang the files of a collection in an order of their own."""
    body = await call.json(PlaceFiles)
    placed = await call.services.library.arrangement.place(
        call.principal, call.path("name"), body.files
    )
    return json_reply({"placed": placed})


async def delete_collection(call: Call) -> ASGIApp:
    """Delete an empty collection."""
    await call.services.library.collections.delete(call.principal, call.path("name"))
    return empty_reply()


async def list_members(call: Call) -> ASGIApp:
    """Who owns the collection and who belongs to it."""
    found = await call.services.library.collections.members(call.principal, call.path("name"))
    members = [
        {"account": one.account_id, "name": one.name, "role": one.role.value}
        for one in found.members
    ]
    return json_reply({"owner": found.owner, "members": members})


async def set_member(call: Call) -> ASGIApp:
    """Give an account a role in the collection."""
    body = await call.json(SetMember)
    member = await call.services.library.collections.set_member(
        call.principal, call.path("name"), call.path("account"), MemberRole(body.role)
    )
    return json_reply({"account": member.account_id, "role": member.role.value})


async def remove_member(call: Call) -> ASGIApp:
    """Take an account's role in the collection away."""
    await call.services.library.collections.remove_member(
        call.principal, call.path("name"), call.path("account")
    )
    return empty_reply()


async def list_files(call: Call) -> ASGIApp:
    """Published files of a collection, newest first."""
    page = await call.services.library.files.list(
        call.principal,
        call.path("name"),
        cursor=call.query("cursor"),
        limit=call.number("limit", 20),
    )
    return _files_reply(call, page)


async def list_own_files(call: Call) -> ASGIApp:
    """What the caller has published, newest first."""
    page = await call.services.library.files.list_own(
        call.principal, cursor=call.query("cursor"), limit=call.number("limit", 20)
    )
    return _files_reply(call, page)


def _files_reply(call: Call, page: FilePage) -> ASGIApp:
    base_url = call.services.settings.public_url
    files = [file_json(file, base_url=base_url) for file in page.files]
    return json_reply({"files": files, "next_cursor": page.next_cursor})


async def show_file(call: Call) -> ASGIApp:
    """One file as a record."""
    file = await call.services.library.files.find(call.principal, call.path("id"))
    return json_reply(file_json(file, base_url=call.services.settings.public_url))


async def change_file(call: Call) -> ASGIApp:
    """Change title, note, visibility or collection."""
    body = await call.json(ChangeFile)
    changes = FileChanges(
        title=body.title,
        note=body.note,
        visibility=Visibility(body.visibility) if body.visibility else None,
    )
    changed = await alter_file(call, call.path("id"), changes, to=body.collection)
    return json_reply(file_json(changed, base_url=call.services.settings.public_url))


async def alter_file(
    call: Call, file_id: str, changes: FileChanges, *, to: str | None = None
) -> File:
    """What changes a file and perhaps moves it ``to`` a collection, wherever that was asked for.

    Where others may see it afterwards, or no longer, nothing made of it before is served again.
    """
    if to is not None:
        await call.services.library.arrangement.move(call.principal, file_id, to)
    changed = await call.services.library.files.change(call.principal, file_id, changes)
    if (changes.visibility or to is not None) and changed.storage_key is not None:
        await call.services.images.variants.purge_stored(changed.storage_key)
    call.services.operation.hurry(PURGE_JOB)
    return changed


async def delete_file(call: Call) -> ASGIApp:
    """Delete a file: record, variants and cache now, bytes by the clean-up."""
    await remove_file(call, call.path("id"))
    return empty_reply()


async def remove_file(call: Call, file_id: str) -> None:
    """What deletes a file, whatever address it was asked at."""
    file = await call.services.library.files.delete(call.principal, file_id)
    if file.storage_key is not None:
        await call.services.images.variants.purge_stored(file.storage_key)
    call.services.operation.hurry("discarded-objects")
    call.services.operation.hurry(PURGE_JOB)
