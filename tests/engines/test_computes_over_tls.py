"""A compute that is reached over TLS: a second engine, and all that can be wrong."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pf_jupyter.engines.docker import DockerEngine
from pf_jupyter.engines.process import ProcessEngine
from pf_jupyter.errors import IllegalState, PfError, Unreachable, UsageError
from pf_jupyter.store.records import timestamp
from pf_jupyter.workspace.api import RuntimeLimits
from pf_jupyter.workspace.core import Core
from pf_jupyter.workspace.local import LocalWorkspace

from .daemon import make_authority

pytestmark = pytest.mark.docker
DAY = datetime.timedelta(days=1)


def opened(home: Path) -> LocalWorkspace:
    engines = {"process": lambda: ProcessEngine(home)}
    return LocalWorkspace(home, lambda folder: Core(folder, engines))


@pytest.fixture
def workspace(home: Path) -> Iterator[LocalWorkspace]:
    made = opened(home)
    yield made
    for runtime in made.runtimes.list():
        runtime.delete()
    made.close()


def signed(authority: Path, folder: Path, days: int, name: str, usage: Any) -> Path:
    """Make a certificate that holds until so many days from now."""
    folder.mkdir(exist_ok=True)
    ca = x509.load_pem_x509_certificate((authority / "ca.pem").read_bytes())
    signer: Any = serialization.load_pem_private_key(
        (authority / "ca-key.pem").read_bytes(), None
    )
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name[0].isdigit():
        names = [x509.IPAddress(ipaddress.ip_address(name))]
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 10 * DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    shutil.copy(authority / "ca.pem", folder / "ca.pem")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


@pytest.fixture
def pretender(own_daemon: Any, tmp_path: Path) -> Iterator[Any]:
    """Return a function that serves TLS with a certificate, and gives the address."""
    servers: list[socket.socket] = []

    def serve(days: int, name: str) -> str:
        folder = signed(
            own_daemon.folder / "server",
            tmp_path / f"pretender-{len(servers)}",
            days,
            name,
            ExtendedKeyUsageOID.SERVER_AUTH,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        listening = socket.create_server(("127.0.0.1", 0))
        servers.append(listening)

        def answer() -> None:
            while True:
                try:
                    one, _ = listening.accept()
                    context.wrap_socket(one, server_side=True).close()
                except ssl.SSLError:
                    one.close()
                except OSError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        return f"tcp://127.0.0.1:{listening.getsockname()[1]}"

    yield serve
    for listening in servers:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def refused(workspace: LocalWorkspace, address: str, certificates: Path) -> PfError:
    with pytest.raises(PfError) as caught:
        workspace.computes.add("far", address, certificates=certificates)
    assert "far" not in workspace.computes.names()
    return caught.value


def test_a_runtime_over_tls_from_adding_its_compute_to_removing_it(
    own_daemon: Any, workspace: LocalWorkspace, home: Path
) -> None:
    made = workspace.computes.add(
        "far", own_daemon.tls_address, certificates=own_daemon.certificates
    )
    assert made["reachable"]
    assert made["tls"]
    # the sign-in never holds longer than the certificate does
    assert made["signed_in_until"] == made["certificate_until"]
    key = (own_daemon.certificates / "key.pem").read_text().splitlines()[3]
    for file in home.rglob("*"):
        assert not file.is_file() or key.encode() not in file.read_bytes(), file
    assert key not in repr(workspace.computes.list()) + repr(
        workspace.core.store.computes.all()
    )

    limits = RuntimeLimits(cpus=0.5).sized("small")
    runtime = workspace.runtimes.create("r", compute="far", limits=limits)
    record = workspace.core.store.runtime("r")
    assert record is not None
    assert (record.cpus, record.memory, record.pids) == (0.5, 2 * 1024**3, 256)
    result = runtime.run("hello", inputs={"name": "Ana"})
    assert result.status == "Completed", result.error
    client = docker.APIClient(base_url=own_daemon.address, version="1.40")
    try:
        foreign = client.create_container(record.image, ["true"], name="foreign")["Id"]
        found = {one.name: one for one in workspace.computes.ps("far").shown}
        assert (found["r"].kind, found["r"].status) == ("runtime", "running")
        # an image of ours in somebody else's hands is somebody else's
        assert (found["foreign"].kind, found["foreign"].owner) == ("foreign", "")
        assert workspace.computes.victims("far").runtimes == ["r"]
        with pytest.raises(IllegalState) as caught:
            workspace.computes.remove("far")
        assert caught.value.code == "compute_in_use"
        assert "--yes" in caught.value.hint
        workspace.computes.remove("far", runtimes=True)
        assert workspace.runtimes.names() == []
        assert "far" not in workspace.computes.names()
        left = [item["Id"] for item in client.containers(all=True)]
        assert left == [foreign]
        client.remove_container(foreign)
    finally:
        client.close()


def test_a_sign_in_runs_out_and_is_renewed(
    own_daemon: Any, workspace: LocalWorkspace, tmp_path: Path
) -> None:
    folder = signed(
        own_daemon.folder / "server",
        tmp_path / "mine",
        400,
        "client",
        ExtendedKeyUsageOID.CLIENT_AUTH,
    )
    made = workspace.computes.add("far", own_daemon.tls_address, certificates=folder)
    assert made["signed_in_until"] < made["certificate_until"]
    rows = workspace.core.store.computes
    record = rows.get("far")
    assert record is not None
    rows.change(replace(record, signed_in_until=timestamp(), changed_at="later"))
    with pytest.raises(Unreachable) as caught:
        workspace.runtimes.create("r", compute="far")
    assert caught.value.code == "sign_in_expired"
    assert "%pfcompute auth far" in caught.value.hint
    shown = workspace.computes.show("far")
    assert not shown["reachable"]
    assert "ran out" in shown["detail"]
    checks = {check.name: check.status for check in workspace.computes.check("far")}
    assert checks["sign-in"] == "fail"
    assert checks["certificate"] == "pass"
    assert workspace.computes.auth("far", days=7)["reachable"]
    checks = {check.name: check.status for check in workspace.computes.check("far")}
    assert (checks["sign-in"], checks["engine"]) == ("warn", "pass")
    # without the key there is nothing left to sign in with but new certificates
    (workspace.home / "connections.key").unlink()
    later = opened(workspace.home)
    try:
        with pytest.raises(IllegalState) as lost:
            later.computes.auth("far")
        assert lost.value.code == "connection_key_missing"
        assert "--certificates" in lost.value.hint
        assert later.computes.auth("far", certificates=folder)["reachable"]
    finally:
        later.close()


def test_another_authority(
    own_daemon: Any, workspace: LocalWorkspace, tmp_path: Path
) -> None:
    shutil.copytree(own_daemon.certificates, tmp_path / "mine")
    make_authority(tmp_path / "mine")
    error = refused(workspace, own_daemon.tls_address, tmp_path / "mine")
    assert error.code == "engine_tls"
    assert "ca.pem is not of the authority" in error.hint


def test_a_certificate_of_ours_that_has_run_out(
    own_daemon: Any, workspace: LocalWorkspace, tmp_path: Path
) -> None:
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    folder = signed(own_daemon.folder / "server", tmp_path / "old", -1, "c", usage)
    error = refused(workspace, own_daemon.tls_address, folder)
    assert error.code == "certificate_expired"
    # it ran out later: the engine itself refuses it
    engine = DockerEngine(own_daemon.tls_address, certificates=folder)
    with pytest.raises(Unreachable) as caught:
        engine.ping()
    assert caught.value.code in ("engine_tls", "engine_lost")
    engine.close()


def test_a_certificate_of_the_engine_that_has_run_out(
    own_daemon: Any, workspace: LocalWorkspace, pretender: Any
) -> None:
    error = refused(workspace, pretender(-1, "127.0.0.1"), own_daemon.certificates)
    assert error.code == "engine_tls"
    assert "has expired" in error.message
    assert "must renew it" in error.hint


def test_an_engine_of_another_name(
    own_daemon: Any, workspace: LocalWorkspace, pretender: Any
) -> None:
    error = refused(workspace, pretender(5, "other.org"), own_daemon.certificates)
    assert error.code == "engine_tls"
    assert "mismatch" in error.message
    assert "that the engine's certificate is for" in error.hint


def test_files_that_are_no_pair_or_missing(
    own_daemon: Any, workspace: LocalWorkspace, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(own_daemon.certificates, folder)
    shutil.copy(own_daemon.folder / "server" / "key.pem", folder / "key.pem")
    error = refused(workspace, own_daemon.tls_address, folder)
    assert (error.code, type(error)) == ("bad_certificate", UsageError)
    (folder / "key.pem").unlink()
    error = refused(workspace, own_daemon.tls_address, folder)
    assert error.code == "bad_certificate"
    assert "key.pem" in error.message


def test_an_engine_that_is_away(own_daemon: Any, workspace: LocalWorkspace) -> None:
    nowhere = f"tcp://{own_daemon.host}:1"
    error = refused(workspace, nowhere, own_daemon.certificates)
    assert error.code == "no_engine"
    assert "connection refused" in error.message
    added = workspace.computes.add(
        "far", own_daemon.tls_address, certificates=own_daemon.certificates
    )
    assert added["reachable"]
    own_daemon.stop()
    try:
        shown = workspace.computes.show("far")
        assert not shown["reachable"]
        assert "compute far" in shown["detail"]
        assert shown["hint"]
    finally:
        own_daemon.start()
    assert workspace.computes.show("far")["reachable"]
