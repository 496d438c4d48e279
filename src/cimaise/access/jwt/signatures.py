"""Signatures of tokens (RFC 7515), by joserfc: loaded where tokens are verified at all."""

from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key, OctKey

_VERIFIED_AS: Final = {name: name for name in ("HS256", "RS256", "ES256", "Ed25519")} | {
    "EdDSA": "Ed25519"  # the older name, here for that curve only (RFC 9864)
}


class _Algorithms(jws.JWSRegistry):
    """The algorithms that are ever used here, and sizes of headers met in practice."""

    max_header_length = 4096

    def get_alg(self, name: str) -> Any:
        """What verifies it."""
        if name not in _VERIFIED_AS:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[_VERIFIED_AS[name]]


_REGISTRY: Final = _Algorithms(strict_check_header=False)


def key_of(secret: bytes) -> Key:
    """The key of HS256; ``ValueError`` where the secret is a public key."""
    return OctKey.import_key(secret)


def verified(token: str, key: Key) -> bytes:
    """What a token holds; ``ValueError`` where it is malformed or the signature is wrong."""
    try:
        return jws.deserialize_compact(token, key, registry=_REGISTRY).payload or b""
    except (JoseError, TypeError, RecursionError) as fault:
        raise ValueError("the token is not valid") from fault
