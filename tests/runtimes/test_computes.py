"""Which engine a runtime is made on."""

from __future__ import annotations

import pytest

from pf_jupyter.engines.fake import FakeEngine
from pf_jupyter.errors import Unreachable, UsageError
from pf_jupyter.runtimes.computes import Computes


class Plain(FakeEngine):
    isolated = False


@pytest.fixture
def docker():
    return FakeEngine()


@pytest.fixture
def computes(docker):
    plain = Plain()
    return Computes({"process": lambda: plain, "docker": lambda: docker})


def test_docker_is_taken_when_it_answers(computes, docker):
    name, engine, info, remark = computes.choose(None)
    assert (name, engine, remark) == ("docker", docker, "")
    assert info.name == "fake"


def test_otherwise_a_process_and_it_says_that_this_does_not_isolate(computes, docker):
    docker.lose()
    name, _, _, remark = computes.choose(None)
    assert name == "process"
    assert "does not isolate" in remark
    assert "does not answer" in remark


def test_what_was_asked_for_is_not_replaced(computes, docker):
    docker.lose()
    with pytest.raises(Unreachable):
        computes.choose("docker")
    assert computes.choose("process")[0] == "process"


def test_without_a_fallback_the_reason_is_told(docker):
    docker.lose()
    with pytest.raises(Unreachable):
        Computes({"docker": lambda: docker}).choose(None)


def test_an_unknown_one_names_the_nearest(computes):
    with pytest.raises(UsageError) as caught:
        computes.engine("proces")
    assert "'process'" in caught.value.hint


def test_an_engine_is_opened_once():
    opened = []

    def factory():
        opened.append(1)
        return FakeEngine()

    computes = Computes({"docker": factory})
    assert computes.engine("docker") is computes.engine("docker")
    assert opened == [1]


def test_the_list_says_which_answer_and_why_not(computes, docker):
    docker.lose()
    docker_row, process_row = computes.describe()
    assert (docker_row["name"], docker_row["reachable"]) == ("docker", False)
    assert "does not answer" in docker_row["detail"]
    assert (process_row["name"], process_row["reachable"]) == ("process", True)
