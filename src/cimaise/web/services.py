"""What handlers may call: every feature, made by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request

from cimaise.access.origin import is_same_origin
from cimaise.access.policy import GUEST, Principal
from cimaise.access.secret_texts import KEY_PREFIX
from cimaise.albums.catalogue import Catalogue
from cimaise.database.engine import Database
from cimaise.errors import Forbidden, NotSignedIn
from cimaise.settings import Settings
from cimaise.state.base import State
from cimaise.storage.base import Storage
from cimaise.uploads.quota import QuotaState
from cimaise.uploads.quota import state as quota_state
from cimaise.web.asgi.host import Host
from cimaise.web.features import Access, Delivery, Images, Library, Operation, Uploads

COOKIE: Final = "cimaise_session"
_SECURE_COOKIE: Final = f"__Host-{COOKIE}"  # RFC 6265bis §4.1.3.2: this host's alone, TLS only


def _is_own_key(authorization: str | None) -> bool:
    """Is it one of our API keys? Programs use them wherever the server is."""
    scheme, _, token = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and token.strip(" ").startswith(KEY_PREFIX)


@dataclass(frozen=True, slots=True)
class Services:
    """One of each; made once, shared by all requests."""

    settings: Settings
    clock: Callable[[], datetime]
    database: Database
    storage: Storage
    state: State
    access: Access
    uploads: Uploads
    delivery: Delivery
    images: Images
    library: Library
    operation: Operation
    catalogue: Catalogue
    host: Host | None  # the application around us, where there is one

    @property
    def is_secure(self) -> bool:
        """Browsers reach this server by TLS."""
        return self.settings.public_url.startswith("https:")

    @property
    def cookie_name(self) -> str:
        """Of the session's cookie."""
        return _SECURE_COOKIE if self.is_secure else COOKIE

    async def authenticate(self, request: Request) -> Principal:
        """Who asks. A cookie that is no good any more is a guest's; a bad header is refused.

        Raises:
            NotSignedIn: The ``Authorization`` header is no good.
            Forbidden: ``cross_site``: a cookie came with an unsafe request from elsewhere.
        """
        authorization = request.headers.get("authorization")
        if self.host is not None and not _is_own_key(authorization):
            return await self._hosted(self.host, request)
        if authorization is not None:
            return await self.access.authenticator.authenticate(authorization, None)
        cookie = request.cookies.get(self.cookie_name)
        if not cookie:
            return GUEST
        try:
            principal = await self.access.authenticator.authenticate(None, cookie)
        except NotSignedIn:
            return GUEST
        if not self.is_own_page(request):
            raise Forbidden("This request came from another site.", code="cross_site")
        return principal

    async def _hosted(self, host: Host, request: Request) -> Principal:
        principal = await host.principal(request.scope)
        # A header is nothing that a page of another site could make a browser send.
        is_safe = principal.is_guest or "authorization" in request.headers
        if not is_safe and not self.is_own_page(request):
            raise Forbidden("This request came from another site.", code="cross_site")
        return principal

    def is_own_page(self, request: Request) -> bool:
        """Does an unsafe request come from a page of ours? Safe ones always count so."""
        return is_same_origin(
            request.method,
            origin=request.headers.get("origin"),
            sec_fetch_site=request.headers.get("sec-fetch-site"),
            host=request.headers.get("host"),
            public_url=self.settings.public_url,
        )

    async def quota_of(self, account_id: str) -> QuotaState:
        """Limits and use of an account, now."""
        return await self.database.read(
            lambda connection: quota_state(
                connection, account_id, now=self.clock(), defaults=self.settings.quota
            )
        )
