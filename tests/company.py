"""A company's network on this machine: its authority, servers of its own, a proxy."""

from __future__ import annotations

import datetime
import functools
import http.server
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority that nobody else knows.

    Parameters
    ----------
    folder
        Where its bundle and the certificates of servers are written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("company authority")
        made = self._made(self._name, self._key, authority=True)
        self.bundle = folder / "company.pem"
        self.bundle.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str) -> ssl.SSLContext:
        """Return what a server on a host shows."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._made(_named(host), key, host=host)
        file = self.folder / f"{host}.pem"
        file.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _made(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        authority: bool = False,
        host: str = "",
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        public = key.public_key()
        mine = self._key.public_key()
        known = x509.SubjectKeyIdentifier.from_public_key
        usage = dict.fromkeys(
            (
                *("digital_signature", "content_commitment", "key_encipherment"),
                *("data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
                *("encipher_only", "decipher_only"),
            ),
            False,
        )
        usage |= (
            {"key_cert_sign": True, "crl_sign": True}
            if authority
            else {"digital_signature": True}
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), True)
            .add_extension(x509.KeyUsage(**usage), True)
            .add_extension(known(public), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(mine), False
            )
        )
        if host:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_alternative(host)]), False
            )
        return builder.sign(self._key, hashes.SHA256())


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class _Files(http.server.SimpleHTTPRequestHandler):
    """Gives files of a folder; some paths answer with the status in their name."""

    def do_GET(self) -> None:
        first = self.path.strip("/").split("/")[0]
        if first.isdigit():
            self.send_response(int(first))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *args: Any) -> None:
        pass


class _Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        pass  # a client that does not trust us breaks off


@contextmanager
def serving(
    folder: Path, host: str = "127.0.0.1", context: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Serve a folder, over TLS with a context, and give the port."""
    handler = functools.partial(_Files, directory=str(folder))
    server = _Quiet((host, 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy that joins addresses (CONNECT) and remembers which.

    Parameters
    ----------
    host
        The address it listens on.
    login
        Whether it wants one; any will do.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str = "127.0.0.1", *, login: bool = False) -> None:
        super().__init__((host, 0), _Joining)
        self.login = login
        self.asked: list[str] = []
        self.port = int(self.server_address[1])

    def handle_error(self, *args: Any) -> None:
        pass


class _Joining(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Proxy)
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.request.recv(4096)
            if not piece:
                return
            data += piece
        verb, where = data.split(b" ")[:2]
        if server.login and b"proxy-authorization" not in data.lower():
            self.request.sendall(b"HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n")
            return
        if verb != b"CONNECT":
            self.request.sendall(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n")
            return
        server.asked.append(where.decode())
        host, _, port = where.decode().rpartition(":")
        try:
            other = socket.create_connection((host, int(port)), timeout=60)
        except OSError:
            self.request.sendall(b"HTTP/1.1 502 Gone\r\nContent-Length: 0\r\n\r\n")
            return
        with other:
            self.request.sendall(b"HTTP/1.1 200 Joined\r\n\r\n")
            back = threading.Thread(
                target=_copy, args=(other, self.request), daemon=True
            )
            back.start()
            _copy(self.request, other)
            back.join(60)


def _copy(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    try:
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@contextmanager
def joining(host: str = "127.0.0.1", *, login: bool = False) -> Iterator[Proxy]:
    """Give a proxy."""
    proxy = Proxy(host, login=login)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join(60)
