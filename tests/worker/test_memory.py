"""What processes of the worker do not load because nobody there needs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import pf_jupyter
from pf_jupyter.worker import start, wire

CODE = str(Path(pf_jupyter.__file__).parents[1])
_SECONDS = 60.0

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks into /proc"
)


@pytest.fixture
def control() -> Iterator[tuple[socket.socket, int]]:
    """A zygote that was asked for a template before it could do anything else."""
    ours, theirs = socket.socketpair()
    ours.sendall(wire.pack(wire.FORK, {"role": "template", "token": 1}))
    command = start.command(
        CODE, "zygote", str(theirs.fileno()), "0", python=sys.executable
    )
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    theirs.close()
    yield ours, process.pid
    ours.close()
    process.wait(_SECONDS)


def test_the_zygote_loads_nothing_beside_a_template_until_there_is_time(
    control: tuple[socket.socket, int],
) -> None:
    sock, pid = control
    sock.settimeout(_SECONDS)
    data, files, _flags, _address = socket.recv_fds(sock, 1 << 16, 8)
    message = wire.Parser().feed(data)
    for fd in files:
        os.close(fd)
    assert [one.kind for one in message] == [wire.BORN]
    time.sleep(0.3)
    assert not _has(pid, "_asyncio")
    sock.sendall(wire.pack(wire.WARM))
    end = time.monotonic() + _SECONDS
    while not _has(pid, "_asyncio"):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_runs_lines_of_sync_tools_loads_no_asyncio() -> None:
    look = (
        "import sys; import pf_jupyter.worker.batch_executor; "
        "print('asyncio' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", look],
        env={**os.environ, "PYTHONPATH": CODE},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "False\n"


def _has(pid: int, module: str) -> bool:
    """Whether a process has loaded a module that is a library of its own."""
    return f"/{module}." in Path(f"/proc/{pid}/maps").read_text()
