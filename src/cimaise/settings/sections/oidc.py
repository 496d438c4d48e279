"""Signing in with somebody else's accounts."""

from dataclasses import dataclass

from cimaise.settings import parsing as p
from cimaise.settings.knob import knob


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """An OpenID Connect provider that people sign in with. Off where no issuer is set."""

    issuer: str = knob("", p.parse_web_url, "The provider, as it names itself.")
    client_id: str = knob("", p.parse_text, "What the provider calls this server.")
    client_secret: str = knob(
        "", p.parse_text, "What it knows this server by; none for a public client.", secret=True
    )
    client_auth: str = knob(
        "client_secret_basic",
        p.parse_text,
        "How the secret is sent.",
        choices=("client_secret_basic", "client_secret_post"),
    )
    label: str = knob("single sign-on", p.parse_text, "What the sign-in page calls it.")
    scopes: tuple[str, ...] = knob(
        ("openid", "profile", "email"), p.parse_names, "What is asked for; openid always is."
    )
    create: bool = knob(
        default=False,
        parse=p.parse_flag,
        meaning="Whoever signs in there for the first time gets an account here.",
    )
    name_claim: str = knob(
        "preferred_username", p.parse_text, "The claim that a new account is named after."
    )
    role_claim: str = knob(
        "", p.parse_text, "The claim with groups or roles; none: roles are set here alone."
    )
    admin_values: tuple[str, ...] = knob(
        (), p.parse_names, "Values of the role's claim that make an administrator."
    )
    member_values: tuple[str, ...] = knob(
        (),
        p.parse_names,
        "Values of the role's claim that let a member in; none: whoever has an account there.",
    )
