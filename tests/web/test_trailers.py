"""Fields behind a body, wherever a server puts them."""

from typing import Any

import pytest
from starlette.requests import Request

from cimaise.access.policy import GUEST
from cimaise.web.call import Call

HEAD = [(b"host", b"localhost"), (b"upload-checksum", b"sha1 head")]
BEHIND = (b"upload-checksum", b"sha1 behind")


@pytest.mark.parametrize("is_appended", [True, False])
def test_a_header_of_the_start_is_not_taken_for_a_trailer(is_appended: bool):
    head = list(HEAD)
    arrived = head if is_appended else []
    services: Any = None
    request = Request({"type": "http", "headers": list(head)})
    call = Call(request, GUEST, services, "id", arrived)
    assert call.trailer("Upload-Checksum") is None
    arrived.append(BEHIND)
    assert call.trailer("Upload-Checksum") == "sha1 behind"
