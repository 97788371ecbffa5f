"""Processes and their descendants: who they are, how they end, ending all of them."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import AbstractSet, Any, Dict, Iterable, List, Optional, Set

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_MARK = "PF_WORKER_FAMILY"
_LOOK_SECONDS = 0.005


_libc: Any = None


def _prctl(option: int, value: int) -> bool:
    global _libc
    if not sys.platform.startswith("linux"):
        return False
    try:
        if _libc is None:
            import ctypes

            _libc = ctypes.CDLL(None, use_errno=True)
        return bool(_libc.prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def adopt_orphans() -> bool:
    """Become the parent of descendants whose own parent ends; False if impossible."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process as soon as ``parent`` ends."""
    _prctl(_PR_SET_PDEATHSIG, int(_SIGKILL))
    if os.getppid() != parent:
        # It ended between the fork and the request.
        os._exit(0)


def offer_to_oom_killer() -> None:
    """Be the first to go when memory runs out, so that the worker itself stays."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def parents(*, ended: bool = False) -> Dict[int, int]:
    """Return pid → parent's pid of every process that can be seen.

    ``ended`` also of those that ended and were not waited for yet.
    """
    found: Dict[int, int] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return _parents_by_ps()
    for name in names:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                stat = file.read()
        except OSError:
            continue
        # The second field is the command in parentheses and may hold anything.
        fields = stat[stat.rfind(b")") + 2 :].split()
        if ended or fields[0] != b"Z":
            found[int(name)] = int(fields[1])
    return found


def _parents_by_ps() -> Dict[int, int]:
    rows = _ask_ps("-axo", "pid=,ppid=")
    return {int(row[0]): int(row[1]) for row in rows}


def _ask_ps(*options: str) -> List[List[bytes]]:
    """Return the words of each line, but for the one about ``ps`` itself."""
    if os.name == "nt":
        return []
    import subprocess

    process = subprocess.Popen(
        ["ps", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    rows = [line.split() for line in process.communicate()[0].splitlines()]
    return [row for row in rows if len(row) > 1 and int(row[0]) != process.pid]


def descendants(roots: Iterable[int]) -> List[int]:
    """Return all processes below ``roots``, nearest first."""
    children: Dict[int, List[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found: List[int] = []
    queue = list(roots)
    while queue:
        below = children.get(queue.pop(), ())
        found.extend(below)
        queue.extend(below)
    return found


def is_below(pid: int, root: int) -> bool:
    """Whether a process lives and descends from ``root``, or that cannot be known."""
    known = parents()
    while known and pid != root:
        if pid not in known:
            return False
        pid = known[pid]
    return True


def kill(pid: int) -> None:
    """Kill one process; one that is gone is no error."""
    try:
        os.kill(pid, _SIGKILL)
    except OSError:
        pass


def kill_group(pid: int) -> None:
    """Kill the process group that ``pid`` leads, where there are such groups."""
    if hasattr(os, "killpg"):
        try:
            os.killpg(pid, _SIGKILL)
        except OSError:
            pass


def kill_tree(pid: int) -> None:
    """Kill a process, its group and everything below it."""
    if os.name == "nt":
        import subprocess

        subprocess.run(
            ["taskkill", "/T", "/F", "/PID", str(pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return
    _stop(pid)
    below = _stop_all_below(pid)
    kill_group(pid)
    for process in (pid, *below):
        kill(process)


def _stop_all_below(pid: int) -> List[int]:
    """Stop and return what is below a process that forks no more itself.

    What is stopped forks no more either, so that hardly anybody is born between look
    and kill. A fork that was already under way still comes to its end.
    """
    stopped: List[int] = []
    while fresh := [child for child in descendants([pid]) if child not in stopped]:
        for child in fresh:
            _stop(child)
        stopped += fresh
    return stopped


def _stop(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGSTOP)
    except OSError:
        pass


def found_family() -> None:
    """Mark this process's descendants to come as its own."""
    os.environ[_MARK] = os.urandom(12).hex()


def end_family(seconds: float) -> bool:
    """Kill everything below this process, and wait until nothing is there.

    A process that ends hands its children to us (see `adopt_orphans`) before it can be
    waited for. So whoever has waited for all of its children has no descendants, and
    only then may we end: what is below us afterwards would belong to nobody. Where
    orphans do not come to us, they are known by a mark that they have inherited.

    Parameters
    ----------
    seconds
        How long to try; a process that waits for a broken disk cannot be killed.

    Returns
    -------
    bool
        Whether nothing is left.
    """
    deadline = time.monotonic() + seconds
    while True:
        alone = _reap()
        left = _family() if alone else _stop_all_below(os.getpid())
        if alone and not left:
            return True
        for pid in left:
            kill(pid)
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)


def _reap() -> bool:
    """Wait for children that ended; whether there is none any more."""
    if not hasattr(os, "WNOHANG"):
        return True
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _family() -> List[int]:
    """Return the processes that carry our mark, whosever children they are."""
    mark = f"{_MARK}={os.environ.get(_MARK)}".encode()
    own = os.getpid()
    try:
        names = os.listdir("/proc")
    except OSError:
        return [pid for pid in _marked_by_ps(mark) if pid != own]
    found = []
    for name in names:
        if name.isdigit() and int(name) != own:
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        found.append(int(name))
            except OSError:
                # It has ended, or is another user's.
                continue
    return found


def _marked_by_ps(mark: bytes) -> List[int]:
    # BSD's own ps and the one of macOS have different letters for the environment.
    letters = "-axEww" if sys.platform == "darwin" else "-axeww"
    rows = _ask_ps(letters, "-o", "pid=,command=")
    return [int(row[0]) for row in rows if mark in row[1:]]


def end_strays(spared: AbstractSet[int]) -> Set[int]:
    """Kill our children, but for ``spared``, and all that is below them.

    Returns
    -------
    set
        Who they were. While there is any, also one that was not waited for yet, others
        may come: its children become ours when it ends, maybe after we have looked.
    """
    own = os.getpid()
    found = parents(ended=True).items()
    strays = {pid for pid, parent in found if parent == own and pid not in spared}
    for pid in strays:
        kill_tree(pid)
    return strays


def describe_exit(status: Optional[int]) -> str:
    """Say how a process ended, from the status of ``os.waitpid``."""
    if status is None:
        return "for an unknown reason"
    if os.name != "nt" and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = "unknown"
        return f"by signal {number} ({name})"
    return f"with exit code {exit_code(status)}"


def exit_code(status: int) -> Optional[int]:
    """Return the exit code in a status, or None when a signal ended the process."""
    if os.name == "nt":
        return status
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


def was_killed(status: Optional[int]) -> bool:
    """Whether a status says SIGKILL, which is what the out-of-memory killer sends."""
    return (
        status is not None
        and os.name != "nt"
        and os.WIFSIGNALED(status)
        and os.WTERMSIG(status) == _SIGKILL
    )


def resident_bytes(pid: int) -> Optional[int]:
    """Return the memory a process holds now, or None where that is not known."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
