"""Spans: what nodes did inside."""

import pytest

from pf_jupyter.worker.execution.tracing import MAX_CHARACTERS, bounded

TRACED = "from promptflow.tracing import trace, ThreadPoolExecutorWithContext\n"


def by_name(result):
    return {span["name"]: span for span in result["trace"]}


def test_traced_functions_nest(flow):
    flow.python(
        "n",
        TRACED
        + """
@trace
def inner(x):
    return x + 1

@trace
def outer(x, y=2):
    return inner(x) * y

@tool
def n(x: int):
    return outer(x)
""",
        x=4,
    )
    flow.gives("out", "${n.output}")
    result = flow.run()
    spans = by_name(result)
    assert result["outputs"]["out"] == 10
    assert spans["outer"]["parent"] is None
    assert spans["inner"]["parent"] == spans["outer"]["id"]
    assert spans["outer"]["node"] == spans["inner"]["node"] == "n"
    assert spans["outer"]["inputs"] == {"x": 4}
    assert (spans["inner"]["output"], spans["outer"]["output"]) == (5, 10)
    assert spans["inner"]["duration_ms"] <= spans["outer"]["duration_ms"]
    assert spans["outer"]["kind"] == "Function"


def test_a_run_without_traced_functions_says_nothing_of_it(flow):
    flow.python("n", "@tool\ndef n(): return 1")
    assert "trace" not in flow.run()


def test_spans_know_their_parents_across_threads_and_tasks(flow):
    flow.python(
        "n",
        "import asyncio\n"
        + TRACED
        + """
@trace
def worker(i):
    return i

@trace
async def task(i):
    await asyncio.sleep(0.001)
    return i

@trace
async def outer():
    with ThreadPoolExecutorWithContext() as pool:
        list(pool.map(lambda i: i, [1]))
        pool.submit(worker, 7).result()
    return await asyncio.gather(task(1), task(2))

@tool
async def n():
    return await outer()
""",
    )
    spans = flow.run()["trace"]
    (outer,) = [s for s in spans if s["name"] == "outer"]
    others = [s for s in spans if s["name"] != "outer"]
    assert sorted(s["name"] for s in others) == ["task", "task", "worker"]
    assert {s["parent"] for s in others} == {outer["id"]}
    assert outer["output"] == [1, 2]


def test_nodes_that_run_at_once_keep_their_spans_apart(flow):
    for name in ("a", "b", "c"):
        flow.python(
            name,
            "import time\n"
            + TRACED
            + f"""
@trace
def inner_{name}():
    time.sleep(0.01)

@trace
def outer_{name}():
    inner_{name}()

@tool
def {name}():
    outer_{name}()
""",
        )
    spans = by_name(flow.run())
    for name in ("a", "b", "c"):
        assert spans[f"inner_{name}"]["node"] == name
        assert spans[f"inner_{name}"]["parent"] == spans[f"outer_{name}"]["id"]


def test_generators_stay_generators_and_their_span_lasts_while_they_work(flow):
    flow.python(
        "n",
        TRACED
        + """
@trace
def helper(i):
    return i

@trace
def numbers(count):
    for i in range(count):
        yield helper(i)

@tool
def n():
    got = []
    for number in numbers(3):
        got.append(number)
        helper("outside")
    return got
""",
    )
    flow.gives("out", "${n.output}")
    result = flow.run()
    spans = result["trace"]
    (numbers,) = [s for s in spans if s["name"] == "numbers"]
    inside = [s for s in spans if s["name"] == "helper" and s["output"] != "outside"]
    outside = [s for s in spans if s["output"] == "outside"]
    assert result["outputs"]["out"] == [0, 1, 2]
    assert numbers["output"] == [0, 1, 2]
    assert [s["parent"] for s in inside] == [numbers["id"]] * 3
    assert [s["parent"] for s in outside] == [None] * 3


def test_what_a_traced_function_raised_is_told_and_passes_through(flow):
    flow.python(
        "n",
        TRACED
        + """
@trace
def bad(x):
    raise ValueError("no " + x)

@tool
def n():
    try:
        bad("luck")
    except ValueError as error:
        return str(error)
""",
    )
    flow.gives("out", "${n.output}")
    result = flow.run()
    assert result["outputs"]["out"] == "no luck"
    assert by_name(result)["bad"]["error"] == {
        "type": "ValueError",
        "message": "no luck",
    }


def test_a_traced_tool_keeps_its_interface_and_its_line(flow):
    flow.python("n", TRACED + "\n@tool\n@trace\ndef n(x: int, y: str = 'z'): return x")
    tool = flow.inspect()["tools"]["n"]
    assert list(tool["inputs"]) == ["x", "y"]
    assert tool["line"] == 4


@pytest.mark.parametrize(
    "value", ["x" * 10**7, list(range(10**6)), {"k": ["y" * 50_000] * 50}]
)
def test_large_values_are_cut_with_a_mark(value):
    shown = repr(bounded(value))
    assert len(shown) < 4 * MAX_CHARACTERS
    assert "…" in shown
    assert "more" in shown


def test_values_that_cannot_be_shown_do_not_stop_a_call(flow):
    flow.python(
        "n",
        TRACED
        + """
class Odd:
    def __repr__(self):
        raise RuntimeError("not today")

@trace
def f(odd):
    return odd

@tool
def n():
    f(Odd())
    return 1
""",
    )
    flow.gives("out", "${n.output}")
    result = flow.run()
    assert result["outputs"]["out"] == 1
    assert "Odd" in by_name(result)["f"]["output"]


def test_secrets_are_kept_out_of_spans_also_where_they_are_cut(flow):
    secret = "s3cr3t-of-the-house"
    flow.python(
        "n",
        "from promptflow.connections import CustomConnection\n"
        + TRACED
        + f"""
@trace
def f(text, padded):
    return [text]

@tool
def n(c: CustomConnection):
    f("key " + c.key, "x" * {MAX_CHARACTERS - 40} + c.key * 3)
    return 1
""",
        c="mine",
    )
    connections = {
        "mine": {
            "type": "CustomConnection",
            "module": "promptflow.connections",
            "value": {"key": secret},
            "secret_keys": ["key"],
        }
    }
    text = repr(flow.run(connections=connections)["trace"])
    assert "key *****" in text
    assert secret not in text
    assert not any(secret[:n] + "…" in text for n in range(4, len(secret)))


def test_a_call_of_a_model_is_a_span_below_what_made_it(flow):
    flow.python(
        "n",
        "from types import SimpleNamespace\n"
        "from pf_jupyter.worker.execution.model_calls import Recording\n"
        + TRACED
        + """
@trace
def ask():
    call = Recording("OpenAI", "chat", "m", {"messages": [{"role": "user"}]})
    usage = SimpleNamespace(prompt_tokens=5, completion_tokens=2, total_tokens=7)
    call.first_token()
    call.answered(SimpleNamespace(model="m-2", usage=usage, choices=[]))
    call.end("hello")

@tool
def n():
    ask()
""",
    )
    spans = by_name(flow.run())
    model = spans["OpenAI.chat"]
    assert model["kind"] == "LLM"
    assert model["parent"] == spans["ask"]["id"]
    assert model["output"] == "hello"
    assert model["inputs"]["messages"] == [{"role": "user"}]
    assert model["usage"]["total_tokens"] == 7
    assert model["attributes"]["llm.response.model"] == "m-2"
    assert model["attributes"]["llm.first_token_ms"] <= model["duration_ms"]
