"""A Dask cluster of real processes for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60.0
OTHER_VERSION = "2020.1.0"
_OTHER = f"""
import sys, distributed, distributed.versions as versions
whole = versions.get_package_info

def other(packages):
    found = whole(packages)
    return {{**found, "distributed": "{OTHER_VERSION}"}}

versions.get_package_info = other
from distributed.cli.dask_worker import main
sys.exit(main(sys.argv[1:]))
"""


class Cluster:
    """A scheduler and its workers.

    Parameters
    ----------
    folder
        For its files and logs.
    certificates
        A folder with ca.pem, cert.pem and key.pem, for one that speaks TLS.
    """

    def __init__(self, folder: Path, certificates: Path | None = None) -> None:
        self._certificates = certificates
        self._tls: list[str] = []
        if certificates is not None:
            for option, name in (("ca-file", "ca"), ("cert", "cert"), ("key", "key")):
                self._tls += [f"--tls-{option}", str(certificates / f"{name}.pem")]
        scheme = "tls" if certificates else "tcp"
        self.folder = folder
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start(
            *("-m", "distributed.cli.dask_scheduler"),
            *("--host", f"{scheme}://127.0.0.1", *self._tls),
            *("--port", "0", "--no-dashboard", "--scheduler-file", str(self._file)),
        )
        end = time.monotonic() + PATIENCE
        while not self._file.exists() or not self._file.read_text().endswith("}"):
            assert time.monotonic() < end, self.logs()
            time.sleep(0.05)
        import json

        self.address = json.loads(self._file.read_text())["address"]

    def worker(self, *, other: bool = False) -> subprocess.Popen[bytes]:
        """Start a worker with one thread; ``other`` tells another version of Dask."""
        program = ["-c", _OTHER] if other else ["-m", "distributed.cli.dask_worker"]
        return self._start(
            *program,
            *(self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"),
            *("--local-directory", str(self.folder), *self._tls),
        )

    def wait(self, workers: int) -> None:
        """Wait until so many workers are there."""
        from distributed import Client, Security

        security = Security()
        if self._certificates is not None:
            ca, cert, key = (
                str(self._certificates / f"{name}.pem")
                for name in ("ca", "cert", "key")
            )
            security = Security(
                require_encryption=True,
                tls_ca_file=ca,
                tls_client_cert=cert,
                tls_client_key=key,
            )
        with Client(
            self.address, security=security, set_as_default=False, timeout=PATIENCE
        ) as client:
            client.wait_for_workers(workers, timeout=PATIENCE)

    def logs(self) -> str:
        """Return all that was written."""
        texts = [path.read_text() for path in sorted(self.folder.glob("*.log"))]
        return "\n".join(texts)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process without a word."""
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"{len(self._processes)}.log"
        environment = {
            **os.environ,
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "30s",
            "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=self.folder,
            )
        self._processes.append(process)
        return process

    def close(self) -> None:
        """End all of it, the scheduler last."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running_cluster(
    folder: Path, workers: int, certificates: Path | None = None
) -> Iterator[Cluster]:
    """Give a cluster with workers that are ready."""
    made = Cluster(folder, certificates)
    try:
        for _ in range(workers):
            made.worker()
        made.wait(workers)
        yield made
    finally:
        made.close()
