"""A flow that brings requirements has a session of its own, with a layer of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.errors import EnvironmentInvalid, UsageError
from pf_jupyter.store.records import EnvironmentVersionRecord, timestamp
from pf_jupyter.workspace.core import Core, installed_engines
from pf_jupyter.workspace.flow_session import (
    requirements_of,
    session_name,
    version_of,
)
from pf_jupyter.workspace.local import LocalWorkspace

FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    folder = tmp_path / "my flow"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    return folder


def names(found: Any) -> list[str]:
    return [item.name for item in found.items]


def test_requirements_are_found_beside_the_flow(flow: Path) -> None:
    assert requirements_of(flow) is None
    (flow / "requirements.txt").write_text("promptflow\nPromptflow_Tools==1\n")
    assert requirements_of(flow) is None
    (flow / "requirements.txt").write_text("promptflow\npf-lib>=1\n")
    assert names(requirements_of(flow)) == ["pf-lib"]
    assert names(requirements_of(flow / "flow.dag.yaml")) == ["pf-lib"]


def test_the_flow_file_may_name_another_file(flow: Path) -> None:
    text = FLOW + "environment:\n  python_requirements_txt: needs/all.txt\n"
    (flow / "flow.dag.yaml").write_text(text)
    with pytest.raises(EnvironmentInvalid) as caught:
        requirements_of(flow)
    assert caught.value.problems[0]["code"] == "requirements_missing"
    (flow / "needs").mkdir()
    (flow / "needs" / "all.txt").write_text("pf-lib\npf=1\n")
    with pytest.raises(EnvironmentInvalid) as invalid:
        requirements_of(flow)
    assert invalid.value.problems[0]["line"] == 2
    (flow / "needs" / "all.txt").write_text("pf-lib\n")
    assert names(requirements_of(flow)) == ["pf-lib"]


def test_a_changed_requirement_is_another_session(flow: Path, tmp_path: Path) -> None:
    file = flow / "requirements.txt"

    def named(folder: Path) -> str:
        wanted = requirements_of(folder)
        assert wanted is not None
        return session_name(folder, wanted)

    file.write_text("pf-lib==1\n")
    first = named(flow)
    assert first.startswith("session-my-flow-")
    assert named(flow / "flow.dag.yaml") == first
    file.write_text("pf-lib==2\n")
    assert named(flow) != first
    other = flow.rename(tmp_path / "other")
    (other / "requirements.txt").write_text("pf-lib==1\n")
    assert named(other) != first


@pytest.fixture
def workspace(home: Path) -> Iterator[LocalWorkspace]:
    def build(folder: Path) -> Core:
        engines = installed_engines(folder)
        return Core(folder, {"process": engines["process"]})

    made = LocalWorkspace(home, build)
    yield made
    for runtime in made.runtimes.list():
        runtime.delete()
    made.close()


def test_the_session_has_what_the_flow_requires(
    workspace: LocalWorkspace, flow: Path, index: Any
) -> None:
    index.add("pf-lib")
    (flow / "requirements.txt").write_text("pf-lib\n")
    session = workspace.runtimes.ensure_for(flow)
    assert session.to_dict()["kind"] == "session"
    assert [layer["source"] for layer in session.layers()] == ["flow"]
    sources = {item.name: item.source for item in session.packages()}
    assert sources["pf-lib"] == "flow"
    # again: the same one, nothing to do; by hand more comes and goes, this stays
    assert workspace.runtimes.ensure_for(flow).name == session.name
    index.add("pf-more")
    session.install("pf-more")
    session.reset()
    assert [layer["source"] for layer in session.layers()] == ["flow"]
    # whoever chose a runtime gets that one, as it is
    workspace.runtimes.use(session.name)
    (flow / "requirements.txt").write_text("pf-other\n")
    assert workspace.runtimes.ensure_for(flow).name == session.name


def version(
    name: str, number: str, digest: str, **more: Any
) -> EnvironmentVersionRecord:
    now = timestamp()
    return EnvironmentVersionRecord(
        name, number, "ana", now, now, digest, f"pf_jupyter/env/{name}:{number}", **more
    )


def test_an_image_that_a_flow_names_is_a_version_here(
    workspace: LocalWorkspace, flow: Path
) -> None:
    store = workspace.core.store
    place = {"registry.example/team/mine:1": "sha256:11"}
    store.environments.add_version(version("mine", "1", "sha256:aa", registries=place))
    store.environments.add_version(version("mine", "2", "sha256:bb"))

    def meant(image: str) -> str | None:
        text = f"{FLOW}environment:\n  image: {image}\n"
        (flow / "flow.dag.yaml").write_text(text)
        found = version_of(flow, store)
        return found.digest if found else None

    assert meant("mine:1") == "sha256:aa"
    assert meant("registry.example/team/mine:1") == "sha256:aa"
    assert meant("mine") == meant("mine@latest") == "sha256:bb"
    public = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest"
    assert meant(public) is meant("pf_jupyter/base") is None
    with pytest.raises(UsageError) as caught:
        meant("elsewhere/other:3")
    assert caught.value.code == "flow_image"
    assert "%pfenv import elsewhere/other:3" in caught.value.hint


def test_another_digest_of_the_image_is_another_session(flow: Path) -> None:
    plain = session_name(flow, None)
    one, two = (session_name(flow, None, digest) for digest in ("sha256:a", "sha256:b"))
    assert len({plain, one, two}) == 3
    assert session_name(flow, None, "sha256:a") == one


def test_a_session_never_stands_on_another_image_than_the_flow_names(
    workspace: LocalWorkspace, flow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = workspace.core.store
    store.environments.add_version(version("mine", "1", "sha256:aa"))
    text = f"{FLOW}environment:\n  image: mine\n"
    (flow / "flow.dag.yaml").write_text(text)
    asked: list[tuple[str, str]] = []

    def create(name: str, *, environment: str, **_: Any) -> Any:
        asked.append((name, environment))
        raise UsageError("enough")

    monkeypatch.setattr(workspace.runtimes, "create", create)
    for _ in range(2):
        with pytest.raises(UsageError):
            workspace.runtimes.ensure_for(flow)
        store.environments.add_version(version("mine", "2", "sha256:bb"))
    assert [environment for _, environment in asked] == ["mine:1", "mine:2"]
    assert asked[0][0] != asked[1][0]
