"""Short forms of our own pages, sent by browsers without script: HTML, "form submission"."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse

from cimaise.errors import Invalid, Malformed, TypeNotAllowed
from cimaise.rfc.media_types import parse_media_type
from cimaise.rfc.texts import require_no_nul
from cimaise.web.call import Call

_FORM: Final = "application/x-www-form-urlencoded"
_MAX_BYTES: Final = 16 * 1024
_SEE_OTHER: Final = 303


async def read_form(call: Call, *, max_bytes: int = _MAX_BYTES) -> dict[str, str]:
    """The fields of a short form; the last one where a name is repeated.

    Raises:
        TypeNotAllowed: Not sent as a browser sends a form without files.
        Malformed: It cannot be read, holds NUL, or is longer than ``max_bytes``.
    """
    parsed = parse_media_type(call.header("content-type") or "")
    if parsed is None or parsed[0] != _FORM:
        raise TypeNotAllowed(f"This form is sent as {_FORM}.", code="wrong_encoding")
    body = bytearray()
    async for chunk in call.chunks():
        body += chunk
        if len(body) > max_bytes:
            raise Malformed("The form is too long.")
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as fault:
        raise Malformed("The form cannot be read.") from fault
    form = {name: values[-1] for name, values in fields.items()}
    require_no_nul(form)
    return form


def whole_number(form: Mapping[str, str], field: str, most: int, refusal: str) -> int | None:
    """A number from 1 to ``most``, or ``Invalid``; ``None`` where nothing was written."""
    text = form.get(field, "").strip()
    if not text:
        return None
    is_short = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    number = int(text) if is_short else 0
    if not 1 <= number <= most:
        raise Invalid(refusal, field=field)
    return number


def go_on(path: str) -> RedirectResponse:
    """After a form was taken: another page, so that a reload sends nothing twice."""
    return RedirectResponse(path, _SEE_OTHER, {"cache-control": "no-store"})
