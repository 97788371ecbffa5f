"""Versions: numbered, immutable, found, hidden, owned. The engine is in memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.api import ImageInfo
from pf_jupyter.engines.fake import FakeEngine
from pf_jupyter.environments import build as building
from pf_jupyter.environments import contract, default
from pf_jupyter.environments.contract import Trial
from pf_jupyter.errors import (
    AlreadyExists,
    EnvironmentFailed,
    NotFound,
    PfError,
    Refused,
    Unreachable,
    UsageError,
)
from pf_jupyter.runtimes.identity import acting
from pf_jupyter.workspace import core as cores
from pf_jupyter.workspace.core import Core
from pf_jupyter.workspace.environment_api import Environments
from pf_jupyter.workspace.local import LocalWorkspace


class Hello:
    """A worker that said hello, or anything else that is closed."""

    def close(self) -> None:
        pass


@pytest.fixture
def registry() -> dict[str, ImageInfo]:
    return {}


@pytest.fixture
def engine(registry: dict[str, ImageInfo]) -> FakeEngine:
    return FakeEngine(["base:1"], python=[sys.executable], registry=registry)


@pytest.fixture
def opened(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[..., LocalWorkspace]]:
    """Return a function that opens a workspace on an engine in memory."""
    monkeypatch.setattr(cores, "open_worker", lambda engine, instance: Hello())
    found: list[LocalWorkspace] = []

    def make(name: str = "home", on: FakeEngine = engine) -> LocalWorkspace:
        workspace = LocalWorkspace(
            tmp_path / name, lambda home: Core(home, {"docker": lambda: on})
        )
        found.append(workspace)
        return workspace

    yield make
    for workspace in found:
        workspace.close()


@pytest.fixture
def no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """No image is tried: what is asked here is about names and numbers."""
    trial = Trial((), "3.11.7", {"jinja2": "3.1.6"})
    for module in (building, contract):
        monkeypatch.setattr(module, "try_image", lambda *args, **options: trial)


@pytest.fixture
def environments(opened: Callable[..., LocalWorkspace]) -> Environments:
    return opened().environments


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "environment.yaml").write_text(
        "name: mine\nbuild: {path: .}\ndescription: first\n"
    )
    (folder / "Dockerfile").write_text("FROM base:1\nRUN one\n")
    return folder


@pytest.fixture
def acting_as() -> Iterator[Callable[[str], None]]:
    """Return a function that says who is worked for from now on."""
    before = acting.get()

    def act(name: str) -> None:
        acting.set(name)

    yield act
    acting.set(before)


def change(source: Path, line: str) -> None:
    (source / "Dockerfile").write_text(f"FROM base:1\nRUN {line}\n")


def built(engine: FakeEngine) -> list[str]:
    """Return what was built of folders; labels alone come without any file."""
    return [name for _, name, options in engine.builds if options.files != ()]


@pytest.mark.usefixtures("no_trial")
def test_numbers_are_given_once_and_content_never_changes(
    environments: Environments, source: Path
) -> None:
    first = environments.publish(source)
    assert (first.version, first.description) == ("1", "first")
    assert environments.publish(source).version == "1"
    change(source, "two")
    assert environments.publish("mine").version == "2"
    change(source, "three")
    with pytest.raises(AlreadyExists) as caught:
        environments.publish(source, version="2")
    assert caught.value.code == "version_taken"
    assert environments.publish(source, version="2026-01.v1").version == "2026-01.v1"
    change(source, "four")
    assert environments.publish(source).version == "3"
    assert environments.get("mine:1").digest == first.digest
    assert environments.get("mine").version == "3"
    assert environments.get("mine@latest").version == "3"
    with pytest.raises(UsageError):
        environments.publish(source, version="latest")


@pytest.mark.usefixtures("no_trial")
def test_nothing_is_built_while_nothing_changed(
    environments: Environments, source: Path, engine: FakeEngine
) -> None:
    first = environments.build(source)
    again = environments.build(source)
    assert (first.cached, again.cached) == (False, True)
    assert again.digest == first.digest
    assert len(built(engine)) == 1
    environments.build(source, fresh=True)
    assert len(built(engine)) == 2
    engine.remove_image(first.image)
    assert not environments.build(source).cached


@pytest.mark.usefixtures("no_trial")
def test_it_is_built_anew_when_the_base_has_moved(
    environments: Environments,
    source: Path,
    engine: FakeEngine,
    registry: dict[str, ImageInfo],
) -> None:
    text = (source / "Dockerfile").read_text()
    (source / "Dockerfile").write_text(text.replace("base:1", "reg.example/base:1"))
    digest = "reg.example/base@sha256:{}"
    for number in ("1", "1", "2"):
        registry["reg.example/base:1"] = ImageInfo(
            f"sha256:{number}", (), 1, {}, registry_digests=(digest.format(number),)
        )
        environments.build(source)
    assert len(built(engine)) == 2
    # a registry that is gone for now keeps nobody from building on what is here
    engine.failure = Unreachable("it is gone")
    assert environments.build(source).cached


@pytest.mark.usefixtures("no_trial")
def test_only_description_and_tags_can_change(
    environments: Environments, source: Path
) -> None:
    made = environments.publish(source, tags={"a": "1", "b": "2"})
    changed = environments.describe("mine:1", description="other", tags={"b": ""})
    assert (changed.description, changed.tags) == ("other", {"a": "1"})
    assert changed.digest == made.digest
    with pytest.raises(UsageError) as caught:
        environments.describe("default", description="mine now")
    assert caught.value.code == "default_environment"


@pytest.mark.usefixtures("no_trial")
def test_a_version_is_withdrawn_with_a_reason_and_given_back(
    environments: Environments, source: Path
) -> None:
    environments.publish(source, tags={"a": "1"})
    change(source, "two")
    environments.publish(source)
    assert environments.withdraw("mine:2", " loses rows ").withdrawn == "loses rows"
    assert environments.get("mine").version == "1"
    assert environments.get("mine:2").withdrawn == "loses rows"
    assert environments.withdraw("mine:2", undo=True).withdrawn == ""
    assert environments.get("mine").version == "2"
    for reference, reason in (("mine", "slow"), ("mine:1", " ")):
        with pytest.raises(UsageError) as caught:
            environments.withdraw(reference, reason)
        assert caught.value.code == "withdrawal_incomplete"
    assert environments.get("mine:1").tags == {"a": "1"}


@pytest.mark.usefixtures("no_trial")
def test_what_is_archived_is_hidden_and_still_usable(
    environments: Environments, source: Path
) -> None:
    environments.publish(source)
    change(source, "two")
    environments.publish(source)
    environments.archive("mine:2")
    assert [str(one.version) for one in environments.list()][1:] == ["1"]
    assert environments.get("mine").version == "1"
    assert environments.get("mine:2").archived
    assert "mine:2" not in environments.names()
    environments.archive("mine")
    assert [one.name for one in environments.list()] == ["default"]
    assert len(environments.list(archived=True)) == 3
    # a new version under a name that is archived is archived, too
    change(source, "three")
    assert environments.publish(source).archived
    environments.restore("mine")
    assert environments.get("mine").version == "3"
    shown = [f"{one.name}:{one.version}" for one in environments.list()]
    assert shown[1:] == ["mine:1", "mine:2", "mine:3"]


@pytest.mark.usefixtures("no_trial")
def test_a_name_belongs_to_whoever_built_it_first(
    environments: Environments, source: Path, acting_as: Callable[[str], None]
) -> None:
    acting_as("ana")
    environments.build(source)
    acting_as("bo")
    change(source, "two")
    with pytest.raises(Refused) as caught:
        environments.build(source)
    assert caught.value.code == "name_taken"
    assert "ana" in caught.value.message
    (source / "environment.yaml").write_text("name: default\nbuild: {path: .}\n")
    with pytest.raises(Refused):
        environments.build(source)


@pytest.mark.usefixtures("no_trial")
def test_a_push_that_fails_leaves_no_version(
    environments: Environments, source: Path, engine: FakeEngine
) -> None:
    environments.build(source)
    names = sorted(engine._images)
    engine.failure = Unreachable("the registry is gone", code="registry_unreachable")
    with pytest.raises(EnvironmentFailed) as caught:
        environments.publish(source, registry="localhost:5000/team")
    assert (caught.value.phase, caught.value.exit_code) == ("push", 4)
    assert sorted(engine._images) == names
    with pytest.raises(NotFound) as missing:
        environments.get("mine")
    assert "%pfenv publish mine" in missing.value.hint
    engine.failure = None
    made = environments.publish(source, registry="localhost:5000/team")
    assert made.version == "1"
    assert list(made.registries) == ["localhost:5000/team/mine:1"]


@pytest.mark.usefixtures("no_trial")
def test_another_engine_gets_it_from_the_registry(
    opened: Callable[..., LocalWorkspace],
    environments: Environments,
    source: Path,
    registry: dict[str, ImageInfo],
) -> None:
    made = environments.publish(source, registry="localhost:5000/team")
    there = opened("there", FakeEngine(python=[sys.executable], registry=registry))
    found = there.environments.import_("localhost:5000/team/mine:1")
    assert (found.name, found.version, found.digest) == ("mine", "1", made.digest)
    assert there.environments.import_("localhost:5000/team/mine:1") == found
    for wrong in ("mine", "mine:1", "localhost:5000/team/mine"):
        with pytest.raises(UsageError) as caught:
            there.environments.import_(wrong)
        assert caught.value.code == "bad_reference"


@pytest.mark.usefixtures("no_trial")
def test_what_is_not_there_names_what_is(
    environments: Environments, source: Path, tmp_path: Path
) -> None:
    environments.publish(source)
    with pytest.raises(NotFound) as caught:
        environments.get("mne")
    assert "mine" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        environments.get("mine:7")
    assert caught.value.code == "environment_not_found"
    with pytest.raises(NotFound) as caught:
        environments.build(tmp_path / "nowhere")
    assert caught.value.code == "environment_missing"
    with pytest.raises(NotFound):
        environments.get("default:99")
    assert environments.get(f"default:{default.DEFAULT_VERSION}").curated


@pytest.mark.usefixtures("no_trial")
def test_a_runtime_is_pinned_to_the_version_of_its_making(
    opened: Callable[..., LocalWorkspace], source: Path
) -> None:
    workspace = opened()
    made = workspace.environments.publish(source)
    pinned = workspace.core.life.named.pin("mine@latest")
    change(source, "two")
    workspace.environments.publish(source)
    assert (pinned["environment_name"], pinned["environment_version"]) == ("mine", "1")
    assert pinned["environment_digest"] == made.digest
    with pytest.raises(PfError):
        workspace.runtimes.create("r", environment="mine:9")
    assert workspace.runtimes.list() == []


@pytest.mark.usefixtures("no_trial")
def test_where_there_are_no_containers_there_are_no_images(
    home: Path, source: Path
) -> None:
    from pf_jupyter.engines.process import ProcessEngine

    workspace = LocalWorkspace(
        home, lambda folder: Core(folder, {"process": lambda: ProcessEngine(home)})
    )
    with pytest.raises(UsageError) as caught:
        workspace.environments.build(source)
    assert caught.value.code == "no_images"
    workspace.close()


def test_the_trial_tells_what_a_package_lacks(
    environments: Environments, source: Path
) -> None:
    (source / "requirements.txt").write_text("pip<1\npytest\nno-such-thing\n")
    with pytest.raises(EnvironmentFailed) as caught:
        environments.publish(source)
    error: Any = caught.value
    assert (error.phase, error.code) == ("contract", "package_version")
    assert "requirements.txt:1 asks for <1" in error.message
    assert "no-such-thing, which requirements.txt:3 asks for" in error.log
    assert "(1 more" in error.message


@pytest.mark.usefixtures("no_trial")
def test_an_image_tells_its_packages_and_what_is_new(
    environments: Environments, source: Path, engine: FakeEngine
) -> None:
    made = environments.publish(source, notes="faster\n\nand smaller ")
    image = engine.image(made.image)
    assert image is not None
    assert image.id == made.digest
    assert image.labels["pf_jupyter.packages"] == "jinja2==3.1.6"
    assert image.labels["pf_jupyter.python-version"] == "3.11.7"
    assert image.labels["pf_jupyter.notes"] == "faster\n\nand smaller"
    assert environments.get("mine").notes == "faster\n\nand smaller"
    # the same build is the same version, and its notes are for good
    assert environments.publish(source).version == "1"
    assert environments.publish(source, notes="faster\n\nand smaller").version == "1"
    with pytest.raises(AlreadyExists) as caught:
        environments.publish(source, notes="slower")
    assert caught.value.code == "version_taken"
    assert environments.get("mine").notes == "faster\n\nand smaller"
    # what is built on it does not inherit them
    change(source, "two")
    assert environments.publish(source).notes == ""
    assert not any("notes-" in name for name in engine._images)
