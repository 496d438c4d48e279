"""Everything that can go wrong, named by what the caller can do about it. No HTTP here.

    CimaiseError
    ├── Malformed            the request cannot be read: mend its form
    ├── NotSignedIn          say who you are
    ├── Forbidden            you are known, and it is not yours
    ├── NotFound             there is no such thing, or none that you may know of
    ├── MethodNotAllowed     the thing exists, the verb does not
    ├── WrongState           it is not in a state that allows this
    ├── Gone                 it was there and will not come back
    ├── LengthRequired       say how long it is
    ├── PreconditionFailed   it is not what you believed it to be
    ├── TooLarge             more than a limit; which one is said
    ├── TypeNotAllowed       the kind of file is refused
    ├── RangeNotSatisfiable  the range lies outside
    ├── Invalid              well-formed, but a field's value is refused
    ├── TooMany              later: you asked too often
    ├── TakenDown            removed for legal reasons
    ├── UpstreamFailed       another server failed us
    ├── UpstreamTimedOut     another server did not answer in time
    ├── Unavailable          we are busy, or a store of ours is away: later
    ├── ClientGone           nobody listens any more
    └── BrokenTransfer       bytes failed after the reply began: the connection must be cut

Each class has a stable ``code``. A raise may name a finer code, but only one from
:data:`CODES`, which the manual lists in full.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

CODES: Final[dict[str, str]] = {
    "malformed": "The request cannot be read.",
    "url_not_allowed": "The address of a remote picture is refused.",
    "bad_signature": "A signed URL was altered or is not one of ours.",
    "not_signed_in": "The request needs an account.",
    "password_needed": "A shared album asks for its password.",
    "bad_credentials": "The key, token or sign-in is not valid.",
    "forbidden": "The account may not do this.",
    "banned": "An operator keeps this account or address out.",
    "challenge_needed": "A challenge has to be solved first; the answer says where one is.",
    "cross_site": "A cookie came with a request from another site.",
    "hotlink": "Another site embeds what may not be shown there.",
    "crawler": "Programs that collect are refused.",
    "expired_signature": "A signed URL is past its time.",
    "not_found": "There is no such thing.",
    "file_missing": "The record is there, its bytes are not.",
    "method_not_allowed": "The address does not know this method.",
    "wrong_state": "The thing is not in a state that allows this.",
    "already_exists": "The name is taken.",
    "lease_lost": "Another process has taken the work over.",
    "taken_over": "Another request goes on with the upload.",
    "part_mismatch": "A part is missing or its ETag is another one.",
    "gone": "It was there and will not come back.",
    "expired": "The session or link is past its time.",
    "spent": "The link has been used as often as it may.",
    "length_required": "The request must say its length.",
    "precondition_failed": "The thing is not what the request believed it to be.",
    "too_large": "More than a limit allows.",
    "quota_exceeded": "The account's quota does not have room for it.",
    "type_not_allowed": "This kind of file is refused.",
    "wrong_encoding": "The body is sent in another way than this address takes.",
    "not_an_image": "The bytes are no picture that can be read.",
    "range_not_satisfiable": "The range lies outside of the file.",
    "invalid": "A field has a value that is refused.",
    "parts_required": "The parts and their ETags must be listed.",
    "size_mismatch": "The bytes are not as many as were declared or signed.",
    "type_mismatch": "The type is another one than was signed.",
    "checksum_mismatch": "The stored bytes do not have the declared checksum.",
    "too_many_pixels": "The picture has more pixels than the limit.",
    "too_complex": "The picture takes more time or memory than it may.",
    "too_many": "Too many requests.",
    "transfer_rate": "Too many transfers began within a minute.",
    "transfers_at_once": "Too many transfers at the same time.",
    "taken_down": "Removed for legal reasons.",
    "upstream_failed": "Another server answered with an error or not at all.",
    "upstream_timed_out": "Another server did not answer in time.",
    "unavailable": "A store of the server cannot be reached.",
    "not_supported": "The storage does not know what was asked of it.",
    "busy": "The server has as much work as it can take.",
    "deadline": "The server could not answer within its own deadline.",
    "client_gone": "The client closed the connection.",
    "broken_transfer": "The bytes failed after the reply began.",
    "internal": "The server made a mistake.",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that was hit.

    Attributes:
        name: Name of the limit, as the settings or the policy call it.
        value: What it allows (bytes, pixels, files, as its name says).
        actual: What was found, where known.
    """

    name: str
    value: int
    actual: int | None = None


