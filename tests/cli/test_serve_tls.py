"""``cimaise serve`` with a certificate: what is spoken, what is refused, and how it is renewed."""

import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization

from tests.kit.backends import left_out
from tests.kit.picture_server import Certificate
from tests.kit.serving import LIMIT_S, Serving
from tests.kit.tls import certificate, client_of, connect, serving_tls, shown, trusting

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(tmp_path: Path) -> Certificate:
    return certificate(tmp_path / "tls")


def replace(old: Certificate, new: Certificate) -> None:
    """As those who renew certificates do it."""
    shutil.copy(new.certificate, old.certificate)
    shutil.copy(new.key, old.key)


def test_addresses_links_and_cookies_are_those_of_a_secure_server(
    tmp_path: Path, pair: Certificate
):
    with serving_tls(tmp_path / "data", pair) as server:
        url = server.wait_ready()
        assert url.startswith("https://127.0.0.1:")
        assert server.process.stdout is not None
        link = next(line.strip() for line in server.process.stdout if "/login?token=" in line)
        assert link.startswith(f"{url}/login?token=")
        with client_of(url, pair) as client:
            assert client.get("/healthz").status_code == 200
            token = link.partition("token=")[2]
            answer = client.post("/login", data={"token": token}, headers={"Origin": url})
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-")
            assert "secure" in cookie.lower()
            assert "strict-transport-security" not in answer.headers


