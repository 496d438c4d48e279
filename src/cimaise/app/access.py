"""Who somebody is, wired."""

from cimaise.access.accounts.account_passwords import AccountPasswords
from cimaise.access.accounts.accounts import Accounts
from cimaise.access.accounts.invitations import Invitations
from cimaise.access.accounts.passwords import Costs, Passwords
from cimaise.access.accounts.registration import Registration
from cimaise.access.challenge.asking import Challenges
from cimaise.access.challenge.table import open_challenge
from cimaise.access.jwt.jwks import KeyRing, key_set_fetcher
from cimaise.access.jwt.jwts import jwt_verifier
from cimaise.access.keys.cache import KeyCache
from cimaise.access.keys.keys import Keys
from cimaise.access.links.links import Links
from cimaise.access.links.shares import Shares
from cimaise.access.links.upload_tokens import UploadTokens
from cimaise.access.rights_changes import RightsChanges
from cimaise.access.risk.bans import Bans
from cimaise.access.risk.watch import Watch
from cimaise.access.sessions.sessions import Sessions
from cimaise.access.signing import Signer
from cimaise.access.subjects import Subjects
from cimaise.access.tokens import Authenticator
from cimaise.app.oidc import open_oidc
from cimaise.app.parts import Parts
from cimaise.app.sources import random_id, utc_now
from cimaise.database.engine import Database
from cimaise.settings import Settings
from cimaise.web.features import Access


def open_access(settings: Settings, parts: Parts) -> Access:
    """Accounts and what opens the door to them."""
    watch = _open_watch(settings, parts)
    database, known = parts.database, KeyCache(utc_now)
    links = Links(
        database,
        utc_now,
        random_id,
        Signer(parts.secret, parts.former_secrets),
        settings.links.ttl,
    )
    known.follow(links.cache.empty)
    known.follow(parts.own_answers.change)
    changes = RightsChanges(parts.state, known.empty, doubt=parts.own_answers.change)
    known.tell = links.cache.tell = changes.tell
    auth, chosen = settings.auth, settings.passwords
    passwords = Passwords(Costs(chosen.memory_kib, chosen.passes, chosen.lanes, chosen.at_once))
    own = AccountPasswords(database, utc_now, parts.state, passwords, chosen.min_chars)
    challenges = _challenges(settings, parts)
    registration = _registration(settings, parts, own, challenges)
    return Access(
        accounts=Accounts(database, utc_now, random_id, known),
        keys=Keys(database, utc_now, random_id, known),
        sessions=Sessions(database, utc_now, random_id, auth.session_ttl, auth.sign_in_ttl),
        authenticator=_authenticator(settings, database, known),
        links=links,
        rights_changes=changes,
        upload_tokens=UploadTokens(database, utc_now, random_id),
        shares=Shares(
            database,
            utc_now,
            random_id,
            Signer(parts.secret, parts.former_secrets),
            parts.state,
            passwords,
        ),
        account_passwords=own,
        oidc=open_oidc(settings, parts, known),
        challenges=challenges,
        registration=registration,
        invitations=Invitations(
            database, utc_now, random_id, registration, settings.registration.invitation_ttl
        ),
        watch=watch,
        bans=Bans(database, utc_now, random_id, watch.hurry),
    )


def _challenges(settings: Settings, parts: Parts) -> Challenges:
    chosen = settings.challenge
    challenge = open_challenge(
        chosen,
        secret=Signer(parts.secret).key_of("challenge"),
        clock=utc_now,
        public_url=settings.public_url,
    )
    return Challenges(challenge, parts.state, chosen.after_failures, chosen.ttl)


def _registration(
    settings: Settings, parts: Parts, passwords: AccountPasswords, challenges: Challenges
) -> Registration:
    is_open = settings.registration.open
    if is_open and challenges.challenge is None:
        raise ValueError("CIMAISE_REGISTRATION_OPEN: needs a challenge, and that is switched off")
    return Registration(parts.database, utc_now, random_id, passwords, is_open)


def _authenticator(settings: Settings, database: Database, keys: KeyCache) -> Authenticator:
    auth = settings.auth
    ring = KeyRing(key_set_fetcher(auth.jwks_url), utc_now) if auth.jwks_url else None
    verifier = jwt_verifier(
        clock=utc_now,
        secret=auth.jwt_secret,
        key_ring=ring,
        issuer=auth.issuer,
        audience=auth.audience,
    )
    return Authenticator(database, utc_now, keys, Subjects(database, utc_now, random_id), verifier)


def _open_watch(settings: Settings, parts: Parts) -> Watch:
    """Who is to be met with care, and who not at all."""
    limits = settings.limits
    return Watch(
        parts.database,
        utc_now,
        slow_at=limits.risk_slow,
        challenge_at=limits.risk_challenge,
    )
