"""Every example on every kind of runtime, against the published package's answers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pf_jupyter
from pf_jupyter.standin import KEY, StandIn
from pf_jupyter.workspace.api import Runtime, Workspace

FOLDER = Path(__file__).resolve().parents[2] / "examples"
KEYS = {"LINK_SIGNING_KEY": "an example key"}
FLOWS = sorted(path.parent.name for path in FOLDER.glob("*/flow.*.yaml"))
MODEL_FLOWS = [name for name in FLOWS if name.startswith("model-")]
EXAMPLES = [name for name in FLOWS if name not in MODEL_FLOWS]


def published() -> Path | None:
    """An interpreter with the published package, if one is there."""
    if named := os.environ.get("PF_ORACLE_PYTHON"):
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made = cache / "pf-jupyter-conformance" / "promptflow-1.18.5" / "bin" / "python"
    return made if (made.parents[1] / "installed").exists() else None


def expected(example: str) -> dict[str, Any]:
    text = (FOLDER / example / "expected.json").read_text(encoding="utf-8")
    return json.loads(text)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("PF_JUPYTER_HOME", str(home))
        for name, key in KEYS.items():
            patch.setenv(name, key)
        workspace = pf_jupyter.connect()
        files = {file.read_bytes(): file for file in FOLDER.glob("*/connection.yaml")}
        for file in files.values():
            workspace.connections.create(file)
        yield workspace
        workspace.close()


@pytest.fixture(
    scope="module",
    params=["process", pytest.param("docker", marks=pytest.mark.docker)],
)
def runtime(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[Runtime]:
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    made = workspace.runtimes.create(f"examples-{os.getpid()}", compute=request.param)
    yield made
    made.delete()


@pytest.fixture(scope="module")
def process(workspace: Workspace) -> Iterator[Runtime]:
    made = workspace.runtimes.create("examples-rows", compute="process")
    yield made
    made.delete()


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_answers_what_the_published_package_answers(runtime, example):
    known = expected(example)
    result = runtime.run(FOLDER / example, inputs=known["inputs"])
    assert result.error is None
    assert result.status == "Completed"
    assert result.outputs == known["outputs"]
    assert result.metrics == known["metrics"]


@pytest.mark.parametrize("example", MODEL_FLOWS)
def test_an_example_with_a_model_asks_the_stand_in(runtime, example, monkeypatch):
    known = expected(example)
    with StandIn.for_runtime(runtime, pause=0) as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        result = runtime.run(FOLDER / example, inputs=known["inputs"])
    assert result.error is None
    assert result.outputs == known["outputs"]


@pytest.mark.skipif(
    published() is None,
    reason="PF_ORACLE_PYTHON names no interpreter with the published promptflow",
)
def test_what_is_expected_is_what_the_published_package_answers_now():
    requests = [
        {"flow": str(FOLDER / example), "inputs": expected(example)["inputs"]}
        for example in EXAMPLES
    ]
    asked = subprocess.run(
        [str(published()), str(Path(__file__).with_name("oracle_side.py"))],
        input=json.dumps(requests),
        env={**os.environ, **KEYS},
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(asked.stdout.splitlines()[-1])
    known = [expected(example) for example in EXAMPLES]
    assert answers == [
        {"outputs": one["outputs"], "metrics": one["metrics"]} for one in known
    ]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_row_of_an_example_s_data_runs(process, workspace, example):
    declared = {i["name"] for i in workspace.flows.show(FOLDER / example).inputs}
    lines = (FOLDER / example / "data.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        row = {k: v for k, v in json.loads(line).items() if k in declared}
        assert process.run(FOLDER / example, inputs=row).status == "Completed", line


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_without_any_input(process, example):
    assert process.run(FOLDER / example).status == "Completed"


@pytest.mark.parametrize("example", FLOWS)
def test_an_example_says_what_it_does(example):
    own = (FOLDER / example / "README.md").read_text(encoding="utf-8")
    assert len(own.split()) > 10
    assert f"[{example}]({example})" in (FOLDER / "README.md").read_text(
        encoding="utf-8"
    )


def test_examples_are_found_by_name(workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert {flow.name for flow in workspace.flows.list()} >= {"hello"}
    for example in EXAMPLES:
        assert list(workspace.flows.resolve(example).glob("flow.*.yaml"))


def test_web_pages_are_classified_right(process):
    data = (FOLDER / "web-classification" / "data.jsonl").read_text(encoding="utf-8")
    for row in map(json.loads, data.splitlines()):
        result = process.run("web-classification", url=row["url"])
        assert result.outputs["category"] == row["answer"]


def test_another_variant_summarises_shorter(process):
    node = "summarize_text_content"
    long = process.run("web-classification").nodes[node].output
    short = process.run("web-classification", variant=f"${{{node}.variant_1}}")
    assert len(short.nodes[node].output) < len(long)


def test_the_other_branch_is_bypassed(process):
    result = process.run("conditional", message="Lovely shop!", customer="Bo")
    assert result.nodes["complaint"].status == "Bypassed"
    assert result.nodes["thanks"].status == "Completed"


def test_async_lookups_wait_together(runtime):
    nodes = runtime.run("async-fan-out").nodes
    lookups = [nodes[name] for name in ("weather", "trains", "museums")]
    last_start = max(node.started_at for node in lookups)
    first_end = min(node.ended_at for node in lookups)
    assert last_start < first_end


def test_words_arrive_while_they_are_spoken(runtime):
    async def collect() -> list[str]:
        events = runtime.stream("streaming", inputs={"text": "one two three"})
        return [event["text"] async for event in events if event["event"] == "chunk"]

    assert asyncio.run(collect()) == ["one", " two", " three"]


def test_a_class_tool_reports_its_own_error(process):
    result = process.run("class-tool", order={"castle": 1})
    assert result.status == "Failed"
    assert result.error["code"] == "ToolExecutionError"
    assert "not on the price list: castle" in result.error["message"]
