"""Coroutines and generators."""

import asyncio
import itertools

import pytest

from pf_jupyter.worker.execution import WARM_MODULES

SLEEP = """
    import asyncio

    @tool
    async def nap(seconds: float, x=None):
        await asyncio.sleep(seconds)
        return seconds
"""


def test_twenty_coroutines_wait_together(flow, gate):
    for number in range(20):
        flow.python(
            f"n{number}",
            """
            import asyncio, pf_test_gate as gate

            @tool
            async def meet():
                gate.events.append(1)
                while len(gate.events) < 20:
                    await asyncio.sleep(0.005)
            """,
        )
    assert flow.run()["status"] == "Completed"


def test_a_small_concurrency_limits_coroutines_too(flow):
    for number in range(4):
        flow.python(f"n{number}", SLEEP, seconds=0.03)
    result = flow.run(concurrency=1)
    spans = sorted((n["started_at"], n["ended_at"]) for n in result["nodes"].values())
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


def test_sync_nodes_do_not_block_the_loop(flow):
    flow.file("meeting.py", "import threading\nmet = threading.Event()\n")
    flow.python(
        "waits",
        "import meeting\n@tool\ndef waits():\n    return meeting.met.wait(60)\n",
    )
    flow.python(
        "comes",
        "import meeting\n@tool\nasync def comes():\n    meeting.met.set()\n",
    )
    flow.gives("out", "${waits.output}")
    assert flow.outputs() == {"out": True}


def test_a_running_loop_of_the_caller_does_not_matter(flow):
    flow.python("n", SLEEP, seconds=0)
    flow.gives("out", "${n.output}")

    async def caller():
        return flow.outputs()

    assert asyncio.run(caller()) == {"out": 0}


@pytest.mark.parametrize("raised", ["ValueError('x')", "asyncio.CancelledError()"])
def test_coroutines_that_fail_end_the_line(flow, raised):
    flow.python("slow", SLEEP, seconds=600)
    flow.python("bad", f"import asyncio\n@tool\nasync def bad():\n    raise {raised}\n")
    result = flow.run()
    assert result["error"]["code"] == "ToolExecutionError"
    assert result["error"]["node"] == "bad"
    assert result["nodes"]["slow"]["status"] == "Canceled"


@pytest.mark.parametrize("marker", ["", "async "])
def test_generators_are_joined_and_their_chunks_sent(flow, marker):
    flow.python(
        "n",
        f"""
        @tool
        {marker}def n():
            for item in ["a", 1, None]:
                yield item
        """,
    )
    flow.gives("out", "${n.output}")
    events = []
    result = flow.run(events)
    assert result["outputs"] == {"out": "a1None"}
    assert result["nodes"]["n"]["output"] == ["a", 1, None]
    chunks = [e for e in events if e["event"] == "chunk"]
    assert {(e["node"], e["output"]) for e in chunks} == {("n", "out")}
    assert "".join(e["text"] for e in chunks) == "a1None"


def test_chunks_come_while_the_generator_works(flow, gate):
    flow.python(
        "n",
        """
        import pf_test_gate as gate

        def seen():
            return [e["text"] for e in gate.events if e["event"] == "chunk"]

        @tool
        def n():
            for number in range(4):
                yield f"{number} "
                gate.until(lambda: f"{number} " in seen())
        """,
    )
    flow.gives("out", "${n.output}")
    flow.run(gate.events)
    chunks = [e for e in gate.events if e["event"] == "chunk"]
    assert [e["text"] for e in chunks] == ["0 ", "1 ", "2 ", "3 "]


def test_a_flood_of_chunks_is_sent_in_batches(flow):
    flow.python("n", "@tool\ndef n():\n    yield from map(str, range(20000))\n")
    flow.gives("out", "${n.output}")
    events = []
    result = flow.run(events)
    chunks = [e["text"] for e in events if e["event"] == "chunk"]
    assert "".join(chunks) == result["outputs"]["out"]
    assert len(chunks) < 200


def test_the_next_node_gets_the_generator_itself(flow):
    flow.python("a", "@tool\ndef a():\n    yield 1\n    yield 2\n")
    flow.python(
        "b",
        "import inspect\n@tool\ndef b(x):\n    return [inspect.isgenerator(x), *x]\n",
        x="${a.output}",
    )
    flow.gives("b", "${b.output}")
    flow.gives("a", "${a.output}")
    assert flow.outputs() == {"b": [True, 1, 2], "a": ""}


def test_only_whole_outputs_are_joined(flow):
    flow.python("n", "@tool\ndef n():\n    return {'g': (c for c in 'xyz')}\n")
    flow.gives("out", "${n.output.g}")
    assert flow.outputs() == {"out": "xyz"}
    flow.gives("out", "${n.output}")
    assert flow.failure()["code"] == "FlowOutputUnserializable"


@pytest.mark.parametrize("marker", ["", "async "])
def test_a_generator_that_fails_late(flow, marker):
    flow.python(
        "n",
        f"@tool\n{marker}def n():\n    yield 'a'\n    raise ValueError('late')\n",
    )
    flow.gives("out", "${n.output}")
    result = flow.run()
    assert result["error"]["message"] == "Execution failure in 'n': (ValueError) late"
    assert result["error"]["frames"][-1]["line"] == 5
    assert result["nodes"]["n"]["status"] == "Failed"


def test_what_a_generator_prints_belongs_to_its_node(flow):
    flow.python("n", "@tool\ndef n():\n    print('inside')\n    yield 1\n")
    flow.gives("out", "${n.output}")
    assert "inside" in flow.run()["nodes"]["n"]["logs"]["stdout"]


def test_async_generator_object_of_a_sync_tool(flow):
    flow.python(
        "n",
        """
        async def chunks():
            yield "a"
            yield "b"

        @tool
        def n():
            return chunks()
        """,
    )
    flow.gives("out", "${n.output}")
    assert flow.outputs() == {"out": "ab"}


def test_warm_modules_exist():
    import importlib

    for name in WARM_MODULES:
        assert importlib.import_module(name)


CHOOSES = """
    @tool(streaming_option_parameter="stream")
    def say(text: str, stream: bool = False):
        def pieces():
            yield from text
        return pieces() if stream else f"{text}!"
"""


@pytest.mark.parametrize("wanted", [False, True])
def test_who_asks_decides_whether_a_python_tool_streams(flow, wanted):
    flow.python("say", CHOOSES, text="abc", stream=not wanted)
    flow.gives("out", "${say.output}")
    events = []
    result = flow.run(events, stream=wanted)
    assert result["outputs"] == {"out": "abc" if wanted else "abc!"}
    shown = "".join(e["text"] for e in events if e["event"] == "chunk")
    assert shown == ("abc" if wanted else "")


def test_a_tool_that_others_use_streams_as_the_flow_says(flow):
    flow.python("say", CHOOSES, text="abc", stream=True)
    flow.python("join", "@tool\ndef join(x):\n    return list(x)\n", x="${say.output}")
    flow.gives("out", "${join.output}")
    assert flow.outputs() == {"out": ["a", "b", "c"]}
