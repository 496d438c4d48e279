"""The features by the room they are in: what handlers may call, made by the composition root."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

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
from cimaise.access.rights_changes import RightsChanges
from cimaise.access.risk.bans import Bans
from cimaise.access.risk.watch import Watch
from cimaise.access.sessions.sessions import Sessions
from cimaise.access.tokens import Authenticator
from cimaise.archives.archive import Archives
from cimaise.delivery.guard import Guard
from cimaise.delivery.open_files import OpenFiles
from cimaise.delivery.shared_caches import SharedCaches
from cimaise.delivery.tally import Tally
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
from cimaise.uploads.capabilities import Capabilities
from cimaise.uploads.cleanup import Cleanup
from cimaise.uploads.doors.companion import CompanionUploads
from cimaise.uploads.doors.companion_form import SingleForms
from cimaise.uploads.doors.direct import DirectUploads
from cimaise.uploads.doors.tus import TusUploads
from cimaise.uploads.fsck import Fsck
from cimaise.uploads.move_keys import KeyMover
from cimaise.uploads.publish import Publisher
from cimaise.uploads.statistics import UploadStatistics
from cimaise.uploads.streaming import Streams
from cimaise.usage import Usage
from cimaise.web.asgi.background import Background
from cimaise.web.asgi.ready_access_log import AnsweredAtOnce
from cimaise.web.limits.limiting import Limiter
from cimaise.web.lines import Line
from cimaise.web.operation.kept_text import KeptText
from cimaise.webhooks.service import Webhooks


@dataclass(frozen=True, slots=True)
class Access:
    """Who somebody is, and what opens a door to them."""

    accounts: Accounts
    keys: Keys
    sessions: Sessions
    authenticator: Authenticator
    links: Links
    rights_changes: RightsChanges
    upload_tokens: UploadTokens
    shares: Shares
    account_passwords: AccountPasswords
    challenges: Challenges
    registration: Registration
    invitations: Invitations
    oidc: OidcSignIn | None
    watch: Watch
    bans: Bans


@dataclass(frozen=True, slots=True)
class Uploads:
    """Every way for bytes to come in, and what looks after them there."""

    direct: DirectUploads
    companion: CompanionUploads
    single_forms: SingleForms
    streams: Streams
    tus: TusUploads
    publisher: Publisher
    cleanup: Cleanup
    fsck: Fsck
    key_mover: KeyMover
    capabilities: Capabilities
    statistics: UploadStatistics


@dataclass(frozen=True, slots=True)
class Delivery:
    """Originals on their way out, and what stands around a transfer."""

    originals: Originals
    archives: Archives
    guard: Guard
    tally: Tally
    shared_caches: SharedCaches
    edge: EdgeLinks | None
    open_files: OpenFiles
    own_files: OpenFiles


@dataclass(frozen=True, slots=True)
class Images:
    """Pictures in other sizes, and what is kept of them."""

    variants: Variants
    headers: Headers
    answers: Answers
    own_answers: OwnAnswers
    policy: ImagePolicy
    spec_limits: SpecLimits
    cleaner: Cleaner
    check_cache: Callable[[], Awaitable[None]]
    cached_bytes: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Library:
    """What is published."""

    collections: Collections
    files: Files
    deleted: Deleted
    arrangement: Arrangement
    takedowns: Takedowns


@dataclass(frozen=True, slots=True)
class Operation:
    """What is counted, limited and told to others."""

    usage: Usage
    at_once: AnsweredAtOnce
    metrics_text: KeptText
    webhooks: Webhooks
    limiter: Limiter
    background: Background
    hurry: Callable[[str], None]  # runs a job soon, by its name
    lines: Sequence[Line]  # the URL map, for the reference
