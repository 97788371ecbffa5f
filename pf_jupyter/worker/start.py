"""How the processes below control come to life in an interpreter of their own.

Control runs isolated from everything that is installed. What it starts does not: these
processes see the environment as any program there would.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import TYPE_CHECKING, List, Optional, Tuple

from . import layers, process_tree

if TYPE_CHECKING:
    from . import executor

_Zygote = Tuple[int, socket.socket]
_early: Optional[_Zygote] = None
_open_files: Optional[int] = None

CODE = """\
import sys
if sys.path and sys.path[0] == "":
    del sys.path[0]
sys.path.insert(0, sys.argv[1])
from pf_jupyter.worker.start import main
main(sys.argv[1:])
"""


def command(
    code_folder: str, role: str, *arguments: str, python: Optional[str] = None
) -> List[str]:
    """Return the command line of a process with this role.

    ``python`` None means the interpreter of the layers in use.
    """
    executable = python or layers.python()
    return [executable, "-c", CODE, code_folder, role, *arguments]


def begin(code_folder: str, base_folder: str) -> None:
    """Become control.

    The zygote has more to load than control, so it begins first and the two load side
    by side.
    """
    global _early
    if sys.argv[1:2] == ["--cluster"]:
        _speak_for_a_cluster(code_folder, sys.argv[2:])
        return
    process_tree.found_family()
    # what follows the program on the command line are the runtime's layers
    wanted = sys.argv[1:]
    if wanted and not layers.missing(wanted):
        layers.use(wanted)
    if not must_spawn():
        _early = spawn_zygote(code_folder)
    from .control import main as control

    control(code_folder, base_folder)


def _speak_for_a_cluster(code_folder: str, folders: List[str]) -> None:
    """Become the process that speaks with a Dask cluster, in the user's environment."""
    if folders and not layers.missing(folders):
        layers.use(folders)
    line = command(code_folder, "cluster")
    environment = {**os.environ, **layers.variables(folders)}
    if os.name == "nt":
        import subprocess

        sys.exit(subprocess.call(line, env=environment))
    os.execve(line[0], line, environment)


def must_spawn() -> bool:
    """Whether executors are started afresh instead of forked on this system.

    macOS can fork, but its frameworks do not survive it.
    """
    wish = os.environ.get("PF_WORKER_START")
    if wish in ("spawn", "pipe", "fork"):
        return wish != "fork"
    return not sys.platform.startswith("linux")


def can_share_files() -> bool:
    """Whether a fresh executor can be given any open file, not just three pipes."""
    return os.name != "nt" and os.environ.get("PF_WORKER_START") != "pipe"


def zygote_of(code_folder: str) -> _Zygote:
    """Return a zygote that nobody has yet: its pid and our end of its socket."""
    global _early
    early, _early = _early, None
    return early or spawn_zygote(code_folder)


def spawn_zygote(code_folder: str) -> _Zygote:
    """Start a zygote; what it prints goes to stderr."""
    open_files = raise_open_files_limit()
    ours, theirs = socket.socketpair()
    theirs.set_inheritable(True)
    line = command(code_folder, "zygote", str(theirs.fileno()), str(open_files))
    nothing = os.open(os.devnull, os.O_RDONLY)
    pid = os.posix_spawn(
        line[0],
        line,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, nothing, 0),
            (os.POSIX_SPAWN_DUP2, 2, 1),
        ],
    )
    os.close(nothing)
    theirs.close()
    return pid, ours


def main(arguments: List[str]) -> None:
    """Live as ``arguments`` say: code folder, role, and what the role needs."""
    code_folder, role, *rest = arguments
    # Last, so that packages which are really installed win over ours.
    sys.path.append(os.path.join(code_folder, "pf_jupyter", "worker", "compat"))
    sys.argv[:] = [""]
    if role == "zygote":
        from . import nursery

        restore_open_files_limit(int(rest[1]))
        nursery.zygote(int(rest[0]))
    elif role == "cluster":
        from .cluster import serving

        serving.main()
    elif role == "examine":
        from . import examination

        examination.main()
    else:
        _fresh_executor([int(fd) for fd in rest])


def raise_open_files_limit() -> int:
    """Allow this process as many open files as it may have; return the old limit."""
    global _open_files
    if _open_files is None:
        _open_files = _raise_open_files_limit()
    return _open_files


def _raise_open_files_limit() -> int:
    try:
        import resource
    except ImportError:
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return 0
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return 0
    return soft


def restore_open_files_limit(soft: int) -> None:
    """Undo `raise_open_files_limit`: user code keeps the limit it would have had."""
    if soft:
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _fresh_executor(outputs: List[int]) -> None:
    """Live as an executor that was not forked.

    Parameters
    ----------
    outputs
        Read ends of our stdout and stderr; stdin is then a socket for frames. Without
        them frames come on stdin and go to stdout.
    """
    import faulthandler

    from . import executor, nursery, process_tree

    process_tree.end_with_parent(os.getppid())
    process_tree.adopt_orphans()
    process_tree.offer_to_oom_killer()
    nursery.limit_memory(os.environ.get("PF_WORKER_MEMORY"))
    faulthandler.enable(2)
    worker = _with_files(outputs) if outputs else _with_pipes()
    worker.serve()
    executor.leave()


def _with_files(outputs: List[int]) -> "executor.Executor":
    from . import executor, wire

    for fd in outputs:
        os.set_inheritable(fd, False)
    sock = socket.socket(fileno=os.dup(0))
    _close_stdin()
    named = list(zip(outputs, ("stdout", "stderr")))
    return executor.Executor(wire.socket_wire(sock), named)


def _with_pipes() -> "executor.Executor":
    from . import executor, wire

    read_fd, write_fd = os.dup(0), os.dup(1)
    _close_stdin()
    output, stdout = os.pipe()
    os.dup2(stdout, 1)
    os.close(stdout)
    worker = executor.Executor(wire.pipe_wire(read_fd, write_fd))

    def read_output() -> None:
        while True:
            text = os.read(output, 1 << 16)
            if not text:
                return
            worker.send_output("stdout", text)

    threading.Thread(target=read_output, daemon=True).start()
    return worker


def _close_stdin() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
