"""An account that somebody makes for themselves: name, password, perhaps an e-mail address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from cimaise.access.accounts.account_passwords import AccountPasswords, set_password
from cimaise.access.accounts.emails import require_email
from cimaise.access.accounts.names import require_name
from cimaise.access.accounts.rows import Account, account_by_email, add_account
from cimaise.access.policy import Role
from cimaise.database.engine import Database
from cimaise.errors import Forbidden, WrongState


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to be called, and to sign in by."""

    name: str
    password: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """The same, checked, the password hashed; ``email`` of ``None`` for none."""

    name: str
    hashed: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Registration:
    """Makes accounts for those who ask.

    Attributes:
        is_open: Anybody may, who has solved a challenge.
    """

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    passwords: AccountPasswords
    is_open: bool

    async def register(self, wanted: Wanted) -> Account:
        """A member's account. Whoever calls has seen a challenge solved.

        Raises:
            Forbidden: Registration is not open.
            Invalid: Name, address or password is refused.
            WrongState: ``already_exists``: the name or address is taken.
        """
        self.require_open()
        ready, now = await self.prepare(wanted), self.clock()
        return await self.database.write(
            lambda connection: self.add(connection, ready, role=Role.MEMBER, limits={}, now=now)
        )

    def require_open(self) -> None:
        """Anybody may register, or ``Forbidden``."""
        if not self.is_open:
            raise Forbidden("Accounts are made by invitation here.")

    async def prepare(self, wanted: Wanted) -> Ready:
        """Check everything that needs no database, and hash the password."""
        name = wanted.name.strip().lower()
        require_name(name)
        email = require_email(wanted.email) if wanted.email.strip() else None
        hashed = await self.passwords.hash_new(wanted.password, name, email or "")
        return Ready(name, hashed, email)

    def add(
        self,
        connection: Connection,
        ready: Ready,
        *,
        role: Role,
        limits: Mapping[str, int | None],
        now: datetime,
    ) -> Account:
        """A step of a transaction: the account with its password, or ``WrongState``."""
        account = Account(
            self.new_id(), ready.name, role, 0, limits.get("daily_bytes"),
            limits.get("daily_files"), limits.get("total_bytes"), now, email=ready.email,
            is_self_named=True,
        )  # fmt: skip
        if not add_account(connection, account, by=None):
            taken = account_by_email(connection, ready.email) if ready.email else None
            what = "e-mail address" if taken else "name"
            raise WrongState(f"This {what} is taken.", code="already_exists")
        set_password(connection, account.id, ready.hashed, now=now, by=account.id)
        return account
