"""From a path and a method to a handler, with everything that holds for every route.

Authentication comes first, then the route's permission, then the handler; whatever is raised
becomes the one error shape, or that of the route's protocol. ``HEAD`` is answered by ``GET``, ``OPTIONS`` by the table.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from cimaise import telemetry
from cimaise.access import policy
from cimaise.access.risk.scores import Reason
from cimaise.errors import (
    BrokenTransfer,
    CimaiseError,
    ClientGone,
    MethodNotAllowed,
    NotFound,
    NotSignedIn,
    TypeNotAllowed,
)
from cimaise.web.asgi.access_log import UNKNOWN_ROUTE
from cimaise.web.call import Call
from cimaise.web.limits.challenging import require_unsuspected
from cimaise.web.limits.limiting import Kind
from cimaise.web.lines import Line, Permission
from cimaise.web.pages.failures import failure_page, is_for_people, no_page
from cimaise.web.replies.compression import pack
from cimaise.web.replies.cors import Cors, cors_headers, preflight_headers
from cimaise.web.replies.problems import fault_reply, problem_reply, status_of
from cimaise.web.segments import BySegment

if TYPE_CHECKING:
    from cimaise.web.services import Services

SERVER_FAULT = 500
WRONG_ENCODING: Final = "wrong_encoding"
"""Code of a body that no file was found in: nobody's attempt at a file."""

_TRAILERS = "cimaise.trailers"
_READING: Final = ("GET", "HEAD")


class _Door:
    """All methods of one path, as an ASGI application."""

    def __init__(self, services: "Services", lines: Sequence[Line]) -> None:
        self._services = services
        self._path = lines[0].path
        self._lines: Mapping[str, Line] = {line.method: line for line in lines}
        verbs = dict.fromkeys(line.method for line in lines)
        if "GET" in verbs:
            verbs["HEAD"] = None
        verbs["OPTIONS"] = None
        self._allowed = tuple(sorted(verbs))
        self._headers = {name: text for line in lines for name, text in line.headers.items()}
        self._overridable = {line.method for line in lines if line.is_overridable}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's own protocol appends trailers to this very list, before the framework copies it
        behind = scope.get("extensions", {}).get(_TRAILERS)
        arrived = scope["headers"] if behind is None else behind["fields"]
        request = Request(self._overridden(scope), receive)
        line = self._lines.get(request.method)
        if line is None and request.method == "HEAD":
            line = self._lines.get("GET")
        facts: dict[str, Any] = scope.setdefault("state", {})
        facts["route"] = self._path
        telemetry.client_address.set(request.client.host if request.client else "")
        carrier = request.headers if "traceparent" in request.headers else None
        with telemetry.span(f"{request.method} {self._path}", carrier):
            reply = await self._reply(request, line, arrived, facts)
            await reply(scope, receive, send)

    def _overridden(self, scope: Scope) -> Scope:
        """The same request under the method that it means."""
        if scope["method"] == "POST" and self._overridable:
            meant = dict(scope["headers"]).get(b"x-http-method-override", b"").decode("latin-1")
            if meant.upper() in self._overridable:
                return {**scope, "method": meant.upper()}
        return scope

    async def _reply(
        self,
        request: Request,
        line: Line | None,
        arrived: Sequence[tuple[bytes, bytes]],
        facts: dict[str, Any],
    ) -> ASGIApp:
        request_id = telemetry.request_id.get()
        if request.method == "OPTIONS" and line is None:
            return self._options(request)
        rates: dict[str, str] = {}
        changes = self._services.images.own_answers.changes
        principal = policy.GUEST
        try:
            principal = await self._authenticate(request, line, rates)
            facts["account_id"] = principal.account_id
            if line is None or not line.is_watch:
                self._services.access.watch.require_welcome(
                    principal, telemetry.client_address.get()
                )
            call = Call(request, principal, self._services, request_id, arrived, changes)
            reply = await self._handled(call, line, rates)
        except CimaiseError as error:
            self._note(error, line, facts)
            _tell(error)
            asked = Call(request, principal, self._services, request_id)
            reply = self._refusal(asked, line, error)
        except Exception as fault:
            telemetry.log("request_failed", level="error", fault=fault, path=request.url.path)
            reply = fault_reply(request_id)
        _add_headers(reply, rates)
        if line is not None:
            _add_headers(reply, cors_headers(line.cors, request, self._services.settings))
        if request.method == "OPTIONS":
            _add_headers(reply, self._options(request).headers)
        else:
            _add_headers(reply, self._headers)
        pack(
            reply,
            method=request.method,
            accept_encoding=request.headers.get("accept-encoding"),
        )
        return reply

    def _refusal(self, call: Call, line: Line | None, error: CimaiseError) -> Response:
        """In the shape of the route's protocol; where it has none, what suits whoever asked."""
        if line is not None and line.retell is not problem_reply:
            return line.retell(error, call.request_id)
        return failure_page(call, error) or problem_reply(error, call.request_id)

    def _note(self, error: CimaiseError, line: Line | None, facts: dict[str, Any]) -> None:
        """A type that was refused when an upload began counts against whoever tried."""
        if line is None or not isinstance(error, TypeNotAllowed) or error.code == WRONG_ENCODING:
            return
        if line.kind is Kind.UPLOAD:
            services, address = self._services, telemetry.client_address.get()
            who = policy.Principal(facts.get("account_id", ""), "", policy.Role.GUEST)
            services.operation.background.start(
                services.access.watch.note(who, address, Reason.REFUSED_TYPE)
            )

    async def _authenticate(
        self, request: Request, line: Line | None, rates: dict[str, str]
    ) -> policy.Principal:
        try:
            return await self._services.authenticate(request)
        except NotSignedIn:
            if line is not None and line.permission is Permission.HOLDER:
                return policy.GUEST
            await self._services.operation.limiter.count_bad_credentials(request, rates)
            raise

    async def _handled(self, call: Call, line: Line | None, rates: dict[str, str]) -> ASGIApp:
        limiter = self._services.operation.limiter
        if line is None:
            raise MethodNotAllowed("This address does not do that.", allowed=self._allowed)
        await limiter.count(line.kind, call.request, call.principal, rates)
        _require(line, call.principal)
        if line.kind is Kind.UPLOAD:
            await require_unsuspected(call)
        if line.method == "GET" or not line.moves_bytes:
            return await line.handler(call)
        async with limiter.transfer(call.request, call.principal):
            return await line.handler(call)

    def _options(self, request: Request) -> Response:
        kinds = [line.cors for line in self._lines.values() if line.cors is not Cors.NONE]
        headers = {"allow": ", ".join(self._allowed)}
        if kinds:
            headers |= preflight_headers(kinds[0], request, self._services.settings, self._allowed)
        return Response(status_code=204, headers=headers)


