"""A certified OpenID provider (npm's ``oidc-provider``) with keys and people of the test's own."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from joserfc.jwk import ECKey, RSAKey

from tests.kit.backends import left_out
from tests.kit.free_port import free_port

CLIENTS: Final = Path(__file__).parents[1] / "clients"
CLIENT_ID: Final = "cimaise"
CLIENT_SECRET: Final = "a secret of ours: with + / and %"
PEOPLE: Final[Mapping[str, Mapping[str, Any]]] = {
    "subject-maria": {
        "preferred_username": "Maria", "email": "maria@example.org", "email_verified": True,
        "groups": ["staff"],
    },
    "subject-boss": {"preferred_username": "boss", "groups": ["staff", "media-admins"]},
    "subject-odd": {"preferred_username": "Ö / odd", "groups": []},
}  # fmt: skip


def require_installed() -> None:
    """The provider is installed from its lock file, or the test is left out."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        left_out("node and npm, for oidc-provider")
    if not (CLIENTS / "node_modules" / "oidc-provider").is_dir():
        ran = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund"], cwd=CLIENTS, capture_output=True, check=False
        )
        if ran.returncode:
            left_out("oidc-provider, which npm could not install")


def signing_key(kid: str, *, kind: str = "RSA") -> dict[str, Any]:
    """A private key as the provider takes it."""
    if kind == "EC":
        made: Any = ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})
    else:
        made = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})
    return dict(made.as_dict(private=True))


@dataclass(frozen=True)
class OidcProvider:
    """Answers at ``issuer``; ``callback`` is where it sends browsers back to."""

    issuer: str
    callback: str

    def walk(self, browser: httpx2.Client, url: str, who: str) -> str:
        """Sign in and consent by its pages; gives the address that leads back."""
        answer = browser.get(url)
        for _ in range(20):
            if answer.is_redirect:
                url = str(httpx2.URL(str(answer.url)).join(answer.headers["location"]))
                if url.startswith(self.callback):
                    return url
                answer = browser.get(url)
                continue
            assert answer.status_code == 200, answer.text
            (action,) = re.findall(r'action="([^"]+)"', answer.text)[:1]
            (prompt,) = re.findall(r'name="prompt" value="(\w+)"', answer.text)
            form = {"prompt": prompt, "login": who, "password": "any"}
            answer = browser.post(action, data=form)
        raise AssertionError("the provider leads nowhere")


@contextmanager
def running_provider(
    callback: str,
    *,
    keys: Sequence[Mapping[str, Any]],
    port: int = 0,
    algorithm: str = "RS256",
    home: str = "http://127.0.0.1",
    is_public: bool = False,
) -> Iterator[OidcProvider]:
    """Start one; a second at the same ``port`` is the same provider after a restart."""
    require_installed()
    chosen = port or free_port()
    client: dict[str, Any] = {
        "client_id": CLIENT_ID, "redirect_uris": [callback], "post_logout_redirect_uris": [home],
        "id_token_signed_response_alg": algorithm,
    }  # fmt: skip
    client |= (
        {"token_endpoint_auth_method": "none"} if is_public else {"client_secret": CLIENT_SECRET}
    )
    facts = {"port": chosen, "jwks": {"keys": list(keys)}, "clients": [client], "people": PEOPLE}
    process = subprocess.Popen(
        ["node", str(CLIENTS / "oidc_provider.mjs"), json.dumps(facts)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield OidcProvider(f"http://127.0.0.1:{chosen}", callback)
    finally:
        process.terminate()
        process.communicate(timeout=10)
