"""What handlers may call: every feature, made by the composition root."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request

from cimaise.access.accounts.account_passwords import AccountPasswords
from cimaise.access.accounts.accounts import Accounts
from cimaise.access.accounts.invitations import Invitations
from cimaise.access.accounts.registration import Registration
from cimaise.access.challenge.asking import Challenges
from cimaise.access.edge import EdgeLinks
from cimaise.access.keys.keys import Keys
from cimaise.access.links.links import Links
from cimaise.access.links.shares import Shares
from cimaise.access.links.upload_tokens import UploadTokens
from cimaise.access.oidc.sign_in import OidcSignIn
from cimaise.access.origin import is_same_origin
from cimaise.access.policy import GUEST, Principal
from cimaise.access.rights_changes import RightsChanges
from cimaise.access.risk.bans import Bans
from cimaise.access.risk.watch import Watch
from cimaise.access.secret_texts import KEY_PREFIX
from cimaise.access.sessions.sessions import Sessions
from cimaise.access.tokens import Authenticator
from cimaise.albums.catalogue import Catalogue
from cimaise.archives.archive import Archives
from cimaise.database.engine import Database
from cimaise.delivery.guard import Guard
from cimaise.delivery.open_files import OpenFiles
from cimaise.delivery.shared_caches import SharedCaches
from cimaise.delivery.tally import Tally
from cimaise.errors import Forbidden, NotSignedIn
from cimaise.images.info import Headers
from cimaise.images.keeping.hot import Answers
from cimaise.images.keeping.hot_own import OwnAnswers
from cimaise.images.metadata.cleaning import Cleaner
from cimaise.images.policy import ImagePolicy
from cimaise.images.spec import SpecLimits
from cimaise.images.variants import Variants
from cimaise.library.arrangement import Arrangement
from cimaise.library.collections import Collections
from cimaise.library.deleted import Deleted
from cimaise.library.files import Files
from cimaise.library.takedowns import Takedowns
from cimaise.originals import Originals
from cimaise.settings import Settings
from cimaise.state.base import State
from cimaise.storage.base import Storage
from cimaise.uploads.capabilities import Capabilities
from cimaise.uploads.cleanup import Cleanup
from cimaise.uploads.doors.companion import CompanionUploads
from cimaise.uploads.doors.companion_form import SingleForms
from cimaise.uploads.doors.direct import DirectUploads
from cimaise.uploads.doors.tus import TusUploads
from cimaise.uploads.fsck import Fsck
from cimaise.uploads.move_keys import KeyMover
from cimaise.uploads.publish import Publisher
from cimaise.uploads.quota import QuotaState
from cimaise.uploads.quota import state as quota_state
from cimaise.uploads.statistics import UploadStatistics
from cimaise.uploads.streaming import Streams
from cimaise.usage import Usage
from cimaise.web.asgi.background import Background
from cimaise.web.asgi.host import Host
from cimaise.web.asgi.ready_access_log import AnsweredAtOnce
from cimaise.web.limits.limiting import Limiter
from cimaise.web.operation.kept_text import KeptText
from cimaise.web.router import Line
from cimaise.webhooks.service import Webhooks

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
    usage: Usage
    at_once: AnsweredAtOnce
    metrics_text: KeptText
    webhooks: Webhooks
    takedowns: Takedowns
    accounts: Accounts
    keys: Keys
    sessions: Sessions
    authenticator: Authenticator
    links: Links
    rights_changes: RightsChanges
    collections: Collections
    files: Files
    deleted: Deleted
    arrangement: Arrangement
    direct: DirectUploads
    companion: CompanionUploads
    single_forms: SingleForms
    upload_tokens: UploadTokens
    shares: Shares
    account_passwords: AccountPasswords
    challenges: Challenges
    registration: Registration
    invitations: Invitations
    oidc: OidcSignIn | None
    cleaner: Cleaner
    streams: Streams
    tus: TusUploads
    publisher: Publisher
    originals: Originals
    archives: Archives
    guard: Guard
    tally: Tally
    shared_caches: SharedCaches
    edge: EdgeLinks | None
    variants: Variants
    headers: Headers
    answers: Answers
    own_answers: OwnAnswers
    open_files: OpenFiles
    own_files: OpenFiles
    image_policy: ImagePolicy
    spec_limits: SpecLimits
    catalogue: Catalogue
    limiter: Limiter
    cleanup: Cleanup
    fsck: Fsck
    key_mover: KeyMover
    capabilities: Capabilities
    upload_statistics: UploadStatistics
    background: Background
    host: Host | None  # the application around us, where there is one
    watch: Watch
    bans: Bans
    lines: Sequence[Line]  # the URL map, for the reference
    hurry: Callable[[str], None]  # runs a job soon, by its name
    check_cache: Callable[[], Awaitable[None]]
    cached_bytes: Callable[[], int]

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
            return await self.authenticator.authenticate(authorization, None)
        cookie = request.cookies.get(self.cookie_name)
        if not cookie:
            return GUEST
        try:
            principal = await self.authenticator.authenticate(None, cookie)
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
