"""What holds rights as a text: link tokens, API keys, JWTs. No text but our own opens anything."""

import base64
import hashlib
from datetime import UTC, datetime

import atheris

from cimaise.errors import CimaiseError
from fuzz.harness import fuzz

with atheris.instrument_imports(include=["cimaise"]):
    from cimaise.access.jwt.jwts import jwt_verifier
    from cimaise.access.secret_texts import digest_of, is_key, is_opaque, new_key, new_opaque
    from cimaise.access.signing import Signer

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SIGNER = Signer(b"a secret of the fuzzer", [b"a former secret of it"])
VERIFIER = jwt_verifier(clock=lambda: NOW, secret="0123456789abcdef" * 2)
PAYLOADS = (b"", b"\0\0\0\0\x70\0\0\0link", b"\xff" * 40)
OURS = frozenset(SIGNER.sign("link", payload) for payload in PAYLOADS)
KEY = new_key(lambda count: hashlib.sha512(b"k").digest()[:count])
OPAQUE = new_opaque(lambda count: hashlib.sha512(b"o").digest()[:count])
JWT = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"HS256"}', b'{"sub":"ann","exp":4102444800}', b"")
)


def target(data: bytes) -> None:
    text = data.decode("latin-1")
    is_opaque(text)
    if is_key(text):
        digest_of(text)
    _verify(text)
    payload = SIGNER.open("link", text)
    assert text in OURS, (text, payload)


def _verify(text: str) -> None:
    """Nobody here has the secret: no token is right. Nothing of it waits for anything."""
    assert VERIFIER is not None
    try:
        VERIFIER.verify(text).send(None)
    except CimaiseError:
        return
    raise AssertionError(text)


if __name__ == "__main__":
    altered = [token[:-1] + "A" for token in OURS]
    fuzz(target, [text.encode() for text in (*OURS, *altered, KEY, OPAQUE, JWT, JWT + "AAAA")])
