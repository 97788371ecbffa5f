"""A PostgreSQL server of the tests' own: on a socket, as a user who is not root."""

from __future__ import annotations

import ctypes
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pytest

_PLACES = "/usr/lib/postgresql/*/bin/initdb"
_PR_SET_PDEATHSIG = 1
# the tests kill no machine: what is written need not reach the disk
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Server:
    """A server that can be stopped and started again.

    Parameters
    ----------
    programs
        Folder of PostgreSQL's programs.
    folder
        Its own, empty.
    user
        Who it runs as.
    """

    def __init__(self, programs: Path, folder: Path, user: str) -> None:
        self._programs = programs
        self.folder = folder
        self._user = user
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make the database."""
        options = ["--auth=trust", "--no-sync", "--username=pf", "--encoding=UTF8"]
        self._run("initdb", "-D", str(self._data), "--locale=C.UTF-8", *options)

    def start(self) -> None:
        """Start it and wait until it answers."""
        import psycopg

        settings = [f"unix_socket_directories={self.folder}", "listen_addresses="]
        words = [word for one in (*settings, *_FAST) for word in ("-c", one)]
        command = [str(self._programs / "postgres"), "-D", str(self._data), *words]
        with (self.folder / "log").open("ab") as said:
            # our child, not one of `pg_ctl`: it ends with tests that are killed
            self._process = subprocess.Popen(
                command, preexec_fn=_end_with_parent, **self._as(said)
            )
        for _ in range(600):
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, self._log()
                time.sleep(0.1)
        raise AssertionError(self._log())

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def _log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def url(self, schema: str = "", *, user: str = "pf") -> str:
        """Return the URL of a schema."""
        url = f"postgresql://{user}@/postgres?host={quote(str(self.folder), safe='')}"
        options = quote(f"-csearch_path={schema}", safe="")
        return f"{url}&options={options}" if schema else url

    def execute(self, statement: str) -> None:
        """Execute a statement as the owner of everything."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def schema(self) -> Iterator[str]:
        """Give the URL of an empty schema."""
        name = f"t_{uuid.uuid4().hex}"
        self.execute(f"CREATE SCHEMA {name}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP SCHEMA {name} CASCADE")

    def _as(self, said: IO[bytes]) -> dict[str, Any]:
        """Return how its programs are started: as its user, with nothing of ours."""
        as_user = {} if os.geteuid() else {"user": self._user, "extra_groups": []}
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return {
            "stdin": subprocess.DEVNULL,
            "stdout": said,
            "stderr": said,
            "cwd": self.folder,
            "env": environment,
            **as_user,
        }

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [str(self._programs / program), *arguments],
                timeout=120,
                check=False,
                **self._as(said),
            )
            said.seek(0)
            assert done.returncode == 0, said.read().decode()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


@contextmanager
def a_server() -> Iterator[Server]:
    """Give a running server; the test is skipped where PostgreSQL is not installed."""
    # Debian keeps all but the clients' programs out of the path
    found = shutil.which("initdb") or max(glob.glob(_PLACES), default=None)
    if found is None:
        reason = "PostgreSQL is not installed"
        if os.environ.get("PF_REQUIRE_POSTGRESQL") == "1":
            pytest.fail(f"PF_REQUIRE_POSTGRESQL=1, but {reason}", pytrace=False)
        pytest.skip(reason)
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    # not below pytest's folder: that is closed to the server's user, and too long for
    # the name of a socket
    folder = Path(tempfile.mkdtemp(prefix="pf-pg-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    server = Server(Path(found).resolve().parent, folder, user)
    try:
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
