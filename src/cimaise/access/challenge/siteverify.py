"""Turnstile, hCaptcha and reCAPTCHA: their widgets, and their one protocol to verify an answer.

All three take ``secret``, ``response`` and ``remoteip`` as a form by POST, and answer JSON with
``success`` and ``hostname``; Turnstile says the ``action`` that its widget was shown with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from cimaise.access.challenge.base import Widget
from cimaise.access.outbound import TIMEOUT_S, ask
from cimaise.access.secret_texts import digest_of
from cimaise.errors import UpstreamFailed
from cimaise.telemetry import log

_TIMEOUT_S: Final = TIMEOUT_S
_OK: Final = 200
_OWN_FAULTS: Final = frozenset(
    {
        "missing-input-secret",
        "invalid-input-secret",
        "sitekey-secret-mismatch",
        "internal-error",
        "not-using-dummy-passcode",
        "bad-request",
    }
)
"""Error codes that say nothing of the answer: the settings are wrong, or their server is."""


class _Verdict(msgspec.Struct):
    success: bool
    hostname: str | None = None
    action: str | None = None
    error_codes: list[str] = msgspec.field(name="error-codes", default_factory=list)


@dataclass(frozen=True, slots=True)
class SiteVerify:
    """One of the services.

    Attributes:
        widget: For pages.
        secret_key: Known to us and to them.
        url: Where answers are verified.
        hostname: That the widget must have been shown on; empty: any.
    """

    widget: Widget
    secret_key: str
    url: str
    hostname: str

    def offer(self) -> Mapping[str, Any]:
        """What a page of one's own needs to show the widget."""
        told = {"kind": self.widget.kind, "site_key": self.widget.site_key}
        return told | ({"action": self.widget.action} if self.widget.action else {})

    async def verify(self, answer: str, *, address: str) -> str | None:
        """A digest of the answer, where they say that it is right."""
        form = {"secret": self.secret_key, "response": answer, "remoteip": address}
        verdict = await self._ask({name: text for name, text in form.items() if text})
        if _OWN_FAULTS & set(verdict.error_codes):
            log("challenge_failed", level="error", codes=verdict.error_codes)
            raise UpstreamFailed("The challenge can't be verified now.")
        is_here = not self.hostname or verdict.hostname in (None, self.hostname)
        is_meant = not self.widget.action or verdict.action in (None, "", self.widget.action)
        return digest_of(answer) if verdict.success and is_here and is_meant else None

    async def _ask(self, form: Mapping[str, str]) -> _Verdict:
        status, answer = await ask(
            self.url, whom="The challenge's server", form=form, timeout_s=_TIMEOUT_S
        )
        try:
            verdict = msgspec.convert(answer, _Verdict)
        except msgspec.ValidationError as fault:
            raise UpstreamFailed("The challenge can't be verified now.") from fault
        if status != _OK:
            raise UpstreamFailed("The challenge can't be verified now.")
        return verdict
