"""Tells one process from a later one that got the same number."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

MARK = "PF_JUPYTER_INSTANCE"
"""Variable that every process of an instance inherits; its value is the id."""

STREAM_MARK = "PF_JUPYTER_STREAM"
"""The same for all that one program of an instance has started."""

_FORCE_SECONDS = 20.0
_WITH_VARIABLES = (
    # BSD's own ps and the one of macOS have different letters for the variables
    "-axEww" if sys.platform == "darwin" else "-axeww",
    "-o",
    "pid=,command=",
)


@dataclass(frozen=True)
class Process:
    """A process: its number, and when it began, in the system's own terms."""

    pid: int
    began: str

    def lives(self) -> bool:
        """Tell whether this very process still runs."""
        return self.began != "" and began(self.pid) == self.began


def began(pid: int) -> str:
    """Return when the process of this number began; empty when there is none."""
    if sys.platform == "linux":
        fields = _stat(pid)
        # a zombie has ended, though its parent did not notice yet
        return "" if not fields or fields[0] == "Z" else fields[19]
    if sys.platform == "win32":
        return _windows_began(pid)
    return _ask_ps("-o", "lstart=", "-p", str(pid)).strip()


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    # the name in parentheses may hold anything; the third field comes after it
    return text.rpartition(")")[2].split()


def _ask_ps(*options: str) -> str:
    try:
        done = subprocess.run(
            ["ps", *options],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _windows_began(pid: int) -> str:
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(0x1000, False, pid)
    if not handle:
        return ""
    try:
        code = wintypes.DWORD()
        still_active = 259
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        times = [wintypes.FILETIME() for _ in range(4)]
        if code.value != still_active or not kernel.GetProcessTimes(
            handle, *(ctypes.byref(moment) for moment in times)
        ):
            return ""
        return f"{times[0].dwHighDateTime}.{times[0].dwLowDateTime}"
    finally:
        kernel.CloseHandle(handle)


def family(instance: str, processes: Iterable[Process]) -> list[Process]:
    """Return the living processes of an instance.

    Parameters
    ----------
    instance
        Its id; on Linux every process that inherited it is found.
    processes
        Those that were started for it; the answer elsewhere, with what is in their
        groups.
    """
    roots = [process for process in processes if process.lives()]
    if sys.platform == "win32":
        return roots
    known = {process.pid for process in roots}
    found = roots + [_described(pid) for pid in _marked(MARK, instance) - known]
    if sys.platform != "linux":
        groups, known = known, {process.pid for process in found}
        for line in _ask_ps("-axo", "pid=,pgid=").splitlines():
            pid, group = map(int, line.split()[:2])
            if group in groups and pid not in known:
                found.append(_described(pid))
    return [process for process in found if process.began]


def _described(pid: int) -> Process:
    return Process(pid, began(pid))


def _marked(variable: str, value: str) -> set[int]:
    """Return the processes of this user that inherited a variable."""
    wanted = f"{variable}={value}"
    if sys.platform != "linux":
        rows = (line.split() for line in _ask_ps(*_WITH_VARIABLES).splitlines())
        return {int(row[0]) for row in rows if wanted in row[1:]}
    found = set()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            variables = Path("/proc", name, "environ").read_bytes()
        except OSError:
            continue  # another user's, or gone
        if wanted.encode() in variables.split(b"\0"):
            found.add(int(name))
    return found


def end_left(stream: str) -> None:
    """End what a program left that had no chance to end it.

    Parameters
    ----------
    stream
        The value of its `STREAM_MARK`.
    """
    if sys.platform != "win32":
        _end_by_force(lambda: [_described(pid) for pid in _marked(STREAM_MARK, stream)])


def end(instance: str, processes: Iterable[Process], timeout: float) -> None:
    """End the processes of an instance, by force after ``timeout`` seconds."""
    roots = list(processes)
    deadline = time.monotonic() + timeout
    if timeout > 0:
        _signal(family(instance, roots), force=False)
    while family(instance, roots):
        if time.monotonic() >= deadline:
            break
        time.sleep(0.02)
    _end_by_force(lambda: family(instance, roots))


def _end_by_force(find: Callable[[], list[Process]]) -> None:
    deadline = time.monotonic() + _FORCE_SECONDS
    empty = 0
    while time.monotonic() < deadline:
        # one that forks while it is being killed leaves a child to the next round, and
        # one that is just becoming another program has no variables for a moment
        remaining = [process for process in find() if process.began]
        empty = 0 if remaining else empty + 1
        if empty == 2:
            return
        _signal(remaining, force=True)
        time.sleep(0.02)


def _signal(processes: Iterable[Process], *, force: bool) -> None:
    for process in processes:
        if not process.lives():
            continue
        try:
            if sys.platform == "win32":
                subprocess.run(
                    ["taskkill", "/F", "/T", "/PID", str(process.pid)],
                    capture_output=True,
                    timeout=10,
                    check=False,
                )
            else:
                os.kill(process.pid, signal.SIGKILL if force else signal.SIGTERM)
        except (OSError, subprocess.TimeoutExpired):
            pass  # it ended in between


@dataclass(frozen=True)
class Use:
    """What processes use: CPU time in seconds since they began, memory in bytes."""

    cpu_seconds: float
    memory: int
    count: int


def use(processes: Iterable[Process]) -> Use:
    """Return what these processes use together."""
    living = list(processes)
    if sys.platform == "linux":
        samples = [_linux_use(process.pid) for process in living]
    elif sys.platform == "win32":
        samples = [_windows_use(process.pid) for process in living]
    else:
        samples = [_ps_use(process.pid) for process in living]
    cpu = sum(seconds for seconds, _ in samples)
    return Use(cpu, sum(memory for _, memory in samples), len(living))


def _linux_use(pid: int) -> tuple[float, int]:
    fields = _stat(pid)
    if len(fields) < 22:
        return 0.0, 0
    ticks = int(fields[11]) + int(fields[12])
    # getattr: these names exist only where this code runs
    page = os.sysconf("SC_PAGE_SIZE")
    return ticks / os.sysconf("SC_CLK_TCK"), int(fields[21]) * page


def _ps_use(pid: int) -> tuple[float, int]:
    words = _ask_ps("-o", "rss=,time=", "-p", str(pid)).split()
    if len(words) != 2:
        return 0.0, 0
    days, _, clock = words[1].rpartition("-")
    seconds = float(days or 0) * 86400
    for part in clock.split(":"):
        seconds = seconds % 86400 * 60 + float(part) if ":" in clock else float(part)
    return seconds, int(words[0]) * 1024


def _windows_use(pid: int) -> tuple[float, int]:
    done = subprocess.run(
        ["tasklist", "/V", "/FO", "CSV", "/NH", "/FI", f"PID eq {pid}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    words = [word.strip('"') for word in done.stdout.strip().split('","')]
    if len(words) < 8:
        return 0.0, 0
    memory = int("".join(filter(str.isdigit, words[4])) or 0) * 1024
    hours, minutes, seconds = (int(part) for part in words[7].split(":"))
    return hours * 3600.0 + minutes * 60 + seconds, memory