class CimaiseError(Exception):
    """Something that was foreseen. ``message`` is a sentence for people and may leave the server.

    Attributes:
        message: Public sentence. Never holds a server path, storage key or stack trace.
        code: One of :data:`CODES`.
        limit: The limit that was hit, where one was.
        field: The field of the request that is refused, where one is.
        retry_after_s: Whole seconds after which trying again makes sense, where known.
    """

    default_code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        limit: Limit | None = None,
        field: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.limit = limit
        self.field = field
        self.retry_after_s = retry_after_s


class Malformed(CimaiseError):
    """The request cannot be read."""

    default_code = "malformed"


class NotSignedIn(CimaiseError):
    """The request needs an account, or its credentials are not valid."""

    default_code = "not_signed_in"


class Forbidden(CimaiseError):
    """The principal is known and may not do this."""

    default_code = "forbidden"


class NotFound(CimaiseError):
    """There is no such thing, or none that the principal may know of."""

    default_code = "not_found"


class MethodNotAllowed(CimaiseError):
    """The thing exists, the verb does not. ``allowed`` lists those that do."""

    default_code = "method_not_allowed"

    def __init__(self, message: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class WrongState(CimaiseError):
    """The thing is not in a state that allows this; asking again does not help by itself."""

    default_code = "wrong_state"


class Gone(CimaiseError):
    """It was there, and will not come back: an expired session, a spent link."""

    default_code = "gone"


class LengthRequired(CimaiseError):
    """The request must say how long it is."""

    default_code = "length_required"


class PreconditionFailed(CimaiseError):
    """The thing is not what the request (or an ``if_etag``) believed it to be."""

    default_code = "precondition_failed"


class TooLarge(CimaiseError):
    """More bytes, files or parts than a limit allows."""

    default_code = "too_large"


class TypeNotAllowed(CimaiseError):
    """This kind of file is refused."""

    default_code = "type_not_allowed"


class RangeNotSatisfiable(CimaiseError):
    """The range lies outside of the representation. ``size`` is its length in bytes."""

    default_code = "range_not_satisfiable"

    def __init__(self, message: str, *, size: int) -> None:
        super().__init__(message)
        self.size = size


class Invalid(CimaiseError):
    """Well-formed, but the value of ``field`` is refused."""

    default_code = "invalid"


class TooMany(CimaiseError):
    """Asked too often; ``retry_after_s`` says when again."""

    default_code = "too_many"


class TakenDown(TypeNotAllowed):
    """Removed for legal reasons: content that is not allowed, whoever sends or asks for it."""

    default_code = "taken_down"


class UpstreamFailed(CimaiseError):
    """Another server that we asked failed."""

    default_code = "upstream_failed"


class UpstreamTimedOut(CimaiseError):
    """Another server that we asked did not answer in time."""

    default_code = "upstream_timed_out"


class Unavailable(CimaiseError):
    """A store of ours is away, or all places are taken; ``retry_after_s`` is always set."""

    default_code = "unavailable"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: int = 5) -> None:
        super().__init__(message, code=code, retry_after_s=retry_after_s)


def is_ours(fault: BaseException) -> bool:
    """Nobody's who asked: a store or another server failed, or we made a mistake."""
    if isinstance(fault, CimaiseError):
        return isinstance(fault, UpstreamFailed | UpstreamTimedOut | Unavailable)
    return isinstance(fault, Exception)


class ClientGone(CimaiseError):
    """The client closed the connection; nobody can be told, only the log."""

    default_code = "client_gone"


class BrokenTransfer(CimaiseError):
    """Bytes failed after the reply began: the connection must be cut, never ended cleanly."""

    default_code = "broken_transfer"
