"""Which pages of other origins may call us (Fetch Standard, CORS protocol)."""

from enum import Enum
from typing import Final

from starlette.requests import Request

from cimaise.settings import Settings

_EXPOSED: Final = (
    "ETag, Location, Content-Range, Accept-Ranges, X-Request-Id, Retry-After, Upload-Offset,"
    " Upload-Length, Tus-Version, Tus-Resumable, Tus-Max-Size, Tus-Extension,"
    " Tus-Checksum-Algorithm, Upload-Metadata, Upload-Defer-Length, Upload-Concat,"
    " Upload-Expires, Upload-Complete, Upload-Limit"
)
_ACCEPTED: Final = (
    "authorization, content-type, uppy-auth-token, uppy-credentials-params, tus-resumable,"
    " upload-length, upload-offset, upload-metadata, upload-defer-length, upload-concat,"
    " upload-checksum, x-http-method-override, x-request-id, x-requested-with, upload-complete,"
    " upload-draft-interop-version, challenge-answer, content-digest, repr-digest"
)


class Cors(Enum):
    """Who may read an answer from a page of another origin."""

    NONE = "none"  # nobody
    PUBLIC = "public"  # everybody, without credentials
    UPLOADS = "uploads"  # the origins in the settings, with credentials


def cors_headers(kind: Cors, request: Request, settings: Settings) -> dict[str, str]:
    """Headers of an answer."""
    if kind is Cors.PUBLIC:
        return {"access-control-allow-origin": "*"}
    if kind is Cors.UPLOADS:
        return _for_uploads(request, settings)
    return {}


def preflight_headers(
    kind: Cors, request: Request, settings: Settings, allowed: tuple[str, ...]
) -> dict[str, str]:
    """Headers of the answer to ``OPTIONS``; none for origins that may not."""
    headers = cors_headers(kind, request, settings)
    if headers:
        headers |= {
            "access-control-allow-methods": ", ".join(allowed),
            "access-control-allow-headers": _ACCEPTED
            if kind is Cors.UPLOADS
            else "range, if-range",
            "access-control-max-age": "86400",
        }
    return headers


def _for_uploads(request: Request, settings: Settings) -> dict[str, str]:
    origin = request.headers.get("origin")
    origins = settings.server.allowed_origins
    if origin is None or not origins:
        return {}
    if "*" in origins:
        return {"access-control-allow-origin": "*", "access-control-expose-headers": _EXPOSED}
    if origin not in origins:
        return {"vary": "Origin"}
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": _EXPOSED,
        "vary": "Origin",
    }
