"""A small Debian out of this machine's programs, and a place its packages come from.

No image registry and no mirror is needed: dpkg and apt are this machine's, the packages
are made here, and one small server is both their source and an index for pip.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

_PROGRAMS = (
    *("dpkg", "dpkg-deb", "dpkg-split", "dpkg-query", "dpkg-trigger", "dpkg-divert"),
    *("apt-get", "apt-cache", "apt-mark", "apt-config", "tar", "xz", "gzip", "diff"),
    *("ldconfig", "start-stop-daemon", "find", "sh", "rm", "touch", "chmod", "sed"),
)
_METHODS = ("http", "file", "copy", "store", "gpgv")
_SETTINGS = """\
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::AllowInsecureRepositories "true";
APT::Get::AllowUnauthenticated "true";
"""
_STATUS = """\
Package: base-thing
Status: install ok installed
Maintainer: nobody <nobody@example.org>
Architecture: all
Version: 1.0
Description: what the image comes with

"""


def needs_debian() -> None:
    """Skip where there is no dpkg to take."""
    if shutil.which("dpkg-deb") and shutil.which("apt-get") and shutil.which("ldd"):
        return
    reason = "this machine is no Debian"
    if os.environ.get("PF_REQUIRE_DOCKER") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def debian_base(client: Any, base: str, tag: str, folder: Path) -> str:
    """Make an image with apt, dpkg and one package out of one with Python."""
    folder.mkdir(parents=True)
    with tarfile.open(folder / "programs.tar", "w") as tar:
        for path, name in sorted(_files().items()):
            tar.add(os.path.realpath(path), arcname=name)
    (folder / "99test").write_text(_SETTINGS)
    (folder / "status").write_text(_STATUS)
    (folder / "Dockerfile").write_text(
        f"FROM {base}\n"
        "ADD programs.tar /\n"
        "COPY status /var/lib/dpkg/status\n"
        "COPY 99test /etc/apt/apt.conf.d/99test\n"
        'RUN ["python3", "-c", "import os; [os.makedirs(d, exist_ok=True) for d in ['
        "'/var/lib/dpkg/info', '/var/lib/dpkg/updates', '/var/lib/dpkg/triggers', "
        "'/var/lib/dpkg/parts', '/var/lib/apt/lists/partial', "
        "'/var/cache/apt/archives/partial', '/etc/apt/sources.list.d', "
        "'/etc/apt/preferences.d', '/etc/apt/trusted.gpg.d', '/var/log/apt']]; "
        "[open('/var/lib/dpkg/' + n, 'a').close() for n in ('available', 'diversions', "
        # as images of others are: without the folder that becomes a runtime's home
        "'statoverride')]; os.rmdir('/home/pf'); "
        "open('/etc/debian_version', 'w').write('12')\"]\n"
    )
    for line in client.build(path=str(folder), tag=tag, rm=True, decode=True):
        assert "error" not in line, line
    return tag


def _files() -> dict[str, str]:
    programs = [path for name in _PROGRAMS if (path := shutil.which(name))]
    methods = [f"/usr/lib/apt/methods/{name}" for name in _METHODS]
    tables = [f"/usr/share/dpkg/{name}" for name in ("cputable", "ostable")]
    tables.append("/usr/share/dpkg/tupletable")
    found = {path: path.lstrip("/") for path in tables}
    for path in [*programs, *(m for m in methods if os.path.exists(m))]:
        found[path] = path.lstrip("/").replace("usr/sbin", "usr/bin")
        said = subprocess.run(["ldd", path], capture_output=True, text=True).stdout
        for word in said.split():
            if word.startswith("/") and "ld-linux" not in word:
                found[word] = f"usr/lib/{os.path.basename(word)}"
    return found


def make_deb(
    folder: Path,
    name: str,
    version: str,
    *,
    files: Mapping[str, str],
    depends: Sequence[str] = (),
    script: str = "",
) -> Path:
    """Write a package of the system."""
    tree = folder / f"{name}-{version}.tree"
    control = tree / "DEBIAN"
    control.mkdir(parents=True)
    lines = [
        f"Package: {name}",
        f"Version: {version}",
        "Architecture: all",
        "Maintainer: nobody <nobody@example.org>",
        *([f"Depends: {', '.join(depends)}"] if depends else []),
        f"Description: {name} for tests",
    ]
    (control / "control").write_text("\n".join(lines) + "\n")
    sums = []
    for path, text in files.items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
        sums.append(f"{hashlib.md5(text.encode()).hexdigest()}  {path}\n")
    (control / "md5sums").write_text("".join(sums))
    if script:
        (control / "postinst").write_text(f"#!/bin/sh\n{script}\n")
        (control / "postinst").chmod(0o755)
    path = folder / f"{name}_{version}_all.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", str(tree), str(path)]
    subprocess.run(command, check=True, capture_output=True)
    shutil.rmtree(tree)
    return path


class Source:
    """A folder of packages, served to containers.

    Parameters
    ----------
    folder
        Where they lie: ``wheels`` and ``debs``.
    host
        The address that containers reach.
    """

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        self.wheels, self.debs = folder / "wheels", folder / "debs"
        for one in (self.wheels, self.debs):
            one.mkdir(parents=True, exist_ok=True)
        handler = functools.partial(_Quiet, directory=str(folder))
        self._server = ThreadingHTTPServer((host, 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def index(self) -> str:
        """The address of the index for pip."""
        return f"{self.url}/simple/"

    @property
    def apt_line(self) -> str:
        """The line of a sources.list."""
        return f"deb [trusted=yes] {self.url}/debs/ ./"

    def refresh(self) -> None:
        """Write the lists of what there is."""
        for wheel in self.wheels.glob("*.whl"):
            name = wheel.name.split("-")[0].replace("_", "-")
            page = self.folder / "simple" / name / "index.html"
            page.parent.mkdir(parents=True, exist_ok=True)
            links = [
                f'<a href="/wheels/{one.name}">{one.name}</a>'
                for one in sorted(self.wheels.glob("*.whl"))
                if one.name.split("-")[0].replace("_", "-") == name
            ]
            page.write_text("<html><body>" + "\n".join(links) + "</body></html>")
        paragraphs = []
        for deb in sorted(self.debs.glob("*.deb")):
            fields = subprocess.run(
                ["dpkg-deb", "-f", str(deb)], capture_output=True, text=True, check=True
            ).stdout.strip()
            data = deb.read_bytes()
            paragraphs.append(
                f"{fields}\nFilename: ./{deb.name}\nSize: {len(data)}\n"
                f"SHA256: {hashlib.sha256(data).hexdigest()}\n"
            )
        text = "\n".join(paragraphs)
        (self.debs / "Packages").write_text(text)
        (self.debs / "Packages.gz").write_bytes(gzip.compress(text.encode()))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(30)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def running_source(client: Any, folder: Path) -> Iterator[Source]:
    """Give a source of packages that containers of the engine reach."""
    network = client.inspect_network("bridge")
    host = network["IPAM"]["Config"][0].get("Gateway") or "172.17.0.1"
    source = Source(folder, host)
    try:
        yield source
    finally:
        source.close()
