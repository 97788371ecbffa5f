"""One line: inputs, scheduling, conditions, outputs, failures."""

import os
import threading

import pytest

ECHO = """
    @tool
    def echo(x):
        return x
"""


@pytest.mark.parametrize(
    ("type", "given", "value"),
    [
        ("int", "11", 11),
        ("int", 1.9, 1),
        ("int", True, 1),
        ("double", "2", 2.0),
        ("bool", "TRUE", True),
        ("string", 4.5, "4.5"),
        ("string", None, "None"),
        ("list", "[1, 2]", [1, 2]),
        ("object", '{"a": 1}', {"a": 1}),
        ("object", "not json", "not json"),
        ("object", [1], [1]),
    ],
)
def test_inputs_are_coerced(flow, type, given, value):
    flow.takes("x", type)
    flow.python("n", ECHO, x="${inputs.x}")
    flow.gives("out", "${n.output}")
    out = flow.outputs(x=given)["out"]
    assert out == value
    assert out.__class__ is value.__class__


@pytest.mark.parametrize(
    ("type", "given", "code"),
    [
        ("int", "1.5", "InputTypeError"),
        ("bool", 1, "InputTypeError"),
        ("list", "[1", "InputParseError"),
        ("list", "{}", "InputTypeError"),
    ],
)
def test_input_that_does_not_fit(flow, type, given, code):
    flow.takes("x", type)
    flow.python("n", ECHO, x="${inputs.x}")
    error = flow.failure(x=given)
    assert error["code"] == code
    assert error["codes"][:2] == ["UserError", "ValidationError"]
    assert "'x'" in error["message"]


def test_defaults_fill_absent_inputs_only_and_are_coerced(flow):
    flow.takes("x", "int", default="7")
    flow.takes("y", "object", default={"k": 1})
    flow.python("n", ECHO, x="${inputs.x}")
    flow.python("m", ECHO, x="${inputs.y}")
    flow.gives("x", "${n.output}")
    flow.gives("y", "${m.output}")
    assert flow.outputs() == {"x": 7, "y": {"k": 1}}
    assert flow.outputs(y=None) == {"x": 7, "y": None}


def test_missing_inputs_are_all_named(flow):
    flow.takes("x")
    flow.takes("y")
    error = flow.failure()
    assert error["code"] == "UserErrorException"
    assert error["codes"] == ["UserError"]
    assert "['x', 'y']" in error["message"]
    assert error["hint"] == "give them: x=… y=…"


def test_missing_input_of_a_batch_line_names_the_line(flow):
    flow.takes("x")
    result = flow.run(line_number=4)
    assert result["error"]["code"] == "InputNotFound"
    assert "line 4" in result["error"]["message"]


def test_undeclared_inputs_are_passed_along_with_a_warning(flow):
    flow.when(flow.python("n", ECHO, x="a"), "${inputs.more}", 5)
    flow.gives("out", "${n.output}")
    events = []
    assert flow.run(events, inputs={"more": 5})["outputs"] == {"out": "a"}
    log = "".join(e["text"] for e in events if e["event"] == "log")
    assert "declares no input 'more'" in log
    error = flow.failure()
    assert error["code"] == "InputNotFound"


@pytest.mark.parametrize("value", [None, 5, [1, "${n.output}"]])
def test_an_output_that_is_no_reference_is_the_output(flow, value):
    flow.python("n", ECHO, x="1")
    flow.gives("out", value)
    assert flow.outputs() == {"out": value}


def test_chat_history_without_default_is_empty(flow):
    flow.takes("question", is_chat_input=True)
    flow.takes("chat_history", "list")
    flow.python("n", ECHO, x="${inputs.chat_history}")
    flow.gives("answer", "${n.output}", is_chat_output=True)
    assert flow.outputs(question="hi") == {"answer": []}


def test_properties_and_literals(flow):
    flow.python("a", "@tool\ndef a():\n    return {'k': [{'b c': 5}]}\n")
    flow.python("n", ECHO, x="${a.output.k[0]['b c']}")
    flow.python("m", ECHO, x={"nested": "${a.output}"})
    flow.gives("n", "${n}")
    flow.gives("m", "${m.anything}")
    flow.gives("input", "plain text")
    assert flow.outputs() == {
        "n": 5,
        "m": {"nested": "${a.output}"},
        "input": "plain text",
    }


