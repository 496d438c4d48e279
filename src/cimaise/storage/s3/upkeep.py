"""What is around the objects of a bucket: privacy, CORS, lifecycle, versions, and who may do what."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cimaise.errors import CimaiseError, NotFound
from cimaise.rfc.sigv4 import Signer
from cimaise.storage.base import Check, Verdict, Wishes
from cimaise.storage.s3.bucket_rules import (
    CORS,
    LIFECYCLE,
    RuleKind,
    cors_rule,
    judge_lifecycle,
    lifecycle_rule,
)
from cimaise.storage.s3.control import Control
from cimaise.storage.s3.location import Location
from cimaise.storage.s3.policies import CLEANUP, MAIN, PRESIGNER, policies
from cimaise.storage.s3.roles import Roles
from cimaise.storage.s3.trying import Prober, find_capabilities

_EVERYBODY: Final = "http://acs.amazonaws.com/groups/global/AllUsers"
_SPARE: Final = {  # what a role can do without: a call, and what it says to people
    MAIN: ("delete_object", "delete objects"),
    PRESIGNER: ("delete_object", "delete objects"),
    CLEANUP: ("create_multipart_upload", "write objects"),
}


class S3Upkeep:
    """See :class:`cimaise.storage.base.Upkeep`."""

    def __init__(
        self,
        location: Location,
        roles: Roles,
        signer: Signer,
        *,
        now: Callable[[], datetime],
        random: Callable[[], str],
    ) -> None:
        self._location = location
        self._roles = roles
        self._probe = Prober(location, roles.main, roles.cleanup, signer, now=now, random=random)

    async def check(self, wishes: Wishes) -> Sequence[Check]:
        """Look at everything; ``Unavailable`` where the bucket cannot be reached."""
        await self._roles.main.call("head_bucket")
        checks = [Check("bucket", Verdict.OK, f"{self._location.bucket} can be reached")]
        async with self._probe.opened() as probe:
            checks.append(await self._privacy(probe))
            checks += [await self._cors(probe, origin) for origin in wishes.origins]
        checks.append(await self._lifecycle(wishes))
        checks.append(await self._versions())
        return [*checks, *await self._credentials()]

    async def setup(self, wishes: Wishes) -> Sequence[Check]:
        """Set CORS, the lifecycle rule and privacy; what the store does not know is only told."""
        told = (
            await self._set_rule("cors", CORS, cors_rule(wishes)),
            await self._set_rule(
                "lifecycle", LIFECYCLE, lifecycle_rule(wishes, self._location.prefix)
            ),
            await self._set("privacy", "put_public_access_block", _PRIVATE),
        )
        return [*await self.check(wishes), *(check for check in told if check is not None)]

    async def capabilities(self) -> Mapping[str, bool | str]:
        """What this store does where stores differ."""
        async with self._probe.opened() as probe:
            return await find_capabilities(probe)

    def policies(self) -> Mapping[str, Mapping[str, object]]:
        """AWS policies by role."""
        return policies(self._location)

    async def _privacy(self, probe: Prober) -> Check:
        """An object of ours, asked for by somebody whom nobody knows; so the list, so a write."""
        key = probe.key()
        await probe.put({"content-length": "2"}, {}, b"ok", key=key)
        path = self._location.path(key)
        anybody = self._location.url(path, "")
        allowed = []
        if not (await probe.send("GET", anybody, {})).is_refused:
            allowed.append("read objects")
        if not (await probe.send("PUT", anybody, {}, b"no")).is_refused:
            allowed.append("write objects")
        root = self._location.url(
            f"/{self._location.bucket}/" if self._location.path_style else "/", "list-type=2"
        )
        if not (await probe.send("GET", root, {})).is_refused:
            allowed.append("list the bucket")
        if allowed:
            return Check("privacy", Verdict.FAULT, f"anybody may {', '.join(allowed)}")
        if await self._is_granted_to_everybody():
            return Check("privacy", Verdict.FAULT, "the bucket's ACL grants rights to everybody")
        return Check("privacy", Verdict.OK, "nobody may do anything without a signature")

    async def _is_granted_to_everybody(self) -> bool:
        try:
            acl = await self._roles.main.call("get_bucket_acl")
        except CimaiseError:
            return False
        grants = acl.get("Grants", ())
        return any(grant.get("Grantee", {}).get("URI") == _EVERYBODY for grant in grants)

    async def _cors(self, probe: Prober, origin: str) -> Check:
        """The very requests that a browser makes for a page of that origin."""
        key, name = probe.key(), f"cors {origin}"
        url = probe.url("PUT", key, {}, {"content-length": "2"})
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type",
        }
        preflight = await probe.send("OPTIONS", url, asked)
        if preflight.headers.get("access-control-allow-origin") not in (origin, "*"):
            return Check(name, Verdict.FAULT, "pages of this origin may not send to the bucket")
        sent = await probe.send("PUT", url, {"Origin": origin}, b"ok")
        exposed = sent.headers.get("access-control-expose-headers", "").lower()
        if "etag" not in exposed and exposed.strip() != "*":
            return Check(name, Verdict.FAULT, "pages cannot read the ETag of what they sent")
        return Check(name, Verdict.OK, "pages may send, and read the ETag")

    async def _lifecycle(self, wishes: Wishes) -> Check:
        try:
            rules = await self._rules(LIFECYCLE)
        except CimaiseError as fault:
            detail = f"the store does not tell ({fault.code}); the clean-up aborts what it knows of"
            return Check("lifecycle", Verdict.UNKNOWN, detail)
        return judge_lifecycle(rules, self._location.prefix, least_days=wishes.abort_after_days)

    async def _rules(self, kind: RuleKind) -> list[dict[str, Any]]:
        """The bucket's rules; a ``CimaiseError`` where it is not known which there are."""
        try:
            reply = await self._roles.main.call(kind.get)
        except NotFound:
            return []
        return list(reply.get(kind.rules, ()))

    async def _versions(self) -> Check:
        try:
            reply = await self._roles.main.call("get_bucket_versioning")
        except CimaiseError as fault:
            return Check("versions", Verdict.UNKNOWN, f"the store does not tell ({fault.code})")
        if reply.get("Status") == "Enabled":
            detail = "deleted objects stay as old versions and are billed: let a rule expire them"
            return Check("versions", Verdict.WARNING, detail)
        return Check("versions", Verdict.OK, "deleting frees the bytes")

    async def _credentials(self) -> list[Check]:
        if self._roles.are_one:
            detail = "one key does everything: separate ones for signing and deleting can do less"
            return [Check("credentials", Verdict.WARNING, detail)]
        checks = []
        for role, control in (
            (MAIN, self._roles.main),
            (PRESIGNER, self._roles.presigner),
            (CLEANUP, self._roles.cleanup),
        ):
            checks.append(await self._credential(role, control))
        return checks

    async def _credential(self, role: str, control: Control) -> Check:
        """What it needs works (the other checks have used it); can it do more?"""
        name = f"credentials {role}"
        spare = _SPARE[role]
        key = self._location.name(f"incoming/probe-{role}")
        if role == CLEANUP:
            try:
                await control.call("list_objects_v2", Prefix=key)
                await control.delete([key])
            except CimaiseError as fault:
                return Check(name, Verdict.FAULT, f"it cannot list or delete: {fault.message}")
        try:
            reply = await control.call(spare[0], Key=key)
        except CimaiseError:
            return Check(name, Verdict.OK, "it can do what it is for, and no more")
        if "UploadId" in reply:
            await self._roles.cleanup.call(
                "abort_multipart_upload", Key=key, UploadId=reply["UploadId"]
            )
        return Check(name, Verdict.WARNING, f"it may {spare[1]}, which it is not for")

    async def _set_rule(self, name: str, kind: RuleKind, ours: Mapping[str, Any]) -> Check | None:
        """Our rule beside those of others: setting rules replaces all that there are."""
        try:
            others = [rule for rule in await self._rules(kind) if rule.get("ID") != ours["ID"]]
        except CimaiseError as fault:
            detail = (
                f"{fault.message} Rules that cannot be read would be lost, so nothing was set."
                f" Add this one in the store's own way: {_as_json(ours)}"
            )
            return Check(f"set {name}", Verdict.WARNING, detail)
        return await self._set(name, kind.put, {kind.outer: {kind.rules: [*others, ours]}})

    async def _set(self, name: str, operation: str, parameters: Mapping[str, Any]) -> Check | None:
        try:
            await self._roles.main.call(operation, **parameters)
        except CimaiseError as fault:
            detail = f"{fault.message} Set it in the store's own way: {_as_json(parameters)}"
            return Check(f"set {name}", Verdict.WARNING, detail)
        return None


def _as_json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), separators=(",", ":"))


_PRIVATE: Final[Mapping[str, Any]] = {
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
}
