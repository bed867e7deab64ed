"""Over TLS a receiver must prove its name, although the connection goes to a looked-up address."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from workers.posting import Poster

NAME = "shop.example"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a key and a certificate for NAME that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "shop.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def port(certificate: Path) -> Iterator[int]:
    """Where a receiver with that certificate listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    class Quiet(HTTPServer):
        def handle_error(self, *_: object) -> None: ...

    http = Quiet(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield http.server_port
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.mark.parametrize(("host", "why"), [(NAME, None), ("other.example", "Hostname mismatch")])
def test_the_certificate_must_be_for_the_name(
    certificate: Path, port: int, host: str, why: str | None
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    transport = httpx.HTTPTransport(verify=trusting)
    poster = Poster(True, lambda name, number: ["127.0.0.1"], transport)
    outcome = poster.post(f"https://{host}:{port}/hook", b"{}", {})
    poster.close()
    if why is None:
        assert (outcome.status, outcome.error) == (204, None)
    else:
        assert why in (outcome.error or "")


def test_a_certificate_that_nobody_trusts_is_refused(port: int) -> None:
    poster = Poster(True, lambda name, number: ["127.0.0.1"])
    outcome = poster.post(f"https://{NAME}:{port}/hook", b"{}", {})
    poster.close()
    assert "CERTIFICATE_VERIFY_FAILED" in (outcome.error or "")
