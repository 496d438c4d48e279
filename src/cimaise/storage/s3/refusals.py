"""What S3 and what is called so says when it refuses, in our words: the one translation."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from cimaise.errors import (
    CimaiseError,
    Invalid,
    PreconditionFailed,
    RangeNotSatisfiable,
    Unavailable,
)
from cimaise.storage.checks import no_object, no_upload, part_mismatch

_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]{1,100})</Code>")


def error_code(body: bytes) -> str:
    """The code in an error's XML, or nothing."""
    match = _CODE.search(body)
    return match[1].decode("ascii") if match else ""


def refusal(status: int, code: str) -> CimaiseError:
    """Our error for a status of HTTP and S3's code, which may be empty (HEAD has no body).

    What says that the bucket or our rights are not as they should be is ``Unavailable``, never
    ``NotFound``: nobody may conclude from it that an object is gone.
    """
    make = _BY_CODE.get(code) or _BY_STATUS.get(status)
    return make() if make else Unavailable(f"The storage refused with {code or status}.")


def _no_bucket() -> CimaiseError:
    return Unavailable("The storage's bucket is not there.")


def _bad_parts() -> CimaiseError:
    return part_mismatch("A part is missing, too short or another one.")


def _bad_body() -> CimaiseError:
    return Invalid("The storage refused the bytes.", code="size_mismatch")


def _other_version() -> CimaiseError:
    return PreconditionFailed("The object is another version by now.")


def _not_supported() -> CimaiseError:
    return Unavailable("The storage does not know this call.", code="not_supported")


def _no_range() -> CimaiseError:
    return RangeNotSatisfiable("The range lies outside of the object.", size=0)


_BY_CODE: Final[Mapping[str, Callable[[], CimaiseError]]] = {
    "NoSuchUpload": no_upload,
    "NoSuchBucket": _no_bucket,
    "InvalidPart": _bad_parts,
    "InvalidPartOrder": _bad_parts,
    "EntityTooSmall": _bad_parts,
    "BadDigest": _bad_body,
    "IncompleteBody": _bad_body,
    "EntityTooLarge": _bad_body,
    "NotImplemented": _not_supported,
}
_BY_STATUS: Final[Mapping[int, Callable[[], CimaiseError]]] = {
    404: no_object,
    412: _other_version,
    416: _no_range,
    501: _not_supported,
}


def unreachable() -> CimaiseError:
    """No answer at all."""
    return Unavailable("The storage cannot be reached.")
