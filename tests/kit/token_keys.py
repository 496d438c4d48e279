"""Keys that issuers of tokens have, made once for a run, and tokens signed with them."""

import base64
import hashlib
import hmac
import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, OKPKey, RSAKey

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def rsa_key(name: str = "first", bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key; one for each name."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(name: str = "first") -> ec.EllipticCurvePrivateKey:
    """A key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def ed_key(name: str = "first") -> ed25519.Ed25519PrivateKey:
    """A key on Ed25519."""
    return ed25519.Ed25519PrivateKey.generate()


def public_entry(key: Private, kid: str | None = "k1", **more: Any) -> dict[str, Any]:
    """The entry of a key set for the public half."""
    public: Any = key.public_key()
    kinds: dict[type, Any] = {
        rsa.RSAPrivateKey: RSAKey,
        ec.EllipticCurvePrivateKey: ECKey,
        ed25519.Ed25519PrivateKey: OKPKey,
    }
    kind = next(made for base, made in kinds.items() if isinstance(key, base))
    named = {} if kid is None else {"kid": kid}
    raw = {"kty": kind.key_type, **kind.binding.convert_raw_key_to_dict(public, False)}
    return {**raw, **named, **more}


def encode(part: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signing_input(header: Any, claims: Any) -> str:
    """The first two parts of a token, of anything that JSON can say, or of raw bytes."""
    raw = [
        part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)
    ]
    return ".".join(encode(part) for part in raw)


def signed(key: Private, header: Any, claims: Any) -> str:
    """A token whose signature is right for the kind of key, whatever its header says."""
    text = signing_input(header, claims)
    raw = text.encode()
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(raw, padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(raw, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32) + s.to_bytes(32)
    else:
        signature = key.sign(raw)
    return f"{text}.{encode(signature)}"


def hs256(secret: bytes, header: Any, claims: Any) -> str:
    """A token signed with HMAC-SHA256, whatever its header says."""

    text = signing_input(header, claims)
    return f"{text}.{encode(hmac.digest(secret, text.encode(), hashlib.sha256))}"