@pytest.mark.parametrize(
    ("reference", "code", "hint"),
    [
        ("${a.output.nope}", "InvalidReferenceProperty", ""),
        ("${a.output.none['k']}", "InvalidReferenceProperty", ""),
        ("${a.result}", "UnsupportedReference", "${a.output}"),
        ("${a.output['k']}", "UnsupportedReference", "${a.output.['k']}"),
    ],
)
def test_references_that_lead_nowhere(flow, reference, code, hint):
    flow.python("a", "@tool\ndef a():\n    return {'k': 1, 'none': None}\n")
    flow.python("n", ECHO, x=reference)
    error = flow.failure()
    assert error["code"] == code
    assert error["codes"] == ["UserError", "NodeReferenceError", code]
    assert error["node"] == "n"
    assert hint in error["hint"]


def test_independent_sync_nodes_run_side_by_side(flow):
    body = """
        import pf_test_barrier

        @tool
        def wait():
            pf_test_barrier.barrier.wait(60)
            return 1
    """
    flow.file(
        "pf_test_barrier.py", "import threading\nbarrier = threading.Barrier(4)\n"
    )
    for name in "abcd":
        flow.python(name, body)
    flow.gives("out", "${d.output}")
    assert flow.outputs() == {"out": 1}


def test_concurrency_limits_sync_nodes(flow):
    flow.file(
        "counting.py",
        "import threading\nlock = threading.Lock()\nnow = 0\nmost = 0\n",
    )
    body = """
        import counting, time

        @tool
        def work():
            with counting.lock:
                counting.now += 1
                counting.most = max(counting.most, counting.now)
            time.sleep(0.02)
            with counting.lock:
                counting.now -= 1
            return counting.most
    """
    for name in "abcdef":
        flow.python(name, body)
    result = flow.run(concurrency=2)
    assert max(node["output"] for node in result["nodes"].values()) == 2


def test_a_lone_node_runs_in_the_calling_thread(flow):
    flow.python(
        "a",
        """
        import threading

        @tool
        def a():
            return threading.current_thread().name
        """,
    )
    flow.gives("out", "${a.output}")
    assert flow.outputs()["out"] == threading.current_thread().name


def test_first_failure_ends_the_line(flow, gate):
    flow.python(
        "slow",
        "import pf_test_gate\n@tool\ndef slow():\n    pf_test_gate.over.wait(60)\n",
    )
    flow.python("bad", "@tool\ndef bad():\n    raise ValueError('no')\n")
    flow.python("after", ECHO, x="${bad.output}")
    events = []
    result = flow.run(events)
    assert {name: node["status"] for name, node in result["nodes"].items()} == {
        "slow": "Canceled",
        "bad": "Failed",
        "after": "NotStarted",
    }
    assert [e["node"] for e in events if e["event"] == "node_canceled"] == ["slow"]
    assert "'bad' failed" in result["nodes"]["slow"]["error"]["message"]


@pytest.mark.parametrize("sleep", ["gate.over.wait(60)", "await asyncio.sleep(60)"])
def test_timeout_cancels_what_runs(flow, sleep, gate):
    marker = "async " if "await" in sleep else ""
    flow.python(
        "n",
        f"import asyncio, pf_test_gate as gate\n@tool\n{marker}def n():\n    {sleep}\n",
    )
    result = flow.run(timeout=1.5)
    assert result["status"] == "Failed"
    assert result["error"]["code"] == "LineExecutionTimeoutError"
    assert result["nodes"]["n"]["status"] == "Canceled"
    assert "1.5 seconds" in result["nodes"]["n"]["error"]["message"]


def test_keyboard_interrupt_cancels_the_run(flow):
    flow.python("n", "@tool\ndef n():\n    raise KeyboardInterrupt\n")
    result = flow.run()
    assert result["status"] == "Canceled"
    assert result["nodes"]["n"]["status"] == "Canceled"


@pytest.mark.parametrize(
    ("when", "is_", "runs"),
    [
        ("${a.output}", 1, True),
        ("${a.output}", True, True),
        ("${a.output}", "1", False),
        ("${inputs.flag}", False, True),
        ("dummy", "dummy", True),
        ("${p.output.k}", "v", True),
    ],
)
def test_activate_compares_by_plain_equality(flow, when, is_, runs):
    flow.takes("flag", "bool", default="false")
    flow.python("a", "@tool\ndef a():\n    return 1\n")
    flow.python("p", "@tool\ndef p():\n    return {'k': 'v'}\n")
    node = flow.python("n", ECHO, x="ran")
    flow.when(node, when, is_)
    flow.gives("out", "${n.output}")
    assert flow.outputs() == {"out": "ran" if runs else None}