def test_browsers_are_told_to_stay_with_tls_where_that_is_set(
    tmp_path: Path, pair: Certificate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CIMAISE_SERVER_HSTS", "365d")
    with serving_tls(tmp_path / "data", pair) as server:
        with client_of(server.wait_ready(), pair) as client:
            for path in ("/healthz", "/", "/nothing-here"):
                answer = client.get(path)
                assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"]


def test_hsts_without_a_certificate_is_one_clear_line(
    cimaise: Callable[..., object], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CIMAISE_SERVER_HSTS", "365d")
    done = cimaise("serve", "--port", "0")
    assert done.exit_code == 1  # type: ignore[attr-defined]
    assert "CIMAISE_SERVER_HSTS needs a TLS certificate" in done.output  # type: ignore[attr-defined]


def handshake(url: str, pair: Certificate, version: ssl.TLSVersion) -> str | None:
    context = trusting(pair)
    context.set_ciphers("ALL:@SECLEVEL=0")  # the client would take anything
    context.minimum_version = context.maximum_version = version
    with connect(url, context) as connection:
        cipher = connection.cipher()
        return None if cipher is None else cipher[0]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_only_versions_and_ciphers_are_spoken_that_are_good_today(
    tmp_path: Path, pair: Certificate
):
    with serving_tls(tmp_path / "data", pair) as server:
        url = server.wait_ready()
        assert handshake(url, pair, ssl.TLSVersion.TLSv1_3) is not None
        name = handshake(url, pair, ssl.TLSVersion.TLSv1_2) or ""
        assert re.fullmatch(r"ECDHE-ECDSA-.*(GCM|CHACHA20).*", name)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            handshake(url, pair, ssl.TLSVersion.TLSv1_1)
        context = trusting(pair)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-SHA256:ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0")  # CBC, no ECDHE
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connect(url, context)


def test_openssl_verifies_the_chain_and_is_offered_http_1_1(tmp_path: Path, pair: Certificate):
    if shutil.which("openssl") is None:
        left_out("openssl is not installed")
    with serving_tls(tmp_path / "data", pair) as server:
        where = urlsplit(server.wait_ready()).netloc
        done = subprocess.run(
            ["openssl", "s_client", "-connect", where, "-CAfile", str(pair.certificate),
             "-verify_return_error", "-alpn", "h2,http/1.1"],
            input="GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            capture_output=True, text=True, timeout=LIMIT_S,
        )  # fmt: skip
    assert "Verify return code: 0 (ok)" in done.stdout
    assert "ALPN protocol: http/1.1" in done.stdout
    assert "Secure Renegotiation IS NOT supported" in done.stdout or "TLSv1.3" in done.stdout


def no_files(_folder: Path, pair: Certificate) -> str:
    pair.certificate.unlink()
    return f"The TLS certificate {pair.certificate} cannot be read: No such file or directory."


def a_folder(_folder: Path, pair: Certificate) -> str:
    pair.key.unlink()
    pair.key.mkdir()
    return f"The TLS key {pair.key} cannot be read: Is a directory."


def anothers_key(folder: Path, pair: Certificate) -> str:
    shutil.copy(certificate(folder / "other").key, pair.key)
    return f"The TLS key {pair.key} does not belong to the certificate {pair.certificate}."


def no_pem(_folder: Path, pair: Certificate) -> str:
    pair.certificate.write_bytes(b"\x30\x82\x01\x00")
    return f"The TLS certificate {pair.certificate} is no certificate in PEM form."


def no_key(_folder: Path, pair: Certificate) -> str:
    shutil.copy(pair.certificate, pair.key)
    return f"The TLS key {pair.key} is no private key in PEM form."


def a_pass_phrase(_folder: Path, pair: Certificate) -> str:
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    pair.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    return f"The TLS key {pair.key} has a pass phrase; give a key without one."


@pytest.mark.parametrize(
    "harm", [no_files, a_folder, anothers_key, no_pem, no_key, a_pass_phrase], ids=lambda f: f.__name__
)  # fmt: skip
def test_a_certificate_that_cannot_be_used_is_one_clear_line_and_makes_nothing(
    tmp_path: Path, pair: Certificate, harm: Callable[[Path, Certificate], str]
):
    sentence = harm(tmp_path, pair)
    with serving_tls(tmp_path / "data", pair) as server:
        out, log = server.process.communicate(timeout=LIMIT_S)
    assert server.process.returncode == 1
    assert (out, log) == ("", f"cimaise: {sentence}\n")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("given", "missing"), [("certificate", "key"), ("key", "certificate")])
def test_half_a_pair_is_one_clear_line(
    cimaise: Callable[..., object], pair: Certificate, given: str, missing: str
):
    done = cimaise("serve", "--port", "0", f"--tls-{given}", str(pair.certificate))
    assert done.exit_code == 1  # type: ignore[attr-defined]
    assert f"A TLS {given} needs its {missing}" in done.output  # type: ignore[attr-defined]


def renewed(server: Serving, times: int) -> None:
    server.process.send_signal(signal.SIGHUP)
    for _ in range(times):
        server.wait_for("certificate_taken")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_renewed_certificate_is_shown_to_new_connections_and_cuts_no_old_one(
    tmp_path: Path, pair: Certificate, workers: int
):
    before, new = pair.certificate.read_text(), certificate(tmp_path / "new")
    with serving_tls(tmp_path / "data", pair, "--workers", str(workers)) as server:
        url = server.wait_ready()
        assert shown(url) == before
        with connect(url, trusting(pair)) as old:
            replace(pair, new)
            renewed(server, workers)
            assert {shown(url) for _ in range(8)} == {new.certificate.read_text()}
            old.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert old.recv(1000).startswith(b"HTTP/1.1 200 ")
        server.process.send_signal(signal.SIGTERM)
        assert server.end()[0] == 0


def test_a_renewed_certificate_that_cannot_be_used_leaves_the_old_one(
    tmp_path: Path, pair: Certificate
):
    before = pair.certificate.read_text()
    with serving_tls(tmp_path / "data", pair) as server:
        url = server.wait_ready()
        pair.key.write_text("nonsense")
        server.process.send_signal(signal.SIGHUP)
        event = server.wait_for("certificate_refused")
        assert event["message"].endswith("is no private key in PEM form.")
        assert shown(url) == before


def test_the_metrics_say_when_the_certificate_ends(tmp_path: Path, pair: Certificate):
    with serving_tls(tmp_path / "data", pair, "--workers", "2") as server:
        url = server.wait_ready()
        with client_of(url, pair) as client:
            text = client.get("/metrics").text
        [end] = re.findall(r"^cimaise_certificate_expires_seconds (\S+)$", text, re.MULTILINE)
        taken = next(one for one in server.events if one["event"] == "certificate_taken")
        assert taken["expires_at"] == datetime.fromtimestamp(float(end), UTC).isoformat()
