"""The sign-in provider, wired."""

from cimaise.access.keys.cache import KeyCache
from cimaise.access.oidc.identities import Rules
from cimaise.access.oidc.provider import Provider
from cimaise.access.oidc.sign_in import OidcSignIn
from cimaise.access.signing import Signer
from cimaise.app.parts import Parts
from cimaise.app.sources import random_id, utc_now
from cimaise.settings import Settings


def open_oidc(settings: Settings, parts: Parts, known: KeyCache) -> OidcSignIn | None:
    """The one that is set; ``None`` where none is. Nothing is asked of it yet.

    Raises:
        ValueError: An issuer without a client's id.
    """
    chosen = settings.oidc
    if not chosen.issuer:
        return None
    if not chosen.client_id:
        raise ValueError("CIMAISE_OIDC_ISSUER: needs CIMAISE_OIDC_CLIENT_ID")
    provider = Provider(
        chosen.issuer,
        chosen.client_id,
        chosen.client_secret,
        utc_now,
        secret_in_body=chosen.client_auth == "client_secret_post",
    )
    rules = Rules(
        chosen.create,
        chosen.name_claim,
        chosen.role_claim,
        chosen.admin_values,
        chosen.member_values,
    )
    return OidcSignIn(
        provider,
        rules,
        parts.database,
        parts.state,
        Signer(parts.secret, parts.former_secrets),
        known,
        utc_now,
        random_id,
        redirect_uri=f"{settings.public_url}/oidc/callback",
        home=settings.public_url,
        scopes=chosen.scopes,
    )
