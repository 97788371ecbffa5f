"""Looking for newer versions, where nothing but memory answers."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.api import ImageInfo
from pf_jupyter.errors import NotFound, Unreachable, UsageError
from pf_jupyter.runtimes.newer import Newer
from pf_jupyter.runtimes.newest import version_key
from pf_jupyter.runtimes.version_checks import VersionChecks
from pf_jupyter.runtimes.version_words import age, changes, changes_text
from pf_jupyter.store.records import (
    EnvironmentRecord,
    EnvironmentVersionRecord,
    timestamp,
)

PLACE = "reg.test:5000/team/mine"
DIGEST = "sha256:" + "1" * 64


def image(reference: str, **changes: Any) -> ImageInfo:
    made = ImageInfo("sha256:" + "2" * 64, (reference,), 5 * 1024**2, {})
    return replace(made, **changes)


def published(version: str, **changes: Any) -> EnvironmentVersionRecord:
    now = timestamp()
    made = EnvironmentVersionRecord(
        name="mine",
        version=version,
        owner="ann",
        created_at=now,
        changed_at=now,
        digest=DIGEST,
        image=f"pf_jupyter/env/mine:{version}",
        registries={f"{PLACE}:{version}": "sha256:ab"},
        document={"packages": {"openai": "3.51"}, "python": "3.12.1"},
    )
    return replace(made, **changes)


@pytest.fixture
def ground(stage: Any) -> Any:
    """A runtime on version 1 of an environment that came from a registry."""
    record = stage.create()
    stage.store.environments.add_version(published("1"))
    stage.engine.registry[f"{PLACE}:1"] = image(f"{PLACE}:1")
    stage.key = record.id
    stage.store.change_runtime(
        record.id,
        environment_name="mine",
        environment_version="1",
        environment_digest=DIGEST,
        base_digest=DIGEST,
    )
    return stage


def newer(stage: Any, **more: Any) -> Newer:
    return Newer(stage.store, stage.life.computes, **more)


def look(stage: Any, **more: Any) -> dict[str, Any]:
    return newer(stage, **more).look(stage.record())


def test_versions_are_numbers_and_words_are_not() -> None:
    ordered = ["1", "1.9", "v1.10", "2", "10", "2023-06-30", "20240115.v2"]
    ordered.append("20240115.v10")
    keys = [version_key(one) for one in ordered]
    assert keys == sorted(keys, key=lambda key: key or ())
    assert [version_key(one) for one in ("latest", "1-beta", "", "a1")] == [None] * 4


def test_equal_means_nothing_is_newer(ground: Any) -> None:
    found = look(ground)
    assert (found["newer"], found["latest"], found["notice"]) == (False, None, "")
    assert (found["problem"], found["source"]) == (None, f"registry {PLACE}")


def test_the_highest_number_of_the_tags_is_the_newest(ground: Any) -> None:
    for tag in ("9", "10", "latest", "0", "build-12"):
        ground.engine.registry[f"{PLACE}:{tag}"] = image(
            f"{PLACE}:{tag}", labels={"pf_jupyter.packages": "openai==3.54 six==1"}
        )
    found = look(ground)
    assert found["latest"]["version"] == "10"
    assert found["latest"]["reference"] == f"{PLACE}:10"
    assert found["packages"] == [
        {"name": "openai", "before": "3.51", "after": "3.54"},
        {"name": "six", "before": None, "after": "1"},
    ]
    assert "openai 3.51 → 3.54, + six 1" in found["notice"]
    assert "5 MB to fetch" in found["notice"]


def test_what_is_new_is_told_before_anything_is_fetched(ground: Any) -> None:
    labels = {
        "pf_jupyter.packages": "openai==3.54",
        "pf_jupyter.python-version": "3.13.0",
        "pf_jupyter.notes": "Answers twice as fast.\nSee the page.",
    }
    ground.engine.registry[f"{PLACE}:2"] = image(f"{PLACE}:2", labels=labels)
    found = look(ground)
    assert found["latest"]["notes"] == labels["pf_jupyter.notes"]
    assert "Python 3.12.1 → 3.13.0" in found["notice"]
    assert found["notice"].endswith("5 MB to fetch. “Answers twice as fast.”")
    assert ground.engine.image(f"{PLACE}:2") is None


def test_what_was_published_here_needs_no_registry(ground: Any) -> None:
    packages = {"packages": {"openai": "3.54"}, "python": "3.12.1"}
    rows = ground.store.environments
    rows.add_version(published("2", registries={}, document=packages))
    rows.add_version(published("3", archived=True))
    ground.engine.failure = Unreachable("nobody there", code="registry_unreachable")
    found = look(ground)
    assert found["latest"]["version"] == "2"
    assert "openai 3.51 → 3.54, same Python" in found["notice"]
    assert found["problem"]["code"] == "registry_unreachable"


def test_a_silent_registry_is_a_problem_and_no_news(ground: Any) -> None:
    ground.engine.failure = Unreachable("nobody there", code="registry_unreachable")
    found = look(ground)
    assert found["newer"] is False
    assert found["problem"]["message"] == "nobody there"


def test_where_tags_cannot_be_listed_the_next_numbers_are_tried(
    ground: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(repository: str, *, login: Any = None) -> list[str]:
        raise Unreachable("only the engine is let through")

    monkeypatch.setattr(ground.engine, "registry_tags", refuse)
    for tag in ("2", "3"):
        ground.engine.registry[f"{PLACE}:{tag}"] = image(f"{PLACE}:{tag}")
    assert look(ground)["latest"]["version"] == "3"


def test_a_tag_that_is_a_word_may_move(ground: Any) -> None:
    reference = f"{PLACE}:stable"
    here = image(reference, registry_digests=(f"{PLACE}@sha256:old",))
    ground.engine._images["pf/stable"] = here
    registries = {reference: "sha256:old"}
    rows = ground.store.environments
    rows.add_version(published("stable", registries=registries))
    ground.store.change_runtime(
        ground.key, environment_version="stable", image="pf/stable"
    )
    ground.engine.registry[reference] = image(reference, id="sha256:old")
    assert look(ground)["newer"] is False
    ground.engine.registry[reference] = image(reference, id="sha256:new")
    found = look(ground)
    assert (found["newer"], found["latest"]["version"]) == (True, "stable")


def test_a_channel_file_says_what_there_is(
    ground: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "channel.yaml"
    file.write_text(
        "mine:\n  versions:\n  - {version: '4', image: 'reg.test/x/mine:4'}\n"
        "  - {version: '0', image: 'reg.test/x/mine:0'}\n"
    )
    monkeypatch.setenv("PF_JUPYTER_CHANNEL", str(file))
    found = look(ground)
    assert found["latest"]["version"] == "4"
    assert found["latest"]["reference"] == "reg.test/x/mine:4"
    assert f"channel {file}" in found["source"]
    assert newer(ground).reference_of(ground.record(), "4") == "reg.test/x/mine:4"


@pytest.mark.parametrize("text", ["mine: 3", "- a", "mine: {versions: [1]}", "a: ["])
def test_a_broken_channel_is_said(
    ground: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / "channel.yaml"
    file.write_text(text)
    monkeypatch.setenv("PF_JUPYTER_CHANNEL", str(file))
    assert look(ground)["problem"]["code"] == "bad_channel"
    with pytest.raises(UsageError):
        newer(ground).reference_of(ground.record(), "4")


def test_default_is_newer_when_its_parts_are(stage: Any) -> None:
    stage.create()
    expected = type("E", (), {})()
    same = stage.resolve(stage.engine, lambda _: None)
    for name in ("name", "version", "digest", "image", "python", "source"):
        setattr(expected, name, getattr(same, name))
    assert not look(stage, peek=lambda engine: expected)["newer"]
    expected.digest = "sha256:" + "cd" * 32
    found = look(stage, peek=lambda engine: expected)
    assert (found["newer"], found["kind"]) == (True, "default")
    assert "default:1 is made of newer parts now" in found["notice"]


def test_a_base_that_moved_is_told_for_what_is_built_here(
    ground: Any, tmp_path: Path
) -> None:
    now = timestamp()
    rows = ground.store.environments
    rows.add(EnvironmentRecord("mine", "ann", now, now, folder=str(tmp_path)))
    base = "reg.test:5000/team/base:1"
    document = {"base": base, "base_digest": "sha256:b", "packages": {}}
    rows.change_version("mine", "1", document=document)
    ground.engine.registry[base] = image(base)
    ground.engine._images[base] = image(base, registry_digests=("r@" + image("").id,))
    assert not look(ground)["newer"]
    ground.engine.registry["reg.test:5000/team/base:2"] = image("b2")
    found = look(ground)
    assert (found["kind"], found["latest"]["version"]) == ("base", "2")
    assert found["base"] == {"image": base, "newest": "reg.test:5000/team/base:2"}


def test_reference_of_asks_the_registries(ground: Any) -> None:
    ground.engine.registry[f"{PLACE}:7"] = image("seven")
    asked = newer(ground)
    assert asked.reference_of(ground.record(), "7") == f"{PLACE}:7"
    assert asked.reference_of(ground.record(), "8") is None
    ground.engine.failure = Unreachable("nobody there")
    with pytest.raises(Unreachable):
        asked.reference_of(ground.record(), "7")


def test_the_answer_is_kept_with_its_age_until_the_runtime_moves(ground: Any) -> None:
    checks = VersionChecks(ground.store, newer(ground))
    assert checks.known(ground.record()) is None
    ground.engine.registry[f"{PLACE}:2"] = image("two")
    assert checks.now(ground.record())["newer"]
    known = checks.known(ground.record())
    assert known is not None
    assert known["newer"]
    assert known["age_seconds"] >= 0
    # a registry that falls silent takes nothing back
    ground.engine.failure = Unreachable("nobody there")
    again = checks.now(ground.record())
    assert again["newer"]
    assert again["problem"] is not None
    ground.store.change_runtime(ground.key, environment_version="2")
    assert checks.known(ground.record()) is None


def test_opening_details_asks_once_and_waits_for_nobody(
    ground: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = [], threading.Event()

    class Slow:
        def look(self, record: Any) -> dict[str, Any]:
            asked.append(record)
            assert go_on.wait(60)
            return newer(ground).look(record)

    checks = VersionChecks(ground.store, Slow())  # type: ignore[arg-type]
    assert checks.soon(ground.record(), wait=0.01) is None
    assert checks.soon(ground.record(), wait=0.01) is None
    go_on.set()
    assert checks.soon(ground.record(), wait=60) is not None
    # what was found a moment ago will do
    assert checks.soon(ground.record(), wait=60) is not None
    assert len(asked) == 1
    monkeypatch.setenv("PF_JUPYTER_VERSION_CHECK", "off")
    ground.store.change_runtime(ground.key, environment_version="9")
    assert checks.soon(ground.record(), wait=60) is None
    assert len(asked) == 1


def test_what_goes_wrong_in_the_background_stays_there(ground: Any) -> None:
    class Broken:
        def look(self, record: Any) -> dict[str, Any]:
            raise RuntimeError("a defect")

    checks = VersionChecks(ground.store, Broken())  # type: ignore[arg-type]
    assert checks.soon(ground.record(), wait=60) is None


def test_what_belongs_to_a_runtime_goes_with_it(ground: Any) -> None:
    VersionChecks(ground.store, newer(ground)).now(ground.record())
    ground.store.remember(f"rehearsal:{ground.key}", {"a": 1})
    ground.life.lifecycle.delete(ground.key)
    assert ground.store.setting(f"version_check:{ground.key}") is None
    assert ground.store.setting(f"rehearsal:{ground.key}") is None


def test_words() -> None:
    assert age(timestamp()) == "less than a minute"
    assert age("2020-01-01T00:00:00.000000+00:00").endswith(" days")
    assert changes({"a": "1", "b": "1"}, {"a": "2", "c": "1"}) == [
        {"name": "a", "before": "1", "after": "2"},
        {"name": "b", "before": "1", "after": None},
        {"name": "c", "before": None, "after": "1"},
    ]
    assert changes(None, {}) is None
    assert changes_text([]) == "same packages"
    many = changes({}, {str(n): "1" for n in range(5)})
    assert changes_text(many).endswith("2 more")


def test_a_version_of_default_from_a_registry_can_be_asked_for(stage: Any) -> None:
    named = stage.life.named
    with pytest.raises(NotFound):
        named.pin("default:2")
    stage.store.environments.add_version(published("2", name="default"))
    assert named.pin("default:2")["environment_version"] == "2"
    assert named.pin("default") == {}


def test_a_withdrawn_version_is_not_offered_and_the_next_best_is(ground: Any) -> None:
    rows = ground.store.environments
    rows.add_version(published("2", registries={}))
    rows.add_version(published("3", tags={"withdrawn": "loses rows"}))
    ground.engine.registry[f"{PLACE}:3"] = image("three")
    found = look(ground)
    assert (found["latest"]["version"], found["withdrawn"]) == ("2", None)
    rows.change_version("mine", "2", tags={"withdrawn": "slow"})
    assert look(ground)["newer"] is False
    named = ground.life.named
    assert named.find("mine", None).version == "1"
    assert named.find("mine", "3").version == "3"


def test_what_runs_a_withdrawn_version_hears_why_and_the_way_out(ground: Any) -> None:
    rows = ground.store.environments
    rows.change_version("mine", "1", tags={"withdrawn": "loses rows"})
    told = look(ground)["withdrawn"]
    assert told["reason"] == "loses rows"
    assert "another environment" in told["hint"]
    rows.add_version(published("0", registries={}))
    assert look(ground)["withdrawn"]["hint"].endswith("--to mine:0")
    previous = {"name": "mine", "version": "0", "digest": DIGEST}
    ground.store.change_runtime(ground.key, previous=previous)
    assert "rollback" in look(ground)["withdrawn"]["hint"]
    rows.add_version(published("2", registries={}))
    assert "rehearse" in look(ground)["withdrawn"]["hint"]


def test_a_channel_withdraws_versions_of_a_registry(
    ground: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "channel.yaml"
    monkeypatch.setenv("PF_JUPYTER_CHANNEL", str(file))
    for tag in ("2", "3"):
        ground.engine.registry[f"{PLACE}:{tag}"] = image(tag)
    file.write_text("mine: {withdrawn: {1: old, '3': loses rows}}\n")
    found = look(ground)
    assert found["latest"]["version"] == "2"
    assert found["withdrawn"]["reason"] == "old"
    file.write_text("mine: {withdrawn: {3: ''}}\n")
    assert look(ground)["problem"]["code"] == "bad_channel"


def test_an_offer_that_was_withdrawn_is_not_kept_while_nobody_answers(
    ground: Any,
) -> None:
    checks = VersionChecks(ground.store, newer(ground))
    ground.engine.registry[f"{PLACE}:2"] = image("two")
    assert checks.now(ground.record())["newer"]
    withdrawn = {"withdrawn": "loses rows"}
    ground.store.environments.add_version(published("2", tags=withdrawn))
    ground.engine.failure = Unreachable("nobody there")
    assert checks.now(ground.record())["newer"] is False
    checks.forget("mine")
    assert checks.known(ground.record()) is None
