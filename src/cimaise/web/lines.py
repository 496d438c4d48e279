"""What the URL map says of a route: one line each."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise.access import policy
from cimaise.errors import CimaiseError
from cimaise.web.call import Call
from cimaise.web.limits.limiting import Kind
from cimaise.web.replies.cors import Cors
from cimaise.web.replies.problems import problem_reply

Handler = Callable[[Call], Awaitable[ASGIApp]]


class Permission(Enum):
    """What a route asks of everybody before its handler is called."""

    PUBLIC = "public"  # the handler decides
    HOLDER = "holder"  # whoever knows the address; a sign-in that has ended is no obstacle
    ACCOUNT = "account"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the URL map.

    Attributes:
        method: ``GET`` stands for ``HEAD`` too.
        path: With ``{names}``.
        handler: What answers.
        permission: What is asked before.
        summary: One sentence for the reference.
        body: Type of the JSON body, where there is one.
        answer: Type of the JSON answer, where there is one.
        status: Status of success.
        cors: Which pages of other origins may read the answer.
        moves_bytes: Free of the deadline, because it lasts as long as its bytes.
        tag: Chapter of the reference.
        headers: What every answer carries, errors included.
        retell: Makes the answer to an error, for clients of a protocol with a shape of its own.
        is_overridable: A POST with ``X-HTTP-Method-Override`` counts as this method.
        counts_as: The rate that it counts against; ``None``: a read, or a change.
        asks_scope: A limited API key needs a scope for it.
        is_watch: For whoever watches the server: answers those who are banned as well.
        is_own_sign_in: Absent where another application signs people in.
    """

    method: str
    path: str
    handler: Handler
    permission: Permission
    summary: str
    body: Any = None
    answer: Any = None
    status: int = 200
    cors: Cors = Cors.NONE
    moves_bytes: bool = False
    tag: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    retell: Callable[[CimaiseError, str], Response] = problem_reply
    is_overridable: bool = False
    counts_as: Kind | None = None
    asks_scope: bool = True
    is_watch: bool = False
    is_own_sign_in: bool = False

    @property
    def kind(self) -> Kind:
        """The rate that it counts against."""
        return self.counts_as or (Kind.READ if self.method == "GET" else Kind.CHANGE)

    @property
    def scope(self) -> policy.Scope | None:
        """What a limited API key needs; ``None`` where a key is beside the point."""
        if not self.asks_scope:
            return None
        if self.cors is Cors.UPLOADS:
            return policy.Scope.UPLOAD
        return policy.Scope.READ if self.method == "GET" else policy.Scope.MANAGE
