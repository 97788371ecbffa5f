"""What holds for a workspace of one's own holds for one that a server has: the same
tests are run on both."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

WORKSPACE = Path(__file__).parents[1] / "workspace"
ONLY_LOCAL = {
    # about the process's own workspace, or made with parts of it
    "test_there_is_one_workspace_for_each_home",
    "test_connecting_makes_nothing",
    "test_what_is_in_use_is_known_to_processes_to_come",
    "test_a_session_whose_engine_is_gone_is_replaced_for_the_time_being",
    "test_without_docker_it_says_why_and_that_a_process_does_not_isolate",
    "test_ensure_makes_a_session_once_and_brings_it_back",
    "test_a_key_in_the_settings_of_a_prompty_is_told_nowhere",  # looks into its files
    "test_what_is_wrong_is_told_before_anything_runs",
    "test_a_killed_host_loses_no_line_and_none_is_run_twice",
    "test_a_killed_worker_is_replaced_in_the_middle",
}


def _load(name):
    """Return a module of the tests of the workspace."""
    spec = importlib.util.spec_from_file_location(f"pf_both_{name}", WORKSPACE / name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def _tests_of(name):
    found = vars(_load(name)).items()
    return {
        test: function
        for test, function in found
        if (test.startswith("test_") and test not in ONLY_LOCAL)
        or "Fixture" in type(function).__name__
    }


slow_flow = _load("conftest.py").slow_flow
for file in (
    *("test_local.py", "test_running.py", "test_flex.py", "test_traces.py"),
    "test_batches.py",
    "test_versions.py",
):
    globals().update(_tests_of(file))


@pytest.fixture(scope="module")
def shared(server):
    """The workspace of a server with a ready runtime ``demo``."""
    from .conftest import connected

    made = connected(server)
    yield made
    made.close()


@pytest.fixture
def rt(shared):
    return shared.runtimes.get("demo")


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A server without runtimes, which tests leave so."""
    from .conftest import harness, remove_runtimes

    made = harness.Server(tmp_path_factory.mktemp("empty"))
    try:
        yield made.start()
    finally:
        made.stop()
        remove_runtimes(made)


@pytest.fixture
def workspace(empty, connect_to):
    """The workspace of a server, with nothing in it."""
    made = connect_to(empty)
    yield made
    for runtime in made.runtimes.list():
        runtime.delete()
    made.runtimes.use(None)
