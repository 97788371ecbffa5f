"""A Docker engine of the test's own, which it may kill, in its own network namespace.

Started beside another one it would delete the bridge that both share.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pf_jupyter.engines.docker import DockerEngine
from pf_jupyter.errors import PfError


def sh(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


class OwnDaemon:
    """A dockerd that answers on a unix socket and over TLS.

    Parameters
    ----------
    folder
        For its data, sockets and certificates; its path must be short.
    disk_megabytes
        The disk that its images lie on is of this size; the machine's own when None.
    """

    def __init__(self, folder: Path, disk_megabytes: int | None = None) -> None:
        self.folder = folder
        if disk_megabytes is not None:
            self._make_disk(disk_megabytes)
        self.namespace = f"pf-{uuid.uuid4().hex[:8]}"
        number = uuid.uuid4().int % 250 + 1
        self.host, self.outer = f"10.213.{number}.2", f"10.213.{number}.1"
        self.address = f"unix://{folder}/docker.sock"
        self.tls_address = f"tcp://{self.host}:2376"
        self.certificates = folder / "client"
        self._process: subprocess.Popen[bytes] | None = None
        self._make_network()
        self._make_certificates()

    def _make_disk(self, megabytes: int) -> None:
        (self.folder / "data").mkdir()
        size = f"size={megabytes}m"
        sh("mount", "-t", "tmpfs", "-o", size, "tmpfs", f"{self.folder}/data")

    def run(self, *command: str, read: bool = False) -> subprocess.Popen[bytes]:
        """Start a program in the daemon's network."""
        inside = ("nsenter", f"--net=/run/netns/{self.namespace}")
        output = subprocess.PIPE if read else subprocess.DEVNULL
        return subprocess.Popen(
            [*inside, *command], stdin=subprocess.DEVNULL, stdout=output
        )

    def _make_network(self) -> None:
        name = self.namespace
        sh("ip", "netns", "add", name)
        veth = name.replace("-", "")[:12]
        sh("ip", "link", "add", f"{veth}o", "type", "veth", "peer", f"{veth}i")
        sh("ip", "link", "set", f"{veth}i", "netns", name)
        sh("ip", "addr", "add", f"{self.outer}/30", "dev", f"{veth}o")
        sh("ip", "link", "set", f"{veth}o", "up")
        inside = ("ip", "-n", name)
        sh(*inside, "addr", "add", f"{self.host}/30", "dev", f"{veth}i")
        sh(*inside, "link", "set", f"{veth}i", "up")
        sh(*inside, "link", "set", "lo", "up")

    def _make_certificates(self) -> None:
        for side, usage in (("server", "serverAuth"), ("client", "clientAuth")):
            path = self.folder / side
            path.mkdir()
            if side == "server":
                make_authority(path)
            else:
                for name in ("ca.pem", "ca-key.pem"):
                    shutil.copy(self.folder / "server" / name, path / name)
            make_certificate(path, usage, self.host)

    def start(self) -> None:
        server = self.folder / "server"
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                *("nsenter", f"--net=/run/netns/{self.namespace}", "dockerd"),
                *("--data-root", f"{self.folder}/data"),
                *("--exec-root", f"{self.folder}/exec"),
                *("--pidfile", f"{self.folder}/pid"),
                *("--host", self.address, "--host", self.tls_address, "--tlsverify"),
                *("--tlscacert", f"{server}/ca.pem"),
                *("--tlscert", f"{server}/cert.pem", "--tlskey", f"{server}/key.pem"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        end = time.monotonic() + 60
        while True:
            engine = DockerEngine(self.address)
            try:
                engine.ping()
            except PfError:
                text = (self.folder / "log").read_text()[-2000:]
                assert self._process.poll() is None, text
                assert time.monotonic() < end, text
                time.sleep(0.1)
            else:
                return
            finally:
                engine.close()

    def stop(self) -> None:
        """Ask it to end, as a restart of the service does."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def crash(self) -> None:
        """Kill it without a word, as a crash does, and start it again.

        What it runs containers with goes on; its containerd ends with it.
        """
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        below = self.folder / "exec" / "containerd"
        self._kill_all(f"{below}/containerd.toml")
        # the next one would wait for it as long as nobody has reaped it
        (below / "containerd.pid").unlink(missing_ok=True)
        self.start()

    def _kill_all(self, mark: str) -> None:
        """Kill what has ``mark``, a path of ours, on its command line."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if any(mark.encode() in word for word in words):
                    os.kill(int(entry.name), signal.SIGKILL)

    def remove(self) -> None:
        self.stop()
        self._kill_all(f"{self.folder}/exec/containerd/containerd.sock")
        sh("ip", "netns", "delete", self.namespace)
        mounts = Path("/proc/mounts").read_text().splitlines()
        for line in reversed(mounts):
            point = line.split()[1]
            if point.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", point], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def make_authority(folder: Path) -> None:
    sh(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=pf test authority"),
        *("-keyout", f"{folder}/ca-key.pem", "-out", f"{folder}/ca.pem"),
    )


def make_certificate(folder: Path, usage: str, host: str) -> None:
    sh(
        *("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={usage}"),
        *("-keyout", f"{folder}/key.pem", "-out", f"{folder}/request.pem"),
    )
    extensions = folder / "extensions"
    extensions.write_text(f"subjectAltName=IP:{host}\nextendedKeyUsage={usage}\n")
    sh(
        *("openssl", "x509", "-req", "-days", "2", "-CAcreateserial"),
        *("-in", f"{folder}/request.pem", "-extfile", str(extensions)),
        *("-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca-key.pem"),
        *("-out", f"{folder}/cert.pem"),
    )


@contextmanager
def running_daemon(disk_megabytes: int | None = None) -> Iterator[OwnDaemon]:
    """Give a daemon that the test may stop and start; skip where none can be had."""
    needed = ("dockerd", "ip", "nsenter", "openssl")
    absent = [name for name in needed if shutil.which(name) is None]
    if sys.platform != "linux" or os.geteuid() != 0 or absent:
        reason = f"a second Docker engine needs root and {', '.join(needed)}"
        if os.environ.get("PF_REQUIRE_DOCKER") == "1":
            pytest.fail(f"{reason}; absent: {absent}", pytrace=False)
        pytest.skip(reason)
    # paths of sockets may have 108 characters, and pytest's folders are long
    folder = Path(tempfile.mkdtemp(prefix="pfd-", dir="/var/tmp"))
    daemon = OwnDaemon(folder, disk_megabytes)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.remove()
