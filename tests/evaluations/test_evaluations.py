"""The bundled evaluations: values counted by hand, the published package's beside."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path

import pytest

import pf_jupyter
from pf_jupyter.runs.locate import evaluations
from pf_jupyter.standin import KEY, StandIn, embeddings

NAMES = [
    "accuracy",
    "ada-similarity",
    "coherence",
    "f1-score",
    "fluency",
    "gpt-similarity",
    "groundedness",
    "relevance",
]
OFFLINE = ["accuracy", "f1-score"]
FOLDER = evaluations()["accuracy"].parent
SIDE = Path(__file__).parents[1] / "examples" / "oracle_side.py"

ACCURACY = [
    ("App", "App", "Correct"),
    ("App", "aPP", "Correct"),
    ("App", "App ", "Incorrect"),
    ("Ä", "ä", "Correct"),
    ("", "", "Correct"),
    ("App", "", "Incorrect"),
]
# Shared words, words given, words wanted: 2pr / (p + r) = 2 shared / (given + wanted).
F1 = [
    ("You may keep it for four weeks.", "Four weeks.", 2 * 2 / (7 + 2)),
    ("Nothing", "Nothing.", 1.0),
    ("The cat", "a CAT!", 1.0),
    ("one two three", "four", 0.0),
    ("", "four", 0.0),
    ("the", "an", 0.0),
    ("to be or not to be", "to be", 2 * 2 / (6 + 2)),
    ("well-known", "well known", 0.0),
    ("theory of a thing", "Theory; thing", 2 * 2 / (3 + 2)),
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PF_JUPYTER_HOME", str(tmp_path_factory.mktemp("home")))
        workspace = pf_jupyter.connect()
        yield workspace
        workspace.close()


@pytest.fixture(scope="module")
def runtime(workspace):
    made = workspace.runtimes.create("judging", compute="process")
    yield made
    made.delete()


@pytest.fixture(scope="module")
def model(workspace, runtime):
    with StandIn.for_runtime(runtime, pause=0) as server:
        fields = {"api_key": KEY, "base_url": server.base_url}
        workspace.connections.create(
            {"name": "open_ai_connection", "type": "open_ai", **fields}
        )
        yield server


def judged(runtime, name, **inputs):
    result = runtime.run(name, inputs=inputs).raise_for_status()
    return result.outputs, result.metrics


@pytest.mark.parametrize(("truth", "given", "grade"), ACCURACY)
def test_accuracy(runtime, truth, given, grade):
    outputs, metrics = judged(runtime, "accuracy", groundtruth=truth, prediction=given)
    assert outputs == {"grade": grade}
    assert metrics == {"accuracy": 1.0 if grade == "Correct" else 0.0}


@pytest.mark.parametrize(("answer", "truth", "score"), F1)
def test_f1_score(runtime, answer, truth, score):
    outputs, metrics = judged(runtime, "f1-score", answer=answer, ground_truth=truth)
    assert outputs == {"f1_score": pytest.approx(score, abs=1e-12)}
    assert metrics == outputs


TEXTS = {
    "question": "How long may someone keep books?",
    "context": "Readers may keep books for four weeks.",
    "ground_truth": "Four weeks.",
    "answer": "Readers keep books for three weeks.",
}
# Words of more than three letters, their first five: reade keep books three weeks.
# In the question: keep books. In the context: all but three. In the truth: weeks.
SHARES = {
    "groundedness": (4 / 5, ["context"]),
    "relevance": (4 / 5, ["question", "context"]),
    "coherence": (2 / 5, ["question"]),
    "fluency": (2 / 5, ["question"]),
    "gpt-similarity": (3 / 5, ["question", "ground_truth"]),
}


@pytest.mark.parametrize("name", SHARES)
def test_a_judging_model_s_number_is_read(runtime, model, name):
    share, needed = SHARES[name]
    given = {key: TEXTS[key] for key in [*needed, "answer"]}
    outputs, metrics = judged(runtime, name, **given)
    metric = "gpt_" + name.removeprefix("gpt-")
    assert outputs == {metric: float(1 + round(4 * share))}
    assert metrics == outputs


def test_ada_similarity_is_the_cosine(runtime, model):
    texts = {"answer": "four weeks or so", "ground_truth": "four weeks"}
    outputs, metrics = judged(runtime, "ada-similarity", **texts)
    first, second = (
        item["embedding"] for item in embeddings({"input": [*texts.values()]})["data"]
    )
    product = sum(a * b for a, b in zip(first, second, strict=True))
    wanted = product / (math.sqrt(4) * math.sqrt(2))
    assert outputs == {"ada_similarity": pytest.approx(wanted)}
    assert wanted == pytest.approx(2 / math.sqrt(8))
    assert metrics == outputs


@pytest.mark.parametrize("reply", ["", "I cannot say", "10", "0", "six"])
def test_a_reply_that_is_no_grade_fails_its_line(runtime, tmp_path, reply):
    source = evaluations()["fluency"] / "score.py"
    (tmp_path / "score.py").write_bytes(source.read_bytes())
    (tmp_path / "flow.dag.yaml").write_text(
        "inputs: {reply: {type: string}}\n"
        "outputs: {o: {type: double, reference: '${score.output}'}}\n"
        "nodes:\n- {name: score, type: python, source: {type: code, path: score.py},"
        " inputs: {reply: '${inputs.reply}'}}\n"
    )
    result = runtime.run(tmp_path, reply=reply)
    assert result.status == "Failed"
    assert "no number from 1 to 5" in result.error["message"]
    for good, number in (("4", 4), ("Grade: 3.5", 3.5), (" 5\n", 5)):
        assert runtime.run(tmp_path, reply=good).outputs == {"o": number}


def test_they_are_found_by_name_and_listed(workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(evaluations()) == NAMES
    assert {flow.name for flow in workspace.flows.list()} >= set(NAMES)
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert workspace.flows.resolve(name) == FOLDER / name
        assert f"[{name}]({name}/)" in page
        assert workspace.flows.validate(name).ok


@pytest.mark.parametrize("name", NAMES)
def test_their_sample_rows_fit_their_inputs(workspace, name):
    needed = {
        item["name"]
        for item in workspace.flows.show(name).inputs
        if item["default"] is None
    }
    for line in (FOLDER / name / "data.jsonl").read_text("utf-8").splitlines():
        assert needed <= set(json.loads(line))


def published() -> Path | None:
    """An interpreter with the published package, if one is there."""
    if named := os.environ.get("PF_ORACLE_PYTHON"):
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made = cache / "pf-jupyter-conformance" / "promptflow-1.18.5" / "bin" / "python"
    return made if (made.parents[1] / "installed").exists() else None


@pytest.mark.skipif(
    published() is None,
    reason="PF_ORACLE_PYTHON names no interpreter with the published promptflow",
)
def test_the_published_package_answers_the_same_with_them(runtime):
    requests = [
        {
            "flow": str(FOLDER / "accuracy"),
            "inputs": {"groundtruth": t, "prediction": p},
        }
        for t, p, _ in ACCURACY[1:3]
    ] + [
        {"flow": str(FOLDER / "f1-score"), "inputs": {"answer": a, "ground_truth": t}}
        for a, t, _ in F1[::3]
    ]
    asked = subprocess.run(
        [str(published()), str(SIDE)],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(asked.stdout.splitlines()[-1])
    for request, answer in zip(requests, theirs, strict=True):
        outputs, metrics = judged(
            runtime, Path(request["flow"]).name, **request["inputs"]
        )
        assert answer == {"outputs": outputs, "metrics": metrics}
