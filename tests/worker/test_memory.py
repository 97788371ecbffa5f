"""What the kernel says about memory, in both versions of control groups."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pf_jupyter.worker import process_tree
from pf_jupyter.worker.memory_group import MemoryGroup, describe_bytes

V1 = {
    "membership": "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/other\n",
    "events": "memory/docker/abc/memory.oom_control",
    "limit": "memory/docker/abc/memory.limit_in_bytes",
    "text": "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n",
    "none": str(2**63 - 4096),
}
V1_INSIDE = {
    **V1,
    "events": "memory/memory.oom_control",
    "limit": "memory/memory.limit_in_bytes",
}
V2 = {
    "membership": "0::/\n",
    "events": "memory.events",
    "limit": "memory.max",
    "text": "low 0\nhigh 0\nmax 7\noom 3\noom_kill {}\n",
    "none": "max",
}
V2_BELOW = {
    **V2,
    "membership": "0::/user.slice/a\n",
    "events": "user.slice/a/memory.events",
    "limit": "user.slice/a/memory.max",
}


@pytest.mark.parametrize(
    "layout", [V1, V1_INSIDE, V2, V2_BELOW], ids=["v1", "v1 inside", "v2", "v2 below"]
)
def test_kills_for_memory_are_counted_once(
    tmp_path: Path, layout: dict[str, str]
) -> None:
    membership, events, limit = (
        tmp_path / "cgroup",
        tmp_path / layout["events"],
        tmp_path / layout["limit"],
    )
    events.parent.mkdir(parents=True, exist_ok=True)
    membership.write_text(layout["membership"])
    events.write_text(layout["text"].format(4))
    limit.write_text("268435456\n")
    group = MemoryGroup(str(tmp_path), str(membership))
    assert group.limit() == 256 * 1024**2
    assert not group.took_one()
    events.write_text(layout["text"].format(6))
    assert [group.took_one() for _ in range(3)] == [True, True, False]
    limit.write_text(layout["none"])
    assert group.limit() is None


def test_without_control_groups_nothing_is_known(tmp_path: Path) -> None:
    group = MemoryGroup(str(tmp_path), str(tmp_path / "none"))
    assert not group.took_one()
    assert group.limit() is None


def test_sizes_and_ends_are_told_in_words() -> None:
    assert describe_bytes(256 * 1024**2) == "256 MB"
    assert describe_bytes(4 * 1024**3) == "4.0 GB"
    assert process_tree.describe_exit(3 << 8) == "with exit code 3"
    assert process_tree.describe_exit(signal.SIGSEGV) == "by signal 11 (SIGSEGV)"
    assert process_tree.was_killed(signal.SIGKILL)
    assert not process_tree.was_killed(9 << 8)
    assert "unknown" in process_tree.describe_exit(None)


def test_descendants_are_found() -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            signal.pause()
        os.write(write, str(grandchild).encode())
        signal.pause()
    grandchild = int(os.read(read, 20))
    os.close(read)
    os.close(write)
    assert process_tree.descendants([child]) == [grandchild]
    process_tree.kill_tree(child)
    assert process_tree.was_killed(os.waitpid(child, 0)[1])
