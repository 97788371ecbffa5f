"""How a name becomes an engine."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines import registry
from pf_jupyter.engines.fake import FakeEngine
from pf_jupyter.engines.process import ProcessEngine
from pf_jupyter.engines.registry import local_engine, open_engine
from pf_jupyter.errors import NotFound, RuntimeFailed, UsageError


def offer(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Let another package offer an engine."""
    entry = metadata.EntryPoint(name=name, value=value, group=registry.GROUP)

    def entry_points(**wanted: Any) -> metadata.EntryPoints:
        return metadata.EntryPoints([entry]).select(**wanted)

    monkeypatch.setattr(registry.metadata, "entry_points", entry_points)


def test_ours_are_there_without_any_metadata(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        registry.metadata, "entry_points", lambda **_: metadata.EntryPoints()
    )
    engine = open_engine("process", home=tmp_path)
    assert isinstance(engine, ProcessEngine)
    assert engine.ping().address == str(tmp_path)
    assert open_engine("docker", address="unix:///none.sock").name == "docker"
    assert registry.engine_names() == ["docker", "process"]


def test_another_package_may_offer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "other", "pf_jupyter.engines.fake:FakeEngine")
    assert isinstance(open_engine("other"), FakeEngine)
    assert "other" in registry.engine_names()


def test_one_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "broken", "pf_no_such_module:Engine")
    with pytest.raises(RuntimeFailed) as caught:
        open_engine("broken")
    assert caught.value.code == "engine_broken"
    assert "pf_no_such_module" in caught.value.message


def test_a_typo_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFound) as caught:
        open_engine("dokcer")
    assert caught.value.code == "engine_not_found"
    assert "'docker'" in caught.value.hint


def test_a_name_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(NotFound) as caught:
        open_engine("xyz")
    assert "docker, process" in caught.value.hint


def test_an_option_that_the_engine_does_not_take() -> None:
    with pytest.raises(UsageError) as caught:
        open_engine("process", colour="red")
    assert caught.value.code == "bad_engine_option"


def test_without_docker_it_is_the_process_engine_and_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    found = local_engine(tmp_path)
    assert found.engine.name == "process"
    assert found.info.isolated is False
    assert found.docker_problem is not None
    assert found.docker_problem.code == "no_engine"


def test_a_docker_host_that_is_no_address_is_a_reason_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "nonsense")
    found = local_engine(tmp_path)
    assert found.engine.name == "process"
    assert found.docker_problem is not None
    assert found.docker_problem.code == "bad_address"


@pytest.mark.docker
def test_with_docker_it_is_docker(
    docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    found = local_engine()
    assert found.engine.name == "docker"
    assert found.docker_problem is None
    found.engine.close()
