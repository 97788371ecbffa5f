"""Processes are known by locks that the system takes back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pf_jupyter.store.processes import Processes

PROGRAM = """
import sys, pathlib
from pf_jupyter.store.processes import Processes
processes = Processes(pathlib.Path(sys.argv[1]))
print(processes.mine(), flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def other(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "processes")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_a_process_is_alive_until_it_is_killed(tmp_path, other):
    name = other.stdout.readline().strip()
    processes = Processes(tmp_path / "processes")
    assert processes.alive(name)
    assert processes.dead() == []
    other.kill()
    other.wait()
    assert not processes.alive(name)
    assert processes.dead() == [name]
    processes.forget(name)
    assert processes.dead() == []
    assert not processes.alive(name)


def test_this_process_has_one_name_and_takes_it_along(tmp_path):
    processes = Processes(tmp_path / "processes")
    assert list(tmp_path.glob("processes/*")) == []
    name = processes.mine()
    assert processes.mine() == name
    assert processes.alive(name)
    assert Processes(tmp_path / "processes").alive(name)
    processes.leave()
    assert not Processes(tmp_path / "processes").alive(name)
    assert list(tmp_path.glob(f"processes/{name}*")) == []


def test_a_name_never_heard_of_is_dead(tmp_path):
    assert not Processes(tmp_path / "processes").alive("nobody")


def test_two_who_look_at_once_see_the_same(tmp_path, other):
    from concurrent.futures import ThreadPoolExecutor

    name = other.stdout.readline().strip()
    other.kill()
    other.wait()
    several = [Processes(tmp_path / "processes") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        seen = [
            found
            for _ in range(100)
            for found in pool.map(lambda one: one.alive(name), several)
        ]
    assert seen == [False] * 400
