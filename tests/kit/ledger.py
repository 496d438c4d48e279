"""A client that counts what it sends and gets, to be compared with what a server says of it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

MOVED = ("/files/", "/zip")
"""In the addresses of what is a transfer, where bytes of it came."""


@dataclass
class Ledger:
    """What one person's requests were: bodies as they are on the wire."""

    requests: int = 0
    sent: int = 0
    received: int = 0
    transfers: int = 0
    transferred: int = 0
    statuses: Counter[int] = field(default_factory=Counter)

    def note(self, request: httpx2.Request, answer: httpx2.Response) -> None:
        """One request that has been answered whole."""
        self.requests += 1
        self.sent += len(request.read())
        self.received += answer.num_bytes_downloaded
        self.statuses[answer.status_code] += 1
        is_moved = any(part in request.url.path for part in MOVED) and request.method == "GET"
        if is_moved and answer.is_success and answer.num_bytes_downloaded:
            self.transfers += 1
            self.transferred += answer.num_bytes_downloaded


class CountingClient(httpx2.Client):
    """Signs in with a key, where there is one, and counts in a ledger."""

    def __init__(self, url: str, ledger: Ledger, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        super().__init__(base_url=url, timeout=60, headers=headers)
        self.ledger = ledger

    def send(self, request: httpx2.Request, **more: Any) -> httpx2.Response:
        """Send and count."""
        answer = super().send(request, **more)
        self.ledger.note(request, answer)
        return answer
