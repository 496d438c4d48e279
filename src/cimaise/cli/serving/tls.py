"""TLS: which versions and ciphers are spoken, and a certificate that is exchanged while serving.

The versions and ciphers are those of Mozilla's "intermediate" (Server Side TLS 5.7), less what has
no forward secrecy or no authenticated encryption: every browser of the last ten years has them.
"""

import ssl
from datetime import datetime
from pathlib import Path
from typing import Final

from cimaise import telemetry
from cimaise.cli.refusal import Refused
from cimaise.settings import Settings

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; those of TLS 1.3 are all good and stay as OpenSSL has them (RFC 8446 §9.1)."""

_NO_PASS_PHRASE: Final = b""


class Certificate:
    """A certificate with its key, and what every connection of a server is encrypted with.

    :attr:`context` is given to whatever listens. It asks for the newest pair at the beginning of
    each handshake, so :meth:`renew` reaches the next connection and no other.

    Attributes:
        context: For listening.
        expires_at: When the certificate ends, aware UTC.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read both.

        Args:
            certificate: A PEM file: the server's own, then those between it and a root.
            key: A PEM file without a pass phrase.

        Raises:
            Refused: One of them is missing, unreadable or no such file, or they do not
                belong together.
        """
        self._certificate = certificate
        self._key = key
        self.context = self._newest = _loaded(certificate, key)
        self.context.sni_callback = self._give_newest
        self.expires_at = _end_of(certificate)

    def renew(self) -> None:
        """Read both again. On a fault the old pair stays.

        Raises:
            Refused: As at first.
        """
        newest = _loaded(self._certificate, self._key)
        self.expires_at = _end_of(self._certificate)
        self._newest = newest

    def _give_newest(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        """OpenSSL asks this of every handshake, whether the client names a server or not."""
        connection.context = self._newest


def open_certificate(settings: Settings) -> Certificate | None:
    """The certificate that the settings name; ``None``: the server speaks without TLS.

    Raises:
        Refused: It cannot be used, one of the two settings is missing, or one of them needs it.
    """
    server = settings.server
    if server.tls_certificate and server.tls_key:
        return Certificate(
            Path(server.tls_certificate).expanduser(), Path(server.tls_key).expanduser()
        )
    if server.tls_certificate or server.tls_key:
        there, missing = (
            ("certificate", "key") if server.tls_certificate else ("key", "certificate")
        )
        raise Refused(f"A TLS {there} needs its {missing}: --tls-{missing} FILE.")
    if server.hsts:
        raise Refused(
            "CIMAISE_SERVER_HSTS needs a TLS certificate; where a proxy in front has it, let the "
            "proxy send Strict-Transport-Security."
        )
    return None


def renew(certificate: Certificate) -> None:
    """Take a new pair, or keep the old one; the log says which."""
    try:
        certificate.renew()
    except Refused as refused:
        telemetry.log("certificate_refused", level="error", message=refused.message)
    else:
        note(certificate)


def note(certificate: Certificate) -> None:
    """Tell the log and the metrics until when the certificate is good."""
    telemetry.log("certificate_taken", expires_at=certificate.expires_at.isoformat())
    telemetry.level("certificate_expires_seconds", certificate.expires_at.timestamp())


def _loaded(certificate: Path, key: Path) -> ssl.SSLContext:
    for what, path in (("certificate", certificate), ("key", key)):
        _require_readable(what, path)
    context = _empty()
    try:
        context.load_cert_chain(certificate, key, password=lambda: _NO_PASS_PHRASE)
    except (OSError, ValueError) as fault:  # SSLError is an OSError
        raise Refused(_sentence(certificate, key, fault)) from fault
    return context


def _empty() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def _require_readable(what: str, path: Path) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as fault:
        sentence = f"The TLS {what} {path} cannot be read: {fault.strerror}."
        raise Refused(sentence) from fault


def _sentence(certificate: Path, key: Path, fault: OSError | ValueError) -> str:
    """What is wrong, by OpenSSL's word for it."""
    reason = fault.reason if isinstance(fault, ssl.SSLError) else None
    if reason == "KEY_VALUES_MISMATCH":
        return f"The TLS key {key} does not belong to the certificate {certificate}."
    if reason in ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "CA_KEY_TOO_SMALL"):
        return f"The TLS certificate {certificate} is too weak to be used: {reason}."
    if _is_encrypted(key):
        return f"The TLS key {key} has a pass phrase; give a key without one."
    if not _is_certificate(certificate):
        return f"The TLS certificate {certificate} is no certificate in PEM form."
    return f"The TLS key {key} is no private key in PEM form."


def _is_encrypted(key: Path) -> bool:
    head = key.read_bytes()
    return b"BEGIN ENCRYPTED PRIVATE KEY" in head or b"Proc-Type: 4,ENCRYPTED" in head


def _is_certificate(path: Path) -> bool:
    try:
        _end_of(path)
    except Refused:
        return False
    return True


def _end_of(certificate: Path) -> datetime:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as fault:
        sentence = f"The TLS certificate {certificate} is no certificate in PEM form."
        raise Refused(sentence) from fault