def _require(line: Line, principal: policy.Principal) -> None:
    if line.permission is Permission.ADMIN:
        policy.require_admin(principal)
    elif line.permission is Permission.ACCOUNT:
        policy.require_account(principal)
    elif line.permission is Permission.HOLDER:
        return
    if principal.scopes and line.scope is not None:
        policy.require_scope(principal, line.scope)


def _tell(error: CimaiseError) -> None:
    telemetry.count("problems_total", code=error.code)
    if isinstance(error, ClientGone | BrokenTransfer):
        telemetry.log("transfer_broken", level="info", message=error.message)
    elif status_of(error) >= SERVER_FAULT:
        telemetry.log("request_failed", level="warning", code=error.code, message=error.message, fault=error.__cause__)  # fmt: skip


def _add_headers(reply: ASGIApp, headers: Mapping[str, str]) -> None:
    """Set headers on an answer of the framework's or of ours; each has a ``headers`` mapping."""
    target = getattr(reply, "headers", None)
    if target is not None:
        for name, value in headers.items():
            target[name] = value


class _Absent:
    """Answers every path that no line names; with ``page``, people get that."""

    def __init__(self, page: ASGIApp | None = None) -> None:
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        accept = Headers(scope=scope).get("accept")
        if self._page and scope["method"] in _READING and is_for_people(scope["path"], accept):
            await self._page(scope, receive, send)
            return
        reply = problem_reply(NotFound("Not found"), telemetry.request_id.get())
        await reply(scope, receive, send)


def build_router(
    services: "Services", lines: Iterable[Line], mounts: Iterable[Any] = ()
) -> ASGIApp:
    """The application behind the middlewares: every line, and 404 for all else."""
    by_path: dict[str, list[Line]] = {}
    for line in lines:
        by_path.setdefault(line.path, []).append(line)
    routes = BySegment(
        (path, Route(path, _Door(services, group))) for path, group in by_path.items()
    )
    mounted, routers = list(mounts), dict[int, Router]()
    absent = _Absent(_Door(services, [Line("GET", UNKNOWN_ROUTE, no_page, Permission.PUBLIC, "")]))

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        few = routes.of(scope["path"])
        router = routers.get(id(few))
        if router is None:
            router = Router([*few, *mounted], redirect_slashes=False, default=absent)
            routers[id(few)] = router
        await router(scope, receive, send)

    return route


def moves_bytes(lines: Iterable[Line]) -> Callable[[Scope], bool]:
    """A test of a request's scope: does its route last as long as its bytes?"""
    routes = BySegment(
        (
            line.path,
            Route(line.path, _Absent(), methods=[line.method, "POST"][: 1 + line.is_overridable]),
        )
        for line in lines
        if line.moves_bytes
    )

    def test(scope: Scope) -> bool:
        few = routes.of(scope["path"])
        return any(route.matches(scope)[0].value == 2 for route in few)  # noqa: PLR2004 (full)

    return test
