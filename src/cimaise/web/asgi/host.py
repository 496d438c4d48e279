"""Inside another application: that one says who somebody is, and ours signs nobody in."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from starlette.types import Scope

from cimaise.access.policy import GUEST, Principal, Role
from cimaise.access.subjects import Subjects
from cimaise.errors import Forbidden
from cimaise.web.asgi.mounting import ARRIVED

_MAX_CHARS: Final = 255


class Person(NamedTuple):
    """Somebody whom the application around us knows; a plain pair does as well.

    Attributes:
        account: Names the account, the same for the same person: a user's id or name. An account
            is made when it is seen for the first time.
        role: ``member`` or ``admin``.
    """

    account: str
    role: str = Role.MEMBER.value


Told = Person | tuple[str, str] | None
Ask = Callable[[Scope], Told | Awaitable[Told]]
"""From the ASGI scope, as the application around us passed it on, to who asks; ``None``: nobody."""


@dataclass(frozen=True, slots=True)
class Host:
    """The application around us.

    Attributes:
        ask: Who somebody is.
        subjects: The accounts that stand for them here.
        sign_in_url: Where pages send people to sign in; empty: they do not.
    """

    ask: Ask
    subjects: Subjects
    sign_in_url: str = ""

    async def principal(self, scope: Scope) -> Principal:
        """Who asks; a guest where the application around us knows nobody.

        Raises:
            Forbidden: The account was disabled here.
            ValueError: What came back is nobody: a mistake of the application around us.
        """
        told = self.ask(scope[ARRIVED])
        found = await told if inspect.isawaitable(told) else told
        if found is None:
            return GUEST
        person = Person(*found)
        if not 1 <= len(person.account) <= _MAX_CHARS or not person.account.isprintable():
            raise ValueError(f"an account is a text of 1 to {_MAX_CHARS} characters")
        account = await self.subjects.account_as(person.account, Role(person.role))
        if account.disabled_at is not None:
            raise Forbidden("The account is disabled.")
        return account.principal