def test_bypass_spreads_and_stops(flow):
    body = """
        @tool
        def join(left=None, right="default", plain=0):
            return [left, right, plain]
    """
    first = flow.python("first", ECHO, x="1")
    flow.when(first, "no", "yes")
    flow.python("second", ECHO, x="${first.output}")
    flow.python("third", ECHO, x="${second.output.deep}")
    flow.python("alive", ECHO, x="2")
    flow.python("joined", body, left="${alive.output}", right="${third.output}")
    flow.python("needed", ECHO.replace("(x)", "(x, y=0)"), x="${third}", y="${alive}")
    forced = flow.python("forced", ECHO, x="${first.output}")
    flow.when(forced, "${alive.output}", 2)
    follows = flow.python("follows", ECHO, x="3")
    flow.when(follows, "${first.output}", None)
    flow.gives("joined", "${joined.output}")
    flow.gives("needed", "${needed.output}")
    flow.gives("forced", "${forced.output}")
    events = []
    result = flow.run(events)
    assert result["outputs"] == {
        "joined": [2, "default", 0],
        "needed": None,
        "forced": None,
    }
    bypassed = {
        n for n, node in result["nodes"].items() if node["status"] == "Bypassed"
    }
    assert bypassed == {"first", "second", "third", "follows"}
    assert {e["node"] for e in events if e["event"] == "node_bypassed"} == bypassed
    assert result["nodes"]["third"]["inputs"] is None
    assert result["nodes"]["joined"]["inputs"] == {"left": 2}


def test_outputs_of_bypassed_nodes(flow):
    node = flow.python("n", ECHO, x="1")
    flow.when(node, 1, 2)
    flow.gives("out", "${n.output}")
    events = []
    assert flow.run(events)["outputs"] == {"out": None}
    assert any("was bypassed" in e["text"] for e in events if e["event"] == "log")
    flow.gives("deep", "${n.output.x}")
    assert flow.failure()["code"] == "InvalidReferenceProperty"


def test_environment_is_there_at_import_and_run_and_gone_afterwards(flow):
    flow.flow.environment_variables = {"PF_T_A": True, "PF_T_B": [1, {"k": None}]}
    flow.python(
        "n",
        """
        import os
        AT_IMPORT = os.environ.get("PF_T_C")

        @tool
        def n():
            return [os.environ.get(k) for k in ("PF_T_A", "PF_T_B")] + [AT_IMPORT]
        """,
    )
    flow.gives("out", "${n.output}")
    assert flow.outputs()["out"] == ["True", '[1, {"k": null}]', None]
    given = flow.run(environment_variables={"PF_T_A": "x", "PF_T_C": "c"})
    assert given["outputs"]["out"] == ["x", '[1, {"k": null}]', "c"]
    assert not [name for name in os.environ if name.startswith("PF_T_")]


def test_the_flow_folder_is_current_and_first_on_the_path(flow):
    flow.python(
        "n", "import os, sys\n@tool\ndef n():\n    return [os.getcwd(), sys.path[0]]\n"
    )
    flow.gives("out", "${n.output}")
    assert flow.outputs()["out"] == [str(flow.folder)] * 2


def test_context_variables_do_not_leak_between_nodes(flow):
    flow.file(
        "state.py",
        "from contextvars import ContextVar\nvalue = ContextVar('v', default=0)\n",
    )
    body = """
        import state

        @tool
        def n(x=None):
            before = state.value.get()
            state.value.set(5)
            return before
    """
    flow.python("a", body)
    flow.python("b", body, x="${a.output}")
    flow.gives("out", "${b.output}")
    assert flow.outputs() == {"out": 0}


def test_events_of_a_run(flow):
    flow.takes("x")
    flow.python("a", ECHO, x="${inputs.x}")
    flow.python("b", ECHO, x="${a.output}")
    events = []
    result = flow.run(events, inputs={"x": "hi"})
    assert [(e["event"], e.get("node")) for e in events] == [
        ("run_started", None),
        ("node_started", "a"),
        ("node_completed", "a"),
        ("node_started", "b"),
        ("node_completed", "b"),
    ]
    assert all("T" in e["time"] for e in events)
    assert events[2]["output_preview"] == "hi"
    assert events[2]["node_result"] == result["nodes"]["a"]
    assert result["nodes"]["b"]["inputs"] == {"x": "hi"}
    assert result["nodes"]["b"]["started_at"] <= result["nodes"]["b"]["ended_at"]


def test_long_running_nodes_are_noted(flow, gate, monkeypatch):
    monkeypatch.setenv("PF_LONG_RUNNING_LOGGING_INTERVAL", "0.05")
    flow.python(
        "n",
        """
        import pf_test_gate as gate

        @tool
        def n():
            gate.until(lambda: [e for e in gate.events if e["event"] == "node_running"])
        """,
    )
    events = gate.events
    flow.run(events)
    noted = [e for e in events if e["event"] == "node_running"]
    assert noted
    assert noted[0]["node"] == "n"
    assert noted[0]["text"].startswith("n has been running for ")
    assert noted[0]["text"].endswith(" seconds.")
